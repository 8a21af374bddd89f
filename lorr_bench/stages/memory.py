"""The largest memory that training took."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path


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
