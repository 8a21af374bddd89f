"""Run the stages of a plan, each when its inputs are there, the lanes side by side."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Lane, Stage
from lorr_bench.run.lanes import Worker
from lorr_bench.store.store import Store

LANES: Final[tuple[Lane, ...]] = ("engine", "train", "grade")


class Watcher(Protocol):
    """Is told what happens, to show it."""

    def begin(self, plan: Plan, waiting: Sequence[Stage]) -> None:
        """The run begins; ``waiting`` is what has not been done before."""

    def stage_begins(self, stage: Stage) -> None:
        """A stage begins."""

    def stage_advances(self, stage: Stage, done: int, total: int) -> None:
        """A stage got further."""

    def stage_ends(self, stage: Stage, seconds: float) -> None:
        """A stage is done."""

    def stage_fails(self, stage: Stage, reason: str) -> None:
        """A stage failed, or can't run because an input failed."""

    def finish(self) -> None:
        """The run is over."""


@dataclass
class RunState:
    """What came of a run.

    Attributes:
        reused: Stages that had been done before.
        ran: Seconds of each stage that ran, by digest.
        failed: Why a stage failed, by digest; stages behind a failed one are in it too.
        lane_seconds: Seconds each lane was busy; more than the sum of its stages by what lies between them,
            such as starting a process and checking inputs.
        wall_seconds: Seconds of the whole run.
    """

    reused: int = 0
    ran: dict[str, float] = field(default_factory=dict)
    lane_seconds: dict[Lane, float] = field(default_factory=lambda: dict.fromkeys(LANES, 0.0))
    failed: dict[str, str] = field(default_factory=dict)
    wall_seconds: float = 0.0


class Driver:
    """Runs one plan.

    Args:
        plan: What to do.
        store: Where results go.
        log: Folder for the workers' logs.
        watcher: Shows progress.
        make_worker: Replaced in tests.
        lanes: Only stages of these lanes are run.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        log: Path,
        watcher: Watcher,
        make_worker: Callable[..., Worker] = Worker,
        *,
        lanes: Sequence[Lane] = LANES,
    ) -> None:
        self._plan = plan
        self._store = store
        self._watcher = watcher
        self._stages = {stage.digest: stage for stage in plan.stages}
        self._inbox: queue.Queue[tuple[Lane, dict[str, Any] | None]] = queue.Queue()
        self._workers = {lane: make_worker(lane, log / f"{lane}.log", self._inbox) for lane in lanes}
        self._finished: set[str] = set()
        self._waiting: list[Stage] = []
        self._sent: dict[Lane, float] = {}
        self._state = RunState()

    def run(self) -> RunState:
        """Run everything that is not done. A stage fails alone; only what needs its result is left out.

        What needs a result that no lane of this run makes is left out too, and is no failure.
        """
        started = time.perf_counter()
        self._finished = {stage.digest for stage in self._plan.stages if self._store.read(stage) is not None}
        self._waiting = [
            stage
            for stage in self._plan.stages
            if stage.digest not in self._finished and stage.lane in self._workers
        ]
        self._state.reused = len(self._finished)
        self._watcher.begin(self._plan, self._waiting)
        try:
            while self._dispatch():
                self._receive(*self._inbox.get())
        finally:
            for worker in self._workers.values():
                worker.stop()
            self._watcher.finish()
        self._state.wall_seconds = time.perf_counter() - started
        return self._state

    def _dispatch(self) -> bool:
        """Give every idle worker its next stage; whether any worker is busy."""
        for stage in list(self._waiting):
            if failed := [digest for digest in stage.inputs.values() if digest in self._state.failed]:
                self._waiting.remove(stage)
                self._fail(stage, f"`{self._stages[failed[0]].label}` failed")
            elif self._finished.issuperset(stage.inputs.values()) and self._workers[stage.lane].stage is None:
                self._waiting.remove(stage)
                self._watcher.stage_begins(stage)
                inputs = {role: self._stages[digest] for role, digest in stage.inputs.items()}
                self._sent[stage.lane] = time.perf_counter()
                self._workers[stage.lane].send(stage, inputs, self._store.root)
        return any(worker.stage is not None for worker in self._workers.values())

    def _receive(self, lane: Lane, answer: dict[str, Any] | None) -> None:
        worker = self._workers[lane]
        stage = worker.stage
        if answer is not None and "progress" in answer:
            self._watcher.stage_advances(self._stages[answer["progress"]], *answer["of"])
            return
        worker.stage = None
        if stage is not None:
            self._state.lane_seconds[lane] += time.perf_counter() - self._sent[lane]
        if answer is None:
            reason = worker.exit_reason()
            if stage is not None:
                self._fail(stage, f"{reason}; see the log")
        elif stage is not None and "done" in answer:
            self._finished.add(stage.digest)
            self._state.ran[stage.digest] = answer["seconds"]
            self._watcher.stage_ends(stage, answer["seconds"])
        elif stage is not None:
            place = f"{answer['where']}: " if answer["where"] not in ("", stage.label) else ""
            fix = f". {answer['fix']}" if answer["fix"] else ""
            self._fail(stage, f"{place}{answer['what']}{fix}")

    def _fail(self, stage: Stage, reason: str) -> None:
        self._state.failed[stage.digest] = reason
        self._watcher.stage_fails(stage, reason)
