"""The processor cores and GPUs of this machine, found without importing anything that may be missing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping


def usable_cores() -> int:
    """The cores that this process may use, where the system says so; else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus(own: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them.

    Args:
        own: The environment.
    """
    if (named := own.get("CUDA_VISIBLE_DEVICES")) is not None:
        return tuple(name for name in named.split(",") if name not in ("", "-1"))
    return tuple(gpu_rows("index"))


def gpu_rows(columns: str) -> list[str]:
    """What the driver says of each GPU, a line each; none where there is no driver, or it does not answer.

    Args:
        columns: Names of ``nvidia-smi --help-query-gpu``, with commas between them.
    """
    command = ["nvidia-smi", f"--query-gpu={columns}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()
