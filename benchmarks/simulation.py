"""The real driver with simulated workers, clock and store: what ``scheduling.py --simulate`` prints.

Simulated are: how long a stage takes, by the middle of the plan's range on the devices asked about, or as a
run of the same suite took; workers that are lost, after which the stage begins anew; and an object store,
each request to which takes the driver some milliseconds. Agenda, retries, slots, the freeing of weights and
the parts that engines share are those of a run. A GPU does one stage at a time: two that share one would each
be slower.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lorr_bench.events import Ended, Failed, StageEvent
from lorr_bench.forecast.device_hours import formula_seconds
from lorr_bench.forecast.devices import Devices
from lorr_bench.forecast.measured import model_size
from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.peak_memory import GIB
from lorr_bench.forecast.workload import ELEMENT_BYTES, Workloads
from lorr_bench.plan.kinds.answers.part import Part
from lorr_bench.plan.kinds.model import ModelStage
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.parts import in_parts
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Kind, Pool, Stage
from lorr_bench.run.driver import Driver, RunState
from lorr_bench.run.executor import Order
from lorr_bench.run.local import make_slots
from lorr_bench.run.retention import Retention
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.store.record import Record
from lorr_bench.store.store import Store, Survey

HOUR: Final = 3600.0
PAGE: Final = 1000
"""Names that an object store gives for a request."""
FILES_OF_A_RESULT: Final = 6
"""Record, log and tables of a stage, in the mean; each is a request of the worker that reads or writes it."""
WEIGHT_FILES: Final = 4


@dataclass
class Clock:
    """Simulated seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@dataclass(frozen=True)
class World:
    """What is assumed.

    Attributes:
        workers: GPUs, one worker process each.
        hours_between_losses: Of one worker, in the mean; infinite where none is lost.
        restart_seconds: Until a lost worker takes a stage again: a process, its imports, an engine.
        request_seconds: Of one request of the driver to the store.
        driver_seconds: Of its own work for each stage.
        seed: Of the losses.
    """

    workers: int
    hours_between_losses: float = math.inf
    restart_seconds: float = 120.0
    request_seconds: float = 0.03
    driver_seconds: float = 0.002
    seed: int = 0


@dataclass
class Simulated:
    """What came of a simulated run.

    Attributes:
        state: As the driver has it.
        seconds: Until its end.
        busy: Seconds times GPUs of stages that ended.
        lost: The same of stages that were lost on the way, with the restarts behind them.
        losses: How many stages were lost.
        driver_requests: To the store by the driver, at its start and afterwards.
        worker_requests: To the store by workers.
        driver_seconds: That the driver worked, or waited for the store.
        waited: Seconds that events waited for the driver, the longest.
        real_seconds: That the simulation took here: the driver's own work, and some of the simulation.
    """

    state: RunState
    seconds: float
    busy: float
    lost: float
    losses: int
    driver_requests: Mapping[str, int]
    worker_requests: int
    driver_seconds: float
    waited: float
    real_seconds: float


class SimulatedStore(Store):
    """An object store that holds what has ended; each request takes the driver its time.

    Requests are those that ``RemoteStore`` makes: a survey is a listing, a record is one, whether it was
    freed another.

    Args:
        root: For what the driver writes beside it.
        clock: Moves on with each request.
        request_seconds: Of one.
    """

    def __init__(self, root: Path, clock: Clock, request_seconds: float) -> None:
        super().__init__(root)
        self._clock, self._request_seconds = clock, request_seconds
        self._finished: set[str] = set()
        self.requests: Counter[str] = Counter()

    def finish(self, stage: Stage) -> None:
        """A worker has stored a result."""
        self._finished.add(stage.digest)

    def survey(self, stages: Sequence[Stage]) -> Survey:
        """One listing, in pages."""
        self._ask("at the start", max(1, math.ceil(len(self._finished) * FILES_OF_A_RESULT / PAGE)))
        return Survey({s.digest for s in stages} & self._finished, lambda _: True)

    def read(self, stage: Stage, **_: Any) -> Record | None:
        """A request for the record."""
        self._ask("afterwards", 1)
        return _RECORD if stage.digest in self._finished else None

    def whole(self, stage: Stage) -> bool:
        """Two more: the record, and whether it was freed."""
        return self.read(stage) is not None and self._ask("afterwards", 1)

    def free(self, stage: Stage, policy: str = "") -> int:  # noqa: ARG002 - the store's own
        """The record, whether it was freed, a size for each file that goes, a note, and each file."""
        self._ask("afterwards", 3 + 2 * (WEIGHT_FILES if isinstance(stage, Train) else 1))
        return 0

    def _ask(self, when: str, requests: int) -> bool:
        self.requests[when] += requests
        self._clock.now += requests * self._request_seconds
        return True


