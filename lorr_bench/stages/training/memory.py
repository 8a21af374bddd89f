"""The largest memory that training took, and what to do where there was too little."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.ports.registry import load_adapter

_ADVICE: Final[dict[Kind, str]] = {
    "train": "Lower per_device_train_batch_size and raise gradient_accumulation_steps by the same "
    "factor{change}, set gradient_checkpointing: true, or share the model over GPUs "
    "(training.num_processes and sharding)",
    "reference": "Lower precompute_ref_batch_size",
}
_CHANGE: Final = (
    " (of {name} this is a change of the method, whose loss depends on the micro-batch: make it in every arm "
    "that is compared)"
)
_ENGINE_ADVICE: Final = (
    "Lower engine.max_model_len, or cut the model over GPUs by engine.tensor_parallel_size"
)
_ENGINE_BESIDE: Final = "; on a GPU that an engine shares, lower engine.gpu_memory_utilization"


def forget_peak_memory() -> None:
    """Begin measuring the peak memory of this process, and of its GPU, anew."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):  # other systems than Linux: the peak is then that of the whole process
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_memory() -> int:
    """Largest memory since ``forget_peak_memory``, in bytes: of the GPU where there is one."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    with suppress(OSError, StopIteration, ValueError):
        status = Path("/proc/self/status").read_text("ascii").splitlines()
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def peak_memory_of_programs() -> int:
    """Largest memory of any program that this process has started and waited for, in bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def out_of_memory_advice(stage: Stage, error: Exception) -> str:
    """What to change where memory ran out; empty where the error is another, or nothing can be changed.

    Args:
        stage: What was done.
        error: What came of it.
    """
    if not is_out_of_memory(error):
        return ""
    if stage.kind in _ADVICE:
        return f"{_ADVICE[stage.kind].format(change=_change_of_method(stage))}{_ENGINE_BESIDE}."
    return f"{_ENGINE_ADVICE}." if stage.pool == "engine" else ""


def _change_of_method(stage: Stage) -> str:
    """What smaller micro-batches do beside saving memory."""
    if stage.kind != "train" or "adapter" not in stage.params:
        return ""
    name: str = stage.params["adapter"][0]
    return "" if load_adapter(name).exact_accumulation else _CHANGE.format(name=name)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, that of the machine or that of a GPU; found without importing torch."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )
