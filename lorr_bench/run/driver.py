"""Run the stages of a plan, each when its inputs are there, as many side by side as the executor takes."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lorr_bench.events import (
    Began,
    Busy,
    Dropped,
    Ended,
    Failed,
    GivenUp,
    InPassing,
    Noted,
    Postponed,
    RunBegan,
    RunEnded,
    Spoiled,
    StageEvent,
    Watcher,
)
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Pool, Stage
from lorr_bench.run.agenda import Agenda, unfinished
from lorr_bench.run.executor import Executor, Order
from lorr_bench.run.local import log_file
from lorr_bench.run.state import Journal
from lorr_bench.spec.execution import ExecutionSpec
from lorr_bench.store.store import Store, Survey

POOLS: Final[tuple[Pool, ...]] = ("engine", "train", "grade")
MAX_WAIT_SECONDS: Final = 5.0
"""A driver that hears nothing looks so often whether it may go on."""
BUSY_DELAY_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Scope:
    """What a run is about.

    Attributes:
        pools: Only stages of these pools are run.
        only: Digests of the stages to have, with what they need; None is all.
        fail_fast: Whether the first failure ends the run.
    """

    pools: Sequence[Pool] = POOLS
    only: Set[str] | None = None
    fail_fast: bool = False

    def waiting(
        self, stages: Sequence[Stage], finished: Set[str], whole: Callable[[Stage], bool]
    ) -> list[Stage]:
        """The stages that a run of this scope has to do, in their order.

        Args:
            stages: Of the plan.
            finished: Digests of those that were done.
            whole: Whether all files of a finished stage are there.
        """
        wanted = self.only if self.only is not None else {stage.digest for stage in stages}
        needed = unfinished(stages, wanted, finished, whole)
        return [stage for stage in stages if stage.digest in needed and stage.worker_pool in self.pools]


EVERYTHING: Final = Scope()


@dataclass
class RunState:
    """What came of a run.

    Attributes:
        reused: Stages that had been done before.
        ran: Seconds of each stage that ran, by digest.
        failed: Why a stage failed, by digest; stages behind a failed one are in it too.
        retried: How often a stage was tried again.
        pool_seconds: Seconds that slots of each pool were busy; more than the sum of the stages by what lies
            between them, such as starting a process and checking inputs.
        wall_seconds: Seconds of the whole run.
        halted: Why the run ended before its time; empty where it did not.
        disk_full: Whether it ended because there was no room to write.
    """

    reused: int = 0
    ran: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    retried: int = 0
    pool_seconds: dict[Pool, float] = field(default_factory=lambda: dict.fromkeys(POOLS, 0.0))
    wall_seconds: float = 0.0
    halted: str = ""
    disk_full: bool = False


class Driver:
    """Runs one plan.

    Args:
        plan: What to do.
        store: Where results go.
        executor: What runs the stages.
        watcher: Told what happens.
        journal: Remembers failures over runs.
        logs: Folder for the logs of the stages.
        execution: How often to try again, and how long a stage may take.
        scope: What this run is about.
        on_finished: Told the digests of finished stages: at the beginning of all, then of each one.
        check: Called every few seconds; ends the run by raising.
        survey: What the store holds, where somebody has just looked; the driver looks where nobody has.
        clock: Seconds; replaced where time is simulated.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        executor: Executor,
        *,
        watcher: Watcher,
        journal: Journal,
        logs: Path,
        execution: ExecutionSpec,
        scope: Scope = EVERYTHING,
        on_finished: Callable[[Set[str]], None] = lambda _: None,
        check: Callable[[], None] = lambda: None,
        survey: Survey | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._store = store
        self._executor = executor
        self._tell = watcher
        self._journal = journal
        self._logs = logs
        self._execution = execution
        self._scope = scope
        self._on_finished = on_finished
        self._check = check
        self._survey = survey
        self._clock = clock
        self._stages = {stage.digest: stage for stage in plan.stages}
        self._agenda = Agenda((), set(), set(), store.whole)
        self._begun: dict[str, float] = {}
        self._delayed: list[tuple[float, str]] = []
        self._state = RunState()

    def run(self) -> RunState:
        """Run everything that is not done. A stage fails alone; only what needs its result is left out.

        What needs a result that no pool of this run makes is left out too, and is no failure.
        """
        started = self._clock()
        self._prepare()
        interrupted = True
        try:
            while self._goes_on():
                self._check()
                if (event := self._executor.next_event(self._wait_seconds())) is not None:
                    self._hear(event)
                self._end_overdue()
            interrupted = False
        finally:
            self._executor.stop()
            self._tell(RunEnded(interrupted))
        self._journal.run_ends()
        self._state.wall_seconds = self._clock() - started
        return self._state

    def _prepare(self) -> None:
        stages = self._plan.stages
        survey = self._survey or self._store.survey(stages)
        finished = set(survey.finished)
        waiting = self._scope.waiting(stages, finished, survey.whole)
        todo = {stage.digest for stage in waiting}
        self._state.reused = len(finished - todo)
        self._agenda = Agenda(stages, todo, finished, self._store.whole)
        known = finished | todo
        others = [stage for stage in stages if stage.digest not in known]
        self._tell(RunBegan(self._plan, tuple(waiting), tuple(others)))
        self._on_finished(self._agenda.finished)
        for stage in waiting:
            if self._journal.attempts(stage.digest) >= self._execution.attempts:
                failure = self._journal.failures[stage.digest]
                again = "--retry-failed tries again"
                reason = f"failed {failure.attempts} times; {again}. Last: {failure.reason}"
                self._give_up(GivenUp(stage.digest, reason, used_up=True))

    def _goes_on(self) -> bool:
        """Give out what can run; whether anything runs or will."""
        if self._state.halted:
            return False
        self._wake()
        while (stage := self._agenda.take(self._may_begin)) is not None:
            self._begin(stage)
        return bool(self._begun or self._delayed)

    def _may_begin(self, stage: Stage) -> bool:
        return stage.digest in self._state.failed or self._executor.takes(stage)

    def _begin(self, stage: Stage) -> None:
        if stage.digest in self._state.failed:
            return
        inputs = {role: self._stages[digest] for role, digest in stage.inputs.items()}
        parts = [self._stages[digest] for digest in stage.parts]
        order = Order(stage, inputs, self._store.location, log_file(self._logs, stage), parts)
        slot = self._executor.begin(order)
        self._begun[stage.digest] = self._clock()
        self._journal.begins(stage.digest, slot)
        self._tell(Began(stage.digest, slot))

    def _wake(self) -> None:
        """Bring back what has waited long enough; another run may have done it meanwhile."""
        while self._delayed and self._delayed[0][0] <= self._clock():
            _, digest = heapq.heappop(self._delayed)
            if self._store.read(self._stages[digest]) is not None:
                self._end(Ended(digest, 0.0, 0))
            else:
                self._agenda.requeue(digest)

    def _wait_seconds(self) -> float:
        """Until there is something to do without an event."""
        dues = [self._delayed[0][0]] if self._delayed else []
        if self._limit is not None and self._begun:
            dues.append(min(self._begun.values()) + self._limit)
        return max(0.0, min([MAX_WAIT_SECONDS, *(due - self._clock() for due in dues)]))

    @property
    def _limit(self) -> float | None:
        minutes = self._execution.stage_timeout_minutes
        return None if minutes is None else 60.0 * minutes

    def _end_overdue(self) -> None:
        if self._limit is None:
            return
        for digest, begun in list(self._begun.items()):
            if self._clock() - begun >= self._limit:
                self._begun[digest] = self._clock()  # it is ended once
                minutes = self._execution.stage_timeout_minutes
                reason = f"it took longer than {minutes:g} minutes and was ended"
                self._executor.end(self._stages[digest], reason)

    def _hear(self, event: StageEvent) -> None:
        if isinstance(event, InPassing):
            self._tell(event)
            return
        stage = self._stages[event.digest]
        self._state.pool_seconds[stage.worker_pool] += self._clock() - self._begun.pop(event.digest)
        match event:
            case Ended():
                self._end(event)
            case Failed():
                self._fail(stage, event)
            case Busy(owner=owner):
                self._postpone(stage, f"waiting: {owner}", BUSY_DELAY_SECONDS)
            case Spoiled(input=spoiled):
                self._redo(stage, self._stages[spoiled])

    def _end(self, event: Ended) -> None:
        self._state.ran[event.digest] = event.seconds
        self._journal.ends(event.digest, event.seconds)
        self._agenda.done(event.digest)
        self._tell(event)
        self._on_finished({event.digest})

    def _fail(self, stage: Stage, event: Failed) -> None:
        if event.disk_full:
            self._journal.waits(stage.digest)
            self._state.disk_full = True
            self._halt(event.reason)
            self._give_up(GivenUp(stage.digest, event.reason))
            return
        log = log_file(self._logs, stage)
        attempts = self._journal.fails(stage.digest, event.reason, log, diverged=event.diverged)
        used_up = attempts >= self._execution.attempts
        if event.lasting or used_up:
            counts = event.diverged and self._plan.of_tries
            self._give_up(GivenUp(stage.digest, event.reason, event.lasting, used_up, counts))
        else:
            self._state.retried += 1
            self._postpone(stage, event.reason, self._execution.retry_delay(attempts))

    def _postpone(self, stage: Stage, reason: str, delay: float) -> None:
        self._journal.waits(stage.digest)
        self._tell(Postponed(stage.digest, reason, delay))
        heapq.heappush(self._delayed, (self._clock() + delay, stage.digest))

    def _redo(self, stage: Stage, spoiled: Stage) -> None:
        """Run an input again that is gone, then the stage. A disk that spoils for ever uses up attempts."""
        reason = f"the result of `{spoiled.label}` is gone or damaged"
        attempts = self._journal.fails(stage.digest, reason, log_file(self._logs, stage))
        hopeless = spoiled.digest in self._state.failed or spoiled.worker_pool not in self._scope.pools
        used_up = attempts >= self._execution.attempts
        if hopeless or used_up:
            self._give_up(GivenUp(stage.digest, reason, used_up=used_up))
            return
        self._tell(Noted(f"{reason}; it is made again"))
        self._agenda.redo(spoiled.digest)
        self._agenda.requeue(stage.digest)

    def _give_up(self, event: GivenUp) -> None:
        stage, reason = self._stages[event.digest], event.reason
        self._state.failed[stage.digest] = reason
        self._tell(event)
        dropped = tuple(reader.digest for reader in self._agenda.drop(stage.digest))
        behind = f"`{stage.label}` failed"
        self._state.failed.update(dict.fromkeys(dropped, behind))
        if dropped:
            self._tell(Dropped(dropped, behind))
        if self._scope.fail_fast and not event.counts:
            self._halt(f"{stage.label}: {reason}")

    def _halt(self, reason: str) -> None:
        self._state.halted = self._state.halted or reason