_RECORD: Final[Any] = object()


@dataclass(order=True)
class _Event:
    at: float
    number: int
    said: StageEvent = field(compare=False)
    stage: Stage = field(compare=False)
    free_at: float = field(compare=False)


class SimulatedExecutor:
    """Slots of as many GPUs as there are, on which stages take simulated time.

    Args:
        plan: What is run.
        world: What is assumed.
        seconds: How long a stage takes.
        store: Told what ends.
        clock: Moves on to the next event.
    """

    def __init__(
        self, plan: Plan, world: World, seconds: Callable[[Stage], float], store: SimulatedStore, clock: Clock
    ) -> None:
        slots, _ = make_slots(plan.suite, [str(n) for n in range(world.workers)], world.workers)
        self._free: Counter[Pool] = Counter(slot.pool for slot in slots)
        self._free["grade"] = world.workers  # processors of every machine grade
        self._world, self._seconds, self._store, self._clock = world, seconds, store, clock
        self._random, self._numbers = random.Random(world.seed), itertools.count()
        self._events: list[_Event] = []
        self._returning: list[tuple[float, Pool, int]] = []
        self._in_use = 0
        self.busy = self.lost = self.waited = self.driver_seconds = 0.0
        self.losses = self.worker_requests = 0

    def draws_apart(self) -> bool:
        """As on GPUs."""
        return True

    def takes(self, stage: Stage) -> bool:
        """Whether a slot is free, and GPUs for it."""
        self._take_back()
        return self._free[stage.pool] > 0 and self._in_use + _gpus(stage) <= self._world.workers

    def begin(self, order: Order) -> str:
        """Draw how the stage ends."""
        stage = order.stage
        json.dumps(order.to_dict())  # as for a process
        self._clock.now += self._world.driver_seconds
        self.driver_seconds += self._world.driver_seconds
        gpus, needed = _gpus(stage), self._seconds(stage)
        until_loss = self._loss(max(1, gpus))
        ends = min(needed, until_loss)
        lost = until_loss < needed
        self._free[stage.pool] -= 1
        self._in_use += gpus
        said: StageEvent = (
            Failed(stage.digest, "its worker was lost") if lost else Ended(stage.digest, needed, 0)
        )
        at = self._clock.now + ends
        free_at = at + (self._world.restart_seconds if lost else 0.0)
        heapq.heappush(self._events, _Event(at, next(self._numbers), said, stage, free_at))
        self.worker_requests += 2 + FILES_OF_A_RESULT * (len(stage.inputs) + (not lost))
        if lost:
            self.losses += 1
            self.lost += gpus * (ends + self._world.restart_seconds)
        else:
            self.busy += gpus * needed
        return stage.pool

    def end(self, stage: Stage, reason: str) -> None:
        """Stages of a simulated run have no limit of time."""

    def next_event(self, timeout_seconds: float | None) -> StageEvent | None:
        """The next event; the clock moves on to it."""
        until = math.inf if timeout_seconds is None else self._clock.now + timeout_seconds
        self._take_back()
        due = self._returning[0][0] if self._returning else math.inf
        if not self._events or self._events[0].at > min(until, due):
            self._clock.now = max(self._clock.now, min(until, due))
            return None
        event = heapq.heappop(self._events)
        self.waited = max(self.waited, self._clock.now - event.at)
        self._clock.now = max(self._clock.now, event.at)
        heapq.heappush(self._returning, (event.free_at, event.stage.pool, _gpus(event.stage)))
        self._take_back()
        if isinstance(event.said, Ended):
            self._store.finish(event.stage)
        return event.said

    def stop(self) -> None:
        """Nothing is left behind."""

    def _take_back(self) -> None:
        while self._returning and self._returning[0][0] <= self._clock.now:
            _, pool, gpus = heapq.heappop(self._returning)
            self._free[pool] += 1
            self._in_use -= gpus

    def _loss(self, gpus: int) -> float:
        mean = self._world.hours_between_losses * HOUR / gpus
        return self._random.expovariate(1 / mean) if math.isfinite(mean) else math.inf


