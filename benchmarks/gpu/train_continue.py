"""A training that is killed halfway and continued, against one that runs through: native and on TRL.

The weights at the end are compared to the bit. Where they differ, so may two trainings that run through:
then both are made again with PyTorch's deterministic algorithms.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs import EnoughError, constant_reference, forget, long_pairs, scratch, start_model, train
from random_models import random_model
from script import Options, WrongError, run

from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.values import Pair

ROWS, BATCH = 16, 4
STOP = 6  # of eight steps; the checkpoint lies before it, behind the reset
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts; alone it changes nothing

Weights = dict[str, Any]


def measure(options: Options) -> str:
    """The largest differences of both backends, as they are and with deterministic algorithms."""
    shape, tokens = ("toy", 20) if options.toy else ("100M", 480)
    said, wrong = [], False
    with scratch() as folder:
        bench = Bench(random_model(shape, Path(folder)), long_pairs(ROWS, 16, tokens), Path(folder))
        for backend in ("native", "trl"):
            sentence, same = compare(bench, backend)
            said.append(sentence)
            wrong = wrong or not same
    if wrong:
        raise WrongError("; ".join(said))
    return "; ".join(said)


def compare(bench: Bench, backend: str) -> tuple[str, bool]:
    """What is found for one backend, and whether continued trainings can end at the same bits."""
    import torch

    through = bench.straight(backend, "through")
    continued = difference(through, bench.killed_and_continued(backend, "killed"))
    if continued == 0:
        return f"{backend}: the same bits", True
    again = difference(through, bench.straight(backend, "again"))
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        through = bench.straight(backend, "fixed")
        fixed = difference(through, bench.killed_and_continued(backend, "fixed-killed"))
    finally:
        torch.use_deterministic_algorithms(False)
    found = "the same bits" if fixed == 0 else f"{fixed:.2g} apart"
    return (
        f"{backend}: {continued:.2g} apart, two that run through {again:.2g}; "
        f"with deterministic algorithms {found}",
        fixed == 0,
    )


class Bench:
    """Trains two replays with a reset between them."""

    def __init__(self, model: Path, pairs: list[Pair], folder: Path) -> None:
        self._start = start_model(model)
        self._pairs, self._folder = pairs, folder
        self._reference = folder / "reference.parquet"
        constant_reference(pairs, self._start, 512, self._reference)

    def straight(self, backend: str, name: str) -> Weights:
        """Train in one go."""
        return self._trained(backend, f"{backend}-{name}", lambda _: None)

    def killed_and_continued(self, backend: str, name: str) -> Weights:
        """Train until a kill, and go on from the last checkpoint before it."""

        def die(step: int) -> None:
            if step == STOP:
                raise EnoughError

        try:
            self._trained(backend, f"{backend}-{name}", die)
        except EnoughError:
            forget()
            return self._trained(backend, f"{backend}-{name}", lambda _: None)
        raise WrongError(f"{backend}: the training was over before its kill")

    def _trained(self, backend: str, name: str, on_step: Callable[[int], None]) -> Weights:
        from safetensors.torch import load_file

        settings = {
            "learning_rate": 1e-4,
            "per_device_train_batch_size": BATCH,
            "max_length": 512,
            "bf16": True,
        }
        reset = Reset(r"\.(o_proj|down_proj)\.", 0.5, clear_optimizer=True)
        train(
            f"{backend}.dpo",
            self._start,
            self._pairs,
            settings,
            self._folder / name,
            reference=self._reference,
            loop=ReplayLoop(rows=ROWS, seed=0, sft_weights=(0.1, 0.2), reset=reset),
            save_steps=STOP - 1,
            on_step=on_step,
        )
        forget()
        weights: dict[str, Any] = load_file(self._folder / name / "model" / "model.safetensors")
        return weights


def difference(one: Weights, other: Weights) -> float:
    """The largest difference of any weight."""
    return max(float((one[name] - other[name]).abs().max()) for name in one)


if __name__ == "__main__":
    run(measure, __doc__)
