"""Run a suite and write its report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from lorr_bench.checks.check_plan import check_plan
from lorr_bench.checks.devices import check_devices
from lorr_bench.checks.reward_model import readiness_lines
from lorr_bench.checks.rows import check_rows
from lorr_bench.devices import usable_cores, visible_gpus
from lorr_bench.errors import StoreError
from lorr_bench.events import Planned, Watcher, notes_to, tell_all
from lorr_bench.forecast.machine import this_machine
from lorr_bench.forecast.pair_counts import check_pairs, extendable_line
from lorr_bench.plan.kinds.answers.part import Part
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.parts import can_be_cut, in_parts
from lorr_bench.plan.plan import Plan, make_plan
from lorr_bench.plan.stage import Pool
from lorr_bench.plan.tuning.tries import Tries
from lorr_bench.run.commits import keep_commits, revision_lines, revisions_of
from lorr_bench.run.declaration import Clock, declare, foreseen, most_seen, now
from lorr_bench.run.driver import POOLS, Driver, RunState, Scope
from lorr_bench.run.executor import Executor
from lorr_bench.run.local import LocalExecutor
from lorr_bench.run.retention import Retention
from lorr_bench.run.selection import select
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.run.tuning.found import found_by
from lorr_bench.run.tuning.phase import scope_behind_tries, scope_of_tries, without_diverged
from lorr_bench.run.tuning.words import chosen_lines, tries_line
from lorr_bench.run.unproven import unproven_warning
from lorr_bench.shipped.named import NamedSuite
from lorr_bench.shipped.results import results_folder
from lorr_bench.spec.load import LoadedSuite, resolved_yaml
from lorr_bench.spec.models import Suite
from lorr_bench.store.disk import storage_error, write_text
from lorr_bench.store.lock import Lock
from lorr_bench.store.results import load_results
from lorr_bench.store.store import Store, Survey, done_stages
from lorr_bench.track.reporter import make_trackers
from lorr_bench.values import START, Tuned

RUN_FILE: Final = "run.json"
SUITE_FILE: Final = "suite.yaml"
LOCK_FILE: Final = "lock"
REPORT_FOLDER: Final = "report"


@dataclass(frozen=True)
class Places:
    """Where a run writes.

    Attributes:
        output: Report, logs, resolved suite, journal, state of the last run.
        store: Results of stages: a folder, or an fsspec URL.
    """

    output: Path
    store: str


def places_of(loaded: LoadedSuite, output: str | Path | None, store: str | None) -> Places:
    """Where the results of a suite lie.

    Args:
        loaded: The suite.
        output: What the user says of the output folder.
        store: What the user says of the store.
    """
    if output is not None:
        return Places(Path(output), store or str(Path(output) / "store"))
    results = results_folder(os.environ, named=isinstance(loaded, NamedSuite))
    return Places(results / "runs" / loaded.suite.name, store or str(results / "store"))


@dataclass(frozen=True)
class RunOptions:
    """What a user wants of one run beside the suite.

    Attributes:
        only: The stages to have, with what they need, as ``select`` reads them; none is all.
        pools: Only stages of these pools are run.
        fail_fast: Whether the first failure ends the run.
        retry_failed: Whether stages that have used up their attempts get new ones.
    """

    only: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = POOLS
    fail_fast: bool = False
    retry_failed: bool = False

    def scope(self, plan: Plan) -> Scope:
        """What a run of a plan is about.

        Raises:
            SuiteError: The plan has nothing of such a name.
        """
        return Scope(self.pools, frozenset(select(plan, self.only)) if self.only else None, self.fail_fast)


EVERYTHING: Final = RunOptions()


@dataclass(frozen=True)
class FinishedRun:
    """A run that is over.

    Attributes:
        plan: What was planned.
        state: What came of it.
        page: The report page; None where there was no room to write it.
        unanswered: Evaluations whose answers are not stored.
    """

    plan: Plan
    state: RunState
    page: Path | None
    unanswered: tuple[Evaluation, ...]


def run_suite(
    loaded: LoadedSuite,
    places: Places,
    watcher: Watcher,
    store: Store,
    options: RunOptions = EVERYTHING,
    *,
    clock: Clock = now,
) -> FinishedRun:
    """Run what is not done yet, then report. Running again continues.

    Args:
        loaded: The suite.
        places: Where to write.
        watcher: Told what happens.
        store: Where results lie.
        options: What the user wants of this run.
        clock: Dates what is declared to be tested.

    Raises:
        LorrBenchError: The suite can't be planned, the output folder can't be written, or another run has it.
    """
    notice = notes_to(watcher)
    revisions = revisions_of(places.output, ask=True, required=True, notice=notice)

    def planned(journal: Journal) -> Plan:
        return make_plan(loaded, revisions, found_by(store, journal.failures))

    plan = planned(_journal(places, options))
    warnings = check_plan(plan, task_names=not plan.revisions.known)
    check_rows(plan)
    check_pairs(plan, store)
    if "engine" not in options.pools:
        check_report_stays(plan, store, places.output, graded=False)
    scope = options.scope(plan)
    survey = store.survey(plan.stages)
    waiting = scope.waiting(plan.stages, survey.finished, survey.whole)
    check_devices(plan.suite, waiting)
    warnings += readiness_lines(plan.suite, waiting, lambda: this_machine(os.environ))
    watcher(Planned(plan))
    for line in [*warnings, *revision_lines(plan, places.output)]:
        notice(line)
    try:
        places.output.mkdir(parents=True, exist_ok=True)
        with Lock(places.output / LOCK_FILE) as lock:
            write_text(places.output / SUITE_FILE, resolved_yaml(plan.suite))
            keep_commits(plan, places.output)
            for sentence in foreseen(plan, store, places.output, clock):
                notice(f"the report will say: {sentence}")
            declare(plan, store, places.output, clock)
            told = tell_all(watcher, *make_trackers(plan.suite, places.output, store, notice))
            run = _Run(plan, scope, places, store, told, lock, _journal(places, options))
            return run.finish(survey) if plan.tries is None else run.tune(plan.tries, planned).finish()
    except OSError as error:
        raise storage_error(error, places.output) from error


def _journal(places: Places, options: RunOptions) -> Journal:
    """What earlier runs of the suite left, as far as this one is to know it."""
    journal = Journal(places.output / STATE_FILE)
    if options.retry_failed:
        journal.forget_failures()
    return journal


@dataclass(frozen=True)
class _Run:
    """A run that holds its output folder.

    Attributes:
        plan: What is run.
        scope: What of it.
        places: Where to write.
        store: Where results lie.
        watcher: Told what happens.
        lock: On the output folder.
        journal: Of the suite.
        tried: What came of the tries before it; None where there are none.
    """

    plan: Plan
    scope: Scope
    places: Places
    store: Store
    watcher: Watcher
    lock: Lock
    journal: Journal
    tried: RunState | None = None

    def tune(self, tries: Tries, planned: Callable[[Journal], Plan]) -> _Run:
        """Run the tries that are not done; what follows them has the settings that were chosen.

        Args:
            tries: Of the plan.
            planned: Plans the suite anew, by what is known then.
        """
        tuning = self.plan.tuning
        assert tuning is not None
        if all(tuned.chosen is not None for tuned in tuning.arms):
            return replace(self, scope=scope_behind_tries(self.plan, self.scope))
        notice = notes_to(self.watcher)
        notice(tries_line(tuning))
        scope = scope_of_tries(self.plan, tries, tuning, self.scope)
        state = replace(self, plan=tries.plan, scope=scope)._drive(self.store.survey(tries.plan.stages))
        plan = planned(self.journal)
        for line in chosen_lines(plan.tuning or tuning):
            notice(line)
        return replace(
            self,
            plan=plan,
            scope=scope_behind_tries(plan, self.scope),
            tried=without_diverged(state, tries, self.journal.failures),
        )

    def finish(self, survey: Survey | None = None) -> FinishedRun:
        """Run, and report; a result that the report finds damaged is made again, once.

        Args:
            survey: What the store held when the run began; looked up where nobody has just looked.
        """
        notice = notes_to(self.watcher)
        for word in (unproven_warning(self.plan, self.store), extendable_line(self.plan, self.store)):
            if word is not None:
                notice(word)
        state = self._behind_tries(survey or self.store.survey(self.plan.stages))
        if state.disk_full:
            return self._finished(state, None)
        set_aside = len(self.store.set_aside)
        page, seconds = self._report(state)
        if len(self.store.set_aside) > set_aside and not state.halted:
            again = self._drive(self.store.survey(self.plan.stages))
            state = _merged(state, again, self._failed_before)
            page, seconds = self._report(state)
        description = _describe(self.plan, state, seconds)
        write_text(self.places.output / RUN_FILE, json.dumps(description, indent=1))
        return self._finished(state, page)

    def _report(self, state: RunState) -> tuple[Path | None, float]:
        """Write the report, unless one would lose all its models; the page, and the seconds it took."""
        if lost := lost_by_report(self.plan, self.store, self.places.output, graded=True):
            notes_to(self.watcher)(f"{lost}; it is left as it is")
            return None, 0.0
        return report_plan(self.plan, self.store, self.places.output, state.failed)

    def _behind_tries(self, survey: Survey) -> RunState:
        """Run the plan, unless its tries ended the run; what came of both as one."""
        if self.tried is None:
            return self._drive(survey)
        if self.tried.halted:
            return self.tried
        state = self._drive(survey)
        made = survey.finished & self.tried.ran.keys()
        return replace(_merged(self.tried, state, self._failed_before), reused=state.reused - len(made))

    @property
    def _failed_before(self) -> dict[str, str]:
        """Why tries failed."""
        return {} if self.tried is None else self.tried.failed

    def _drive(self, survey: Survey) -> RunState:
        suite, executor = self.plan.suite, make_executor(self.plan.suite)
        plan = self._shared_plan(survey, executor)
        return Driver(
            plan,
            self.store,
            executor,
            watcher=self.watcher,
            journal=self.journal,
            logs=self.places.output / "logs",
            execution=suite.execution,
            scope=self.scope,
            on_finished=Retention(plan, self.store, suite.execution.keep, notes_to(self.watcher)).stage_done,
            check=self._check,
            survey=survey if plan is self.plan else None,  # which knows no parts
        ).run()

    def _shared_plan(self, survey: Survey, executor: Executor) -> Plan:
        """The plan as engines share it: where a GPU draws, each answer has a random state of its own."""
        parts = self.plan.suite.execution.parts
        if parts == 1:
            return self.plan
        waiting = self.scope.waiting(self.plan.stages, survey.finished, survey.whole)
        drawn = any(can_be_cut(stage, drawn=True) for stage in waiting) and executor.draws_apart()
        return in_parts(self.plan, {stage.digest for stage in waiting}, parts, drawn=drawn)

    def _check(self) -> None:
        if self.lock.lost:
            fix = "Look for the other run; one of the two is enough."
            raise StoreError("another run took this suite over", where=str(self.places.output), fix=fix)

    def _finished(self, state: RunState, page: Path | None) -> FinishedRun:
        stages = {stage.digest: stage for stage in self.plan.stages}
        answers = (evaluation.answers for evaluation in self.plan.evaluations)
        stored = {digest for digest in set(answers) if self.store.read(stages[digest]) is not None}
        unanswered = (evaluation for evaluation in self.plan.evaluations if evaluation.answers not in stored)
        return FinishedRun(self.plan, state, page, tuple(unanswered))


def make_executor(suite: Suite) -> Executor:
    """What the suite says that runs its stages.

    Args:
        suite: The suite.

    A Ray cluster is looked for when there is a first stage to run.
    """
    if suite.execution.executor == "ray":
        from lorr_bench.run.ray.executor import RayExecutor

        return RayExecutor(suite)
    return LocalExecutor(suite, visible_gpus(os.environ), usable_cores())


def _merged(first: RunState, second: RunState, failed: Mapping[str, str]) -> RunState:
    """Two runs as one; what the first one did is no reuse in the second.

    Args:
        first: What came of one.
        second: What came of the other, which tried again what the first one could not do.
        failed: What it did not try again.
    """
    pools = {pool: first.pool_seconds[pool] + seconds for pool, seconds in second.pool_seconds.items()}
    return replace(
        second,
        reused=first.reused,
        failed={**failed, **second.failed},
        ran={**first.ran, **second.ran},
        retried=first.retried + second.retried,
        pool_seconds=pools,
        wall_seconds=first.wall_seconds + second.wall_seconds,
    )


def check_report_stays(plan: Plan, store: Store, output: Path, *, graded: bool) -> None:
    """Refuse to write a report without any trained model over one that had some.

    Args:
        plan: The plan.
        store: Where results lie.
        output: Output folder of the run.
        graded: Whether verdicts have to be there; else answers are enough.

    Raises:
        StoreError: The report would lose all of them.
    """
    if lost := lost_by_report(plan, store, output, graded=graded):
        fix = (
            "It is left as it is. The suite, a file or the grader has changed since: `lorr-bench run` makes "
            "these models, with -o FOLDER beside the report."
        )
        raise StoreError(lost, where=str(output / REPORT_FOLDER), fix=fix)


def lost_by_report(plan: Plan, store: Store, output: Path, *, graded: bool) -> str:
    """What a report would lose where it had trained models and now would have none, in words; else nothing.

    Where pairs are collected, the grader is part of every model's identity, as are the suite and its files:
    after a change of any of these the store holds nothing that the plan knows.

    Args:
        plan: The plan.
        store: Where results lie.
        output: Output folder of the run.
        graded: Whether verdicts have to be there; else answers are enough.
    """
    if not (before := most_seen(output)):
        return ""
    trained = [one for one in plan.evaluations if one.point != START]
    needed = {one.digest if graded else one.answers for one in trained}
    if done_stages([stage for stage in plan.settled_stages if stage.digest in needed], store):
        return ""
    return f"the report has {before:,} evaluations of trained models; of those planned now none is stored"


def report_plan(
    plan: Plan, store: Store, output: Path, failed: dict[str, str], clock: Clock = now
) -> tuple[Path, float]:
    """Write the report from the store, with what was declared in the output folder.

    Args:
        plan: The plan.
        store: Where results lie.
        output: Output folder of the run.
        failed: Why stages have no result, by digest.
        clock: Dates what is declared to be tested, where that is news.

    Returns:
        The page, and the seconds it took.

    Raises:
        StoreError: What was declared can't be read or written, or a damaged result can't be set aside.
    """
    from lorr_bench.report.write import write_report

    started = time.perf_counter()
    results = load_results(plan, store, failed, declare(plan, store, output, clock))
    return write_report(results, output / REPORT_FOLDER).page, time.perf_counter() - started


def _describe(plan: Plan, state: RunState, report_seconds: float) -> dict[str, Any]:
    kinds = {stage.digest: stage.kind for stage in plan.stages}
    by_kind: dict[str, float] = {}
    for digest, seconds in state.ran.items():
        kind = kinds.get(digest, Part.kind)  # which no plan has before it is run
        by_kind[kind] = by_kind.get(kind, 0.0) + seconds
    return {
        "suite": plan.suite.name,
        "stages": len(plan.stages),
        "reused": state.reused,
        "ran": len(state.ran),
        "retried": state.retried,
        "failed": state.failed,
        "halted": state.halted,
        "wall_seconds": state.wall_seconds,
        "report_seconds": report_seconds,
        "stage_seconds": by_kind,
        "pool_seconds": state.pool_seconds,
        **({} if plan.tuning is None else {"tuning": list(map(_chosen, plan.tuning.arms))}),
    }


def _chosen(tuned: Tuned) -> dict[str, Any]:
    score = None if tuned.chosen is None else tuned.tries[tuned.chosen].score
    return {
        "arm": tuned.arm,
        "unique_pairs": tuned.unique_pairs,
        "used_at": list(tuned.used_at),
        "tries": len(tuned.tries),
        "settings": tuned.settings,
        "score": score if score is not None and tuned.measured else None,
    }
