"""What worker processes ask of the nodes of a cluster, and whether the nodes have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lorr_bench.plan.stage import Pool
from lorr_bench.quantities import GIB, gibibytes
from lorr_bench.spec.execution import Resources
from lorr_bench.spec.models import Suite

ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class Share:
    """Resources of a node, or of a part of it.

    Attributes:
        cpus: Processor cores.
        gpus: GPUs.
        memory_bytes: Main memory.
    """

    cpus: float
    gpus: float
    memory_bytes: float

    def holds(self, other: Share) -> bool:
        """Whether the other one fits in."""
        return (
            self.cpus - other.cpus >= -ROUNDING
            and self.gpus - other.gpus >= -ROUNDING
            and self.memory_bytes >= other.memory_bytes
        )

    def __sub__(self, other: Share) -> Share:
        """What is left without the other one."""
        return Share(self.cpus - other.cpus, self.gpus - other.gpus, self.memory_bytes - other.memory_bytes)

    def __str__(self) -> str:
        """The share in words."""
        memory = f", {gibibytes(self.memory_bytes, '.3g')} of memory" if self.memory_bytes else ""
        return f"CPU {self.cpus:g}, GPU {self.gpus:g}{memory}"


def pool_shares(suite: Suite, *, has_gpus: bool) -> dict[Pool, Share]:
    """What one worker process of each pool asks.

    Args:
        suite: ``execution.resources``, and how many GPUs its stages need where that says nothing.
        has_gpus: Whether the cluster has GPUs; without, nobody asks for one unless the suite says so.
    """
    asked = suite.execution.resources
    train = _share(asked.train, suite.training.num_processes, has_gpus)
    engine = _share(asked.engine, suite.engine.tensor_parallel_size, has_gpus)
    return {"train": train, "engine": engine, "grade": _share(asked.grade, 0, has_gpus)}


def _share(asked: Resources, needed_gpus: int, has_gpus: bool) -> Share:
    gpus = float(needed_gpus * has_gpus) if asked.gpus is None else asked.gpus
    return Share(asked.cpus, gpus, (asked.memory_gib or 0.0) * GIB)


def has_room(nodes: Mapping[str, Share], held: Iterable[tuple[str | None, Share]], asked: Share) -> bool:
    """Whether a node holds one more share.

    Args:
        nodes: All that each node has.
        held: What is taken, with its node; None where it is not known yet: then the first with room.
        asked: The further one.
    """
    left = dict(nodes)
    for node, share in sorted(held, key=lambda taken: taken[0] is None):
        place = node if node is not None else _first(left, share)
        if place in left:
            left[place] -= share
    return _first(left, asked) is not None


def _first(left: Mapping[str, Share], share: Share) -> str | None:
    return next((node for node, room in left.items() if room.holds(share)), None)
