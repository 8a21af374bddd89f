"""``run`` and ``regrade``: run a suite, show it, and say at the end what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lorr_bench.commands.asked import Asked, consoles, say_path
from lorr_bench.errors import DiskFullError, StoppedError
from lorr_bench.events import notes_to, tell_all
from lorr_bench.quantities import duration_text
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.run.suite_run import EVERYTHING, RunOptions, run_suite
from lorr_bench.run.tuning.words import why_open
from lorr_bench.store.remote import open_store
from lorr_bench.terminal.failures import Failures, print_failures
from lorr_bench.terminal.progress import Display
from lorr_bench.terminal.tables import protocol_table

if TYPE_CHECKING:
    from rich.console import Console

    from lorr_bench.plan.plan import Plan
    from lorr_bench.run.suite_run import FinishedRun, Places
    from lorr_bench.spec.load import LoadedSuite
    from lorr_bench.terminal.failures import Cause


@dataclass(frozen=True)
class Ended:
    """A run that is over, and what is said of it.

    Attributes:
        finished: What came of it.
        places: Where it wrote.
        causes: Why stages failed.
    """

    finished: FinishedRun
    places: Places
    causes: tuple[Cause, ...]


def run(asked: Asked, options: RunOptions, more: Sequence[str] = ()) -> None:
    """What ``lorr-bench run`` does.

    Args:
        asked: The suite.
        options: What the user wants of this run.
        more: Overrides that other options stand for.

    Raises:
        LorrBenchError: The run can't begin, another run has the suite, or it was stopped.
        Exit: With code 1 where a stage failed.
    """
    ended = _run(asked, options, more)
    out, err = consoles()
    state, stages = ended.finished.state, ended.finished.plan.stages
    ran, total = sum(stage.digest in state.ran for stage in stages), len(stages)
    if not state.ran and not state.failed:
        partly = options.only or ended.finished.plan.pending
        done = "all that was asked for was" if partly else f"all {total} stages were"
        out.print(f"Nothing to run: {done} done before.")
    else:
        reused = f", {state.reused} reused" if state.reused else ""
        again = f", {state.retried} tried again" if state.retried else ""
        out.print(f"{ran} of {total} stages run{reused}{again} in {duration_text(state.wall_seconds)}.")
    _end(asked, out, err, ended)


def regrade(asked: Asked) -> None:
    """What ``lorr-bench regrade`` does.

    Raises:
        LorrBenchError: The run can't begin, another run has the suite, or it was stopped.
        Exit: With code 1 where a stage failed.
    """
    ended = _run(asked, RunOptions(pools=("grade",)))
    out, err = consoles()
    finished = ended.finished
    grading = [stage.digest for stage in finished.plan.stages if stage.kind == "grade_math"]
    ran = sum(digest in finished.state.ran for digest in grading)
    waiting = sum(evaluation.kind == "math" for evaluation in finished.unanswered)
    if ran:
        out.print(f"{ran} of {len(grading)} sets of answers graded.")
    elif waiting < len(grading):
        out.print("Nothing to grade: all stored answers have verdicts of this grader and policy.")
    if waiting:
        out.print(f"{waiting} evaluations have no answers yet: `lorr-bench run` draws them.")
    _end(asked, out, err, ended)


def _run(asked: Asked, options: RunOptions, more: Sequence[str] = ()) -> Ended:
    loaded = Asked(asked.suite, [*asked.overrides, *more]).load()
    return run_shown(loaded, asked.places(loaded), options)


def run_shown(loaded: LoadedSuite, places: Places, options: RunOptions = EVERYTHING) -> Ended:
    """Run a suite, and show how it goes.

    Args:
        loaded: The suite.
        places: Where to write.
        options: What the user wants of this run.

    Raises:
        LorrBenchError: The run can't begin, another run has the suite, or it was stopped.
    """
    _, err = consoles()
    if err.is_terminal:
        err.print(protocol_table(loaded.suite.evaluation))
    display = Display(err, Journal(places.output / STATE_FILE).seconds)
    failures = Failures()
    watcher = tell_all(display.watch, failures.watch)
    try:
        store = open_store(places.store, notice=notes_to(display.watch))
        return Ended(run_suite(loaded, places, watcher, store, options), places, failures.causes)
    except KeyboardInterrupt as interrupt:
        done, total = display.view().stages
        kept = f" {done:,} of {total:,} stages are done and kept." if total else ""
        raise StoppedError(f"Interrupted.{kept} The same command continues.") from interrupt


def _end(asked: Asked, out: Console, err: Console, ended: Ended) -> None:
    """Say where the report is, and what has no result and why.

    Raises:
        DiskFullError: There was no room to write.
        Exit: With code 1 where a stage failed.
    """
    refuse_full_disk(ended)
    if ended.finished.page is not None:
        say_path(out, "Report", ended.finished.page)
    if ended.finished.state.halted:
        err.print("Ended at the first failure, as --fail-fast asks.", highlight=False)
    undecided = _undecided(ended.finished.plan)
    for line in undecided:
        err.print(line, highlight=False, markup=False, soft_wrap=True)
    say_failures(asked, ended)
    if ended.causes or undecided:
        raise typer.Exit(1)


def _undecided(plan: Plan) -> list[str]:
    """Which arms were not run because no settings can be chosen for them."""
    arms = plan.tuning.arms if plan.tuning is not None else ()
    return [
        f"{tuned.arm} at {tuned.unique_pairs:,} pairs was not run: {reason}"
        for tuned in arms
        if tuned.chosen is None and (reason := why_open(tuned))
    ]


def refuse_full_disk(ended: Ended) -> None:
    """Refuse to go on after a run that had no room to write.

    Raises:
        DiskFullError: There was none.
    """
    state = ended.finished.state
    if state.disk_full:
        fix = "What is done is kept. `lorr-bench clean` shows what can go; then run the same command again."
        raise DiskFullError(f"the run ended: {state.halted}", where=ended.places.store, fix=fix)


def say_failures(asked: Asked, ended: Ended) -> None:
    """Say what has no result and why; nothing where all stages have one."""
    if ended.causes:
        print_failures(consoles()[1], ended.causes, asked.words("status"), Path(ended.places.output) / "logs")
