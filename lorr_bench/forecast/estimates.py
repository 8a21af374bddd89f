"""What a plan will cost, each figure with its basis: measured stages where there are some, else a formula.

Nothing is known of a device before it was measured, so without measured stages of a kind its time is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lorr_bench.forecast.calibration import NONE, Figure, Measured, disk_of, seconds_of, tokens_of, total
from lorr_bench.forecast.memory import (
    NO_MODEL,
    Machine,
    Memory,
    MemoryEstimates,
    ModelSizes,
    Room,
    size_at_work,
)
from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.workload import ELEMENT_BYTES, Workload, Workloads
from lorr_bench.plan.kinds.model import ModelStage
from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.plan.parts import can_be_cut
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Kind, Pool, Stage


@dataclass(frozen=True)
class Largest:
    """The stage of a kind that needs the most memory.

    Attributes:
        stage: The stage.
        memory: What it needs.
    """

    stage: Stage
    memory: Memory


@dataclass(frozen=True)
class ArmMemory:
    """What the training of some arms needs.

    Attributes:
        arms: Their names.
        memory: Of the largest train stage of each.
    """

    arms: tuple[str, ...]
    memory: Memory


@dataclass(frozen=True)
class KindEstimate:
    """What the stages of one kind will cost.

    Attributes:
        kind: The kind.
        pool: Which workers do them.
        stages: How many there are.
        left: How many are not done.
        seconds: Of those left, one after the other.
        device_seconds: The same, each times the devices that it occupies.
        tokens: That those left train on or generate.
        largest: The one that needs the most memory, done or not; None for work that needs little.
        disk: Bytes that those left add to the store for good.
    """

    kind: Kind
    pool: Pool
    stages: int
    left: int
    seconds: Figure
    device_seconds: Figure
    tokens: Figure
    largest: Largest | None
    disk: Figure


class Estimates:
    """Estimates one plan; equal workloads are estimated once.

    Args:
        plan: The plan.
        done: Digests of the stages that are done.
        measured: Finished stages of any suite.
        sizes: Gives the size of a model by path and revision.
        machine: Where it will run.

    Attributes:
        model: Size of the start model; None where it is not on this machine.
        measured: Finished stages of any suite.
    """

    def __init__(
        self,
        plan: Plan,
        done: Collection[str],
        measured: Sequence[Measured],
        sizes: ModelSizes,
        machine: Machine,
    ) -> None:
        self._plan, self._done, self.measured, self._sizes = plan, done, measured, sizes
        self._first: dict[Workload, Stage] = {}
        self._workload: dict[str, Workload] = {}
        self._all: dict[Kind, Counter[Workload]] = {}
        self._left: dict[Kind, Counter[Workload]] = {}
        self._count()
        self.model = _start_model(plan, sizes)
        self._memory = MemoryEstimates(self.model, sizes, machine, Room.of(plan.suite), measured)

    def _count(self) -> None:
        """How many stages have each workload."""
        stages = self._plan.stages
        workloads = Workloads({stage.digest: stage for stage in stages})
        for stage in stages:
            workload = self._workload[stage.digest] = workloads.of(stage)
            self._first.setdefault(workload, stage)
            self._all.setdefault(stage.kind, Counter())[workload] += 1
            self._left.setdefault(stage.kind, Counter())[workload] += stage.digest not in self._done

    @property
    def all_workloads(self) -> Mapping[Kind, Mapping[Workload, int]]:
        """How many stages of each kind have which workload, done or not."""
        return self._all

    @property
    def workloads_left(self) -> Mapping[Kind, Mapping[Workload, int]]:
        """How many stages that are not done have which workload; of every kind of the plan."""
        return {kind: +count for kind, count in self._left.items()}

    def first_of(self, workload: Workload) -> Stage:
        """The first stage that has a workload."""
        return self._first[workload]

    def parts_of(self, workload: Workload) -> int:
        """Engines that share a stage with a workload, where GPUs draw its answers."""
        return self._plan.suite.execution.parts if can_be_cut(self._first[workload], drawn=True) else 1

    def by_kind(self) -> tuple[KindEstimate, ...]:
        """What each kind of stage will cost, in the order in which the kinds first occur."""
        return tuple(map(self._kind, self._all))

    def by_arm(self) -> list[ArmMemory]:
        """What training needs, arms with equal needs together, the largest first."""
        found: dict[str, dict[Workload, Memory]] = {}
        known = {workload: self._memory.of(workload) for workload in self._all.get("train", ())}
        for point, digest in self._plan.training.items():
            workload = self._workload[digest]
            if (memory := known[workload]) is not None:
                found.setdefault(point.arm, {})[workload] = memory
        largest = {arm: max(needs.values(), key=_bytes) for arm, needs in found.items()}
        together: dict[tuple[float, str], list[str]] = {}
        for arm, memory in largest.items():
            together.setdefault((_bytes(memory), memory.verdict), []).append(arm)
        grouped = [ArmMemory(tuple(arms), largest[arms[0]]) for arms in together.values()]
        return sorted(grouped, key=lambda group: -_bytes(group.memory))

    def largest(self, kind: Kind) -> Largest | None:
        """The stage of a kind that needs the most memory; any, where none is known."""
        found = [
            Largest(self._first[workload], memory)
            for workload in self._all.get(kind, ())
            if (memory := self._memory.of(workload)) is not None
        ]
        return max(found, key=lambda one: _bytes(one.memory), default=None)

    def _kind(self, kind: Kind) -> KindEstimate:
        left = +self._left[kind]
        like = [found for found in self.measured if found.workload.kind == kind]
        seconds = {workload: seconds_of(workload, self._parameters(workload), like) for workload in left}
        on_devices = {workload: figure for workload, figure in seconds.items() if workload.devices}
        disk = {workload: disk_of(workload, like) for workload in left}
        return KindEstimate(
            kind=kind,
            pool=KINDS[kind].pool,
            stages=self._all[kind].total(),
            left=left.total(),
            seconds=total(seconds, left),
            device_seconds=total(on_devices, {w: w.devices * number for w, number in left.items()}),
            tokens=total({workload: tokens_of(workload, like) for workload in left}, left),
            largest=self.largest(kind),
            disk=self._weights() if kind == "train" else total(disk, left),
        )

    def _parameters(self, workload: Workload) -> int | None:
        """Of the model at work; None where they are not known."""
        size = size_at_work(workload, self.model, self._sizes)
        return size.parameters if size else None

    def _weights(self) -> Figure:
        """Weights that stay in the store when everything is done."""
        keep = self._plan.suite.execution.keep
        left = [point for point, digest in self._plan.training.items() if digest not in self._done]
        models = {
            "last": len(left),
            "best": len({(point.arm, point.unique_pairs) for point in left}),
            "none": 0,
        }[keep]
        if not models:
            return Figure(0, f"keep: {keep}" if left else NONE)
        if self.model is None:
            return Figure(None, NO_MODEL)
        each = self.model.parameters * ELEMENT_BYTES[self._plan.suite.model.dtype]
        return Figure(models * each, f"weights of {models:,} models (keep: {keep})")


def _bytes(memory: Memory) -> float:
    return memory.figure.value or 0.0


def _start_model(plan: Plan, sizes: ModelSizes) -> ModelSize | None:
    """The size of the start model, as the first stage that names it finds it."""
    first = next((stage for stage in plan.stages if isinstance(stage, ModelStage)), None)
    return sizes(first.start_model.path, first.start_model.revision) if first else None
