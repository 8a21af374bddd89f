"""The largest memory that training took, and what to do where there was too little."""

from __future__ import annotations

import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

from lorr_bench.plan.stage import Stage


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


def free_memory() -> None:
    """Let go of what nothing uses any more, such as a trained model and its optimizer; on the GPU as well.

    Models and trainers refer to each other in circles, which Python only looks for now and then. What is left
    then was imported, nearly all of it, and is not walked through again when the next training looks. Where
    torch was never imported there is nothing of the kind.
    """
    if (torch := sys.modules.get("torch")) is None:
        return
    gc.collect()
    gc.freeze()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def peak_memory_of_programs() -> int:
    """Largest memory of any program that this process has started and waited for, in bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def out_of_memory_advice(stage: Stage, error: Exception) -> str:
    """What to change where memory ran out; empty where the error is another, or nothing can be changed.

    Args:
        stage: What was done.
        error: What came of it.
    """
    return stage.memory_advice if is_out_of_memory(error) else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, that of the machine or that of a GPU; found without importing torch."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )
