"""vLLM's sleep mode: the memory that an engine gives back, and whether it answers right after new weights.

An engine made by vLLM alone, eager and with CUDA graphs: asleep on level 2, awake with the weights of
another model, its answers and log-probabilities against those of a fresh engine. Then our engine, likewise.
"""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from engines import GIB, Said, apart, by_vllm, ours, prompts, said, settings, talkative_model, timed, used_gib
from script import Options, WrongError, run

SHARE: Final = 0.45
ALLOWED_NATS: Final = 1e-2
LEFT_GIB: Final = 8.0
"""What a sleeping engine may hold beside what was taken before it started: kernels, graphs, scratch."""


def measure(options: Options) -> str:
    """On a GPU only: vLLM's CPU engine does not sleep, and says so."""
    asked = prompts(8 if options.toy else 64)
    with tempfile.TemporaryDirectory() as folder:
        shape = "toy" if options.toy else "500M"
        first, second = (talkative_model(shape, Path(folder), seed=seed, dtype="bfloat16") for seed in (0, 1))
        if options.device != "cuda":
            return f"not on a CPU: {_refusal(first)}"
        reference = apart(_fresh, second, asked)
        found, faults = [], []
        ways: dict[str, Callable[..., str]] = {
            "eager": partial(_vllm_alone, eager=True),
            "graphs": partial(_vllm_alone, eager=False),
            "ours": _ours,
            "ours, graphs": partial(_ours, eager=False),
        }
        for name, way in ways.items():
            try:
                found.append(f"{name}: {apart(way, first, second, asked, reference)}")
            except Exception as error:  # noqa: BLE001 - the other ways are tried all the same
                traceback.print_exc()
                faults.append(f"{name}: {type(error).__name__}: {error}")
    if faults:
        raise WrongError("; ".join([*faults, *found]))
    return "; ".join(found)


def _refusal(model: Path) -> str:
    from vllm.engine.arg_utils import EngineArgs

    try:
        EngineArgs(model=str(model), enable_sleep_mode=True).create_model_config()
    except ValueError as error:
        return " ".join(str(error).split())[:200]
    raise WrongError("vLLM lets an engine on a CPU sleep: measure it here as well")


def _fresh(model: Path, asked: list[list[int]]) -> Said:
    with by_vllm(model, "bfloat16", share=0.2) as llm:
        return said(llm, asked)


def _vllm_alone(first: Path, second: Path, asked: list[list[int]], reference: Said, *, eager: bool) -> str:
    before = used_gib()
    with by_vllm(first, "bfloat16", eager=eager, share=SHARE, enable_sleep_mode=True) as llm:
        if not said(llm, asked).differing(reference):
            raise WrongError("the two models answer the same: nothing could be seen")
        awake = used_gib()
        _, sleep_seconds = timed(lambda: llm.sleep(level=2))
        asleep = used_gib()
        _, wake_seconds = timed(lambda: _wake(llm, second))
        again = used_gib()
        found = said(llm, asked)
    after = used_gib()
    _judge(found, reference, asleep - before)
    return (
        f"{before:.1f} GiB before, {awake:.1f} awake, {asleep:.1f} asleep, {again:.1f} awake again, "
        f"{after:.1f} at the end; {sleep_seconds:.2f} s to sleep, {wake_seconds:.2f} s to wake and load"
    )


def _wake(llm: Any, model: Path) -> None:
    llm.wake_up(tags=["weights"])
    llm.collective_rpc("reload_weights", kwargs={"weights_path": str(model)})
    llm.wake_up(tags=["kv_cache"])
    llm.reset_prefix_cache()


def _ours(first: Path, second: Path, asked: list[list[int]], reference: Said, *, eager: bool = True) -> str:
    before = used_gib()
    with ours(first, settings("bfloat16", share=SHARE, eager=eager)) as engine:
        awake = used_gib()
        _, sleep_seconds = timed(engine.sleep)
        asleep = used_gib()
        _, wake_seconds = timed(lambda: engine.load(str(second), None))
        found = said(engine.llm, asked)
    _judge(found, reference, asleep - before)
    return (
        f"{awake:.1f} GiB awake, {asleep:.1f} asleep; {sleep_seconds:.2f} s to sleep, {wake_seconds:.2f} s "
        "to wake and load"
    )


def _judge(found: Said, reference: Said, left: float) -> None:
    if found.differing(reference) or found.distance(reference) > ALLOWED_NATS:
        raise WrongError(
            f"awake again, {found.differing(reference)} of {len(reference.answers)} answers and "
            f"{found.distance(reference):.2g} nats away from a fresh engine"
        )
    if left > LEFT_GIB:
        raise WrongError(f"asleep it holds {left:.1f} GiB ({left * GIB:,.0f} bytes)")


if __name__ == "__main__":
    run(measure, __doc__)
