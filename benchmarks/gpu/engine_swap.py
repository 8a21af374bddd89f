"""Weights swapped into our running engine, against an engine that vLLM starts with them.

Eager and with CUDA graphs, embeddings tied and untied, float32 and bfloat16: 64 greedy answers and the
log-probabilities of the prompts have to be the same, and others than those of the model before. The
fingerprint proof has to accept the model that was loaded and to refuse another; whether it sees weights 5
% off is told.
"""

from __future__ import annotations

import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engines import Said, apart, by_vllm, ours, prompts, said, settings, talkative_model
from script import Options, WrongError, run

from lorr_bench.generate.fingerprint import take_fingerprint
from lorr_bench.ports.trainer import StartModel

ALLOWED_NATS: Final = {"float32": 1e-4, "bfloat16": 1e-2}
"""Largest difference of a log-probability: the same kernels on the same weights."""


@dataclass(frozen=True)
class Case:
    """One way to run an engine."""

    tied: bool
    eager: bool
    dtype: str

    def __str__(self) -> str:
        """In words."""
        graphs = "eager" if self.eager else "graphs"
        return f"{graphs} {'tied' if self.tied else 'untied'} {self.dtype}"


CASES: Final = (
    Case(tied=True, eager=True, dtype="float32"),
    Case(tied=False, eager=True, dtype="bfloat16"),
    Case(tied=False, eager=False, dtype="float32"),
    Case(tied=True, eager=False, dtype="bfloat16"),
)


def measure(options: Options) -> str:
    """All cases on a GPU; the first alone on a CPU, where there are no graphs."""
    cases = CASES if options.device == "cuda" else CASES[:1]
    asked = prompts(8 if options.toy else 64)
    found, faults = [], []
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found.append(apart(_check, case, "toy" if options.toy else "100M", Path(folder), asked))
            except WrongError as error:
                faults.append(f"{case}: {error}")
            except Exception as error:  # noqa: BLE001 - the other cases are tried all the same
                traceback.print_exc()
                faults.append(f"{case}: {type(error).__name__}: {error}")
    if faults:
        raise WrongError("; ".join([*faults, *found]))
    left_out = "" if options.device == "cuda" else "; CUDA graphs need a GPU"
    return f"{len(asked)} prompts: {'; '.join(found)}{left_out}"


def _check(case: Case, shape: str, folder: Path, asked: list[list[int]]) -> str:
    first, second = (talkative_model(shape, folder, tied=case.tied, seed=seed) for seed in (0, 1))
    near = _nearly(second, folder / "near")
    marks = {
        model: take_fingerprint(StartModel(str(model), None, case.dtype, False))
        for model in (first, second, near)
    }
    with ours(first, settings(case.dtype, eager=case.eager)) as engine:
        before = said(engine.llm, asked)
        proofs = [engine.disagreement(marks[first])]
        engine.load(str(second), None)
        swapped = said(engine.llm, asked)
        proofs.append(engine.disagreement(marks[second]))
        refused = [engine.disagreement(marks[first]), engine.disagreement(marks[near])]
        engine.load(str(first), None)
        back = said(engine.llm, asked)
    with by_vllm(second, case.dtype, eager=case.eager) as llm:
        reference = said(llm, asked)
    _judge(case, before, swapped, back, reference)
    if any(proofs):
        raise WrongError(f"the fingerprint refuses the right model: {proofs}")
    if refused[0] is None:
        raise WrongError("the fingerprint of another model is accepted")
    off = "refused" if refused[1] else "not seen"
    return f"{case}: {swapped.distance(reference):.1g} nats from fresh, weights 5 % off are {off}"


def _judge(case: Case, before: Said, swapped: Said, back: Said, reference: Said) -> None:
    moved, allowed = before.distance(reference), ALLOWED_NATS[case.dtype]
    if moved < 20 * allowed or not before.differing(reference):
        raise WrongError(f"the two models say the same ({moved:.2g} nats): nothing could be seen")
    if swapped.differing(reference) or swapped.distance(reference) > allowed:
        raise WrongError(
            f"{swapped.differing(reference)} of {len(reference.answers)} answers and "
            f"{swapped.distance(reference):.2g} nats away from a fresh engine "
            f"({moved:.2g} nats between the models)"
        )
    if back.differing(before) or back.distance(before) > allowed:
        raise WrongError(
            f"swapped back, {back.differing(before)} answers and {back.distance(before):.2g} nats away"
        )


def _nearly(model: Path, folder: Path) -> Path:
    """A model whose weights are 5 % of their size away."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, folder)
    torch.manual_seed(2)
    weights: dict[str, Any] = load_file(folder / "model.safetensors")
    moved = {
        name: one + 0.05 * one.std() * torch.randn_like(one) for name, one in weights.items() if one.ndim > 1
    }
    save_file({**weights, **moved}, folder / "model.safetensors", {"format": "pt"})
    return folder


if __name__ == "__main__":
    run(measure, __doc__)