def _gpus(stage: Stage) -> int:
    return stage.work({}).devices if stage.pool != "grade" else 0


def simulate(plan: Plan, world: World, seconds: Callable[[Stage], float], folder: Path) -> Simulated:
    """Run a plan in simulated time.

    Args:
        plan: What is run.
        world: What is assumed.
        seconds: How long a stage takes.
        folder: For the driver's journal; new.
    """
    folder.mkdir(parents=True)
    clock = Clock()
    store = SimulatedStore(folder / "store", clock, world.request_seconds)
    executor = SimulatedExecutor(plan, world, seconds, store, clock)
    execution, began = plan.suite.execution, time.perf_counter()
    state = Driver(
        plan,
        store,
        executor,
        watcher=lambda _: None,
        journal=_Forgetful(folder / STATE_FILE, clock=clock),
        logs=folder / "logs",
        execution=execution.model_copy(update={"attempts": 1000}),
        on_finished=Retention(plan, store, execution.keep).stage_done,
        clock=clock,
    ).run()
    asked = sum(store.requests.values())
    return Simulated(
        state=state,
        seconds=clock.now,
        busy=executor.busy,
        lost=executor.lost,
        losses=executor.losses,
        driver_requests=dict(store.requests),
        worker_requests=executor.worker_requests,
        driver_seconds=executor.driver_seconds + asked * world.request_seconds,
        waited=executor.waited,
        real_seconds=time.perf_counter() - began,
    )


class _Forgetful(Journal):
    """A journal that writes no file: its time is measured by the other tables."""

    def save(self) -> None:
        """Nothing."""


def shared(plan: Plan) -> Plan:
    """A plan of which nothing is done, as GPUs share its collections and benchmarks.

    Args:
        plan: What is run.
    """
    parts = plan.suite.execution.parts
    everything = {stage.digest for stage in plan.stages}
    return in_parts(plan, everything, parts, drawn=True) if parts > 1 else plan


# --- how long stages take -------------------------------------------------------------------------------

UNKNOWN_SECONDS: Final = 60.0
"""Of a stage without a formula, and of one that puts the answers of its parts together."""


def by_estimates(plan: Plan, devices: Devices, unknown: Mapping[Kind, float]) -> Callable[[Stage], float]:
    """The middle of the plan's range for a stage, geometric; of kinds without a formula what is assumed.

    Args:
        plan: What is run.
        devices: What it runs on.
        unknown: Seconds of a stage of each kind that the formulas leave out.
    """
    workloads = Workloads({stage.digest: stage for stage in plan.stages})
    model = start_size(plan)
    known: dict[Any, float] = {}

    def seconds(stage: Stage) -> float:
        if stage.parts:
            return UNKNOWN_SECONDS
        workload = workloads.of(stage)
        if isinstance(stage, Part):
            workload = workloads.of(stage.whole).share(stage.parameters.parts)
        if workload not in known:
            span = formula_seconds(workload, model, devices.device) if model else None
            other = unknown.get(stage.kind, UNKNOWN_SECONDS)
            known[workload] = math.sqrt(span.low * span.high) if span else other
        return known[workload]

    return seconds


