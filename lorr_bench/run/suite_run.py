"""Run a suite and write its report."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import Plan, make_plan
from lorr_bench.plan.stage import Lane
from lorr_bench.run.driver import LANES, Driver, RunState, Watcher
from lorr_bench.spec.load import LoadedSuite, resolved_yaml
from lorr_bench.store.results import load_results
from lorr_bench.store.store import Store, storage_error, write_text

RUN_FILE: Final = "run.json"
SUITE_FILE: Final = "suite.yaml"


@dataclass(frozen=True)
class Places:
    """Where a run writes.

    Attributes:
        output: Report, logs, resolved suite, state of the last run.
        store: Results of stages.
    """

    output: Path
    store: Path


@dataclass(frozen=True)
class Finished:
    """A run that is over.

    Attributes:
        plan: What was planned.
        state: What came of it.
        page: The report page.
        unanswered: Evaluations whose answers are not stored.
    """

    plan: Plan
    state: RunState
    page: Path
    unanswered: tuple[Evaluation, ...]


def run_suite(
    loaded: LoadedSuite, places: Places, watcher: Watcher, store: Store, lanes: Sequence[Lane] = LANES
) -> Finished:
    """Run what is not done yet, then report. Running again continues.

    Args:
        loaded: The suite.
        places: Where to write.
        watcher: Shows progress.
        store: Where results lie.
        lanes: Run only stages of these; the lane ``grade`` alone needs neither model nor engine.

    Raises:
        LorrBenchError: The suite can't be planned, or the output folder can't be written.
    """
    plan = make_plan(loaded)
    logs = places.output / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        write_text(places.output / SUITE_FILE, resolved_yaml(plan.suite))
    except OSError as error:
        raise storage_error(error, places.output) from error
    state = Driver(plan, store, logs, watcher, lanes=lanes).run()
    page, seconds = report_plan(plan, store, places.output, state.failed)
    write_text(places.output / RUN_FILE, json.dumps(_describe(plan, state, seconds), indent=1))
    stages = {stage.digest: stage for stage in plan.stages}
    unanswered = tuple(e for e in plan.evaluations if store.read(stages[e.answers]) is None)
    return Finished(plan, state, page, unanswered)


def report_plan(plan: Plan, store: Store, output: Path, failed: dict[str, str]) -> tuple[Path, float]:
    """Write the report from the store alone.

    Returns:
        The page, and the seconds it took.
    """
    from lorr_bench.report.write import write_report

    started = time.perf_counter()
    results = load_results(plan, store, failed)
    return write_report(results, output / "report").page, time.perf_counter() - started


def last_failures(output: Path) -> dict[str, str]:
    """Why stages failed in the last run, by digest; empty where there was none."""
    try:
        failed: dict[str, str] = json.loads((output / RUN_FILE).read_text("utf-8"))["failed"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return failed


def _describe(plan: Plan, state: RunState, report_seconds: float) -> dict[str, Any]:
    kinds = {stage.digest: stage.kind for stage in plan.stages}
    by_kind: dict[str, float] = {}
    for digest, seconds in state.ran.items():
        by_kind[kinds[digest]] = by_kind.get(kinds[digest], 0.0) + seconds
    return {
        "suite": plan.suite.name,
        "stages": len(plan.stages),
        "reused": state.reused,
        "ran": len(state.ran),
        "failed": state.failed,
        "wall_seconds": state.wall_seconds,
        "report_seconds": report_seconds,
        "stage_seconds": by_kind,
        "lane_seconds": state.lane_seconds,
    }
