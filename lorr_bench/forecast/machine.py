"""The memory of this machine, found without importing torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from lorr_bench.devices import gpu_rows
from lorr_bench.forecast.memory import Machine
from lorr_bench.ports.versions import package_version

MEBIBYTE: Final = 1 << 20
CONTAINER_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")


def this_machine(own: Mapping[str, str], limit: Path = CONTAINER_LIMIT) -> Machine:
    """GPUs that training would use, and main memory.

    Args:
        own: The environment.
        limit: File with the limit of a container; need not exist.
    """
    return Machine(gpu_memory(own), main_memory(limit))


def gpu_memory(own: Mapping[str, str]) -> tuple[int, ...]:
    """Bytes of each GPU that may be used; none where torch is built for a CPU.

    Args:
        own: The environment, for ``CUDA_VISIBLE_DEVICES``.
    """
    if package_version("torch").endswith("+cpu"):
        return ()
    return visible_memory(gpu_rows("index,uuid,memory.total"), own.get("CUDA_VISIBLE_DEVICES"))


def visible_memory(listed: Sequence[str], visible: str | None) -> tuple[int, ...]:
    """Bytes of the GPUs that are visible.

    Args:
        listed: Lines of index, identity and MiB, as ``nvidia-smi`` prints them.
        visible: ``CUDA_VISIBLE_DEVICES``: indices or beginnings of identities; None for all.
    """
    rows = [[cell.strip() for cell in line.split(",")] for line in listed if line.count(",") == 2]
    sizes = {index: int(mebibytes) * MEBIBYTE for index, _, mebibytes in rows if mebibytes.isdecimal()}
    if visible is None:
        return tuple(sizes.values())
    wanted = [name.strip() for name in visible.split(",") if name.strip()]
    return tuple(
        sizes[index]
        for name in wanted
        for index, identity, _ in rows
        if _is(name, index, identity) and index in sizes
    )


def _is(name: str, index: str, identity: str) -> bool:
    return name == index or (name.startswith("GPU-") and identity.startswith(name))


def main_memory(limit: Path = CONTAINER_LIMIT) -> int:
    """Bytes of main memory that processes here may use: what the machine has, or its container's limit.

    Args:
        limit: File with that limit; need not exist.
    """
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):  # `max` where there is no limit
        sizes.append(int(limit.read_text("ascii")))
    return min(sizes)