def by_run(output: Path) -> Callable[[Stage], float]:
    """What the stages of a suite took, as the journal of its output folder has it; a part its share.

    Args:
        output: Of a finished run of the same suite, made without parts.
    """
    measured = Journal(output / STATE_FILE).seconds

    def seconds(stage: Stage) -> float:
        if isinstance(stage, Part):
            return measured[stage.parameters.whole] / stage.parameters.parts
        return UNKNOWN_SECONDS if stage.parts else measured[stage.digest]

    return seconds


# --- the table ------------------------------------------------------------------------------------------

HEAD: Final = (
    "workers",
    "stages",
    "hours",
    "at best",
    "utilisation",
    "lost workers",
    "GPU hours lost",
    "requests of the driver, at its start and afterwards",
    "requests of workers",
    "driver busy",
    "longest wait for the driver",
    "real ms of the driver a stage",
)


def rows(
    plan: Plan, worlds: Sequence[World], seconds: Callable[[Stage], float], folder: Path
) -> Iterator[str]:
    """Lines of a Markdown table.

    Args:
        plan: What is run.
        worlds: One a row.
        seconds: How long a stage takes.
        folder: For the journals.
    """
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    for number, world in enumerate(worlds):
        found = simulate(plan, world, seconds, folder / str(number))
        asked = found.driver_requests
        best = max(found.busy / world.workers, longest_path(plan, seconds))
        cells = (
            f"{world.workers:,}",
            f"{len(plan.stages):,}",
            f"{found.seconds / HOUR:.1f}",
            f"{best / HOUR:.1f}",
            f"{found.busy / (found.seconds * world.workers):.0%}",
            f"{found.losses:,}",
            f"{found.lost / HOUR:,.1f}",
            f"{asked.get('at the start', 0):,} + {asked.get('afterwards', 0):,}",
            f"{found.worker_requests:,}",
            f"{found.driver_seconds / found.seconds:.1%}",
            f"{found.waited:.1f} s",
            f"{1000 * found.real_seconds / len(plan.stages):.2f}",
        )
        yield f"| {' | '.join(cells)} |"


def longest_path(plan: Plan, seconds: Callable[[Stage], float]) -> float:
    """Seconds of the stages that have to follow one another, of the longest such chain."""
    ends: dict[str, float] = {}
    for stage in plan.stages:
        begins = max((ends[digest] for digest in stage.needs), default=0.0)
        ends[stage.digest] = begins + seconds(stage)
    return max(ends.values(), default=0.0)


def moved(plan: Plan) -> str:
    """What becomes of trained weights, in one sentence: each is written once, and read by every stage of it.

    A machine that keeps its copy reads it once, so what is read is at most this.

    Args:
        plan: What is run.
    """
    model = start_size(plan)
    trained = {stage.digest: stage for stage in plan.stages if isinstance(stage, Train)}
    reads = sum(digest in trained for stage in plan.stages for digest in stage.inputs.values())
    each = model.parameters * ELEMENT_BYTES[plan.suite.model.dtype] / GIB if model else math.nan
    kept = len(plan.training) if plan.suite.execution.keep == "last" else 0
    return (
        f"Trained weights: {len(trained):,} times {each:.1f} GiB written, {reads:,} times read at most: "
        f"{(len(trained) + reads) * each / 1024:,.1f} TiB moved; {kept * each:,.0f} GiB stay."
    )


def start_size(plan: Plan) -> ModelSize | None:
    """The size of the start model."""
    first = next(stage for stage in plan.stages if isinstance(stage, ModelStage))
    return model_size(first.start_model.path, first.start_model.revision)
