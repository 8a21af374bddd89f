"""Suites from Python: run one, read what it found, and take that as pandas frames.

``import lorr_bench`` has these names; ``docs/python.md`` shows them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lorr_bench.events import Event, Noted, Watcher
from lorr_bench.plan.plan import make_plan
from lorr_bench.report.frames import Frames
from lorr_bench.run.commits import revisions_of
from lorr_bench.run.state import STATE_FILE, Journal, known_failures
from lorr_bench.run.suite_run import FinishedRun, places_of
from lorr_bench.run.suite_run import run_suite as run_loaded
from lorr_bench.run.tuning.found import found_by
from lorr_bench.shipped.named import load_named
from lorr_bench.store.remote import open_store
from lorr_bench.store.results import load_results as read_results
from lorr_bench.values import Results

_LOG: Final = logging.getLogger(__name__)


def run_suite(
    suite: str | Path,
    overrides: Sequence[str] = (),
    *,
    output: str | Path | None = None,
    store: str | None = None,
    watcher: Watcher | None = None,
) -> FinishedRun:
    """Run what is not done yet, then report, as ``lorr-bench run`` does. Running again continues.

    Args:
        suite: Suite file, or the name of a shipped suite.
        overrides: Values to replace, such as ``seeds=[0,1]``.
        output: Folder for report and logs; that of the command by default.
        store: Folder, or fsspec URL, for results of stages; that of the command by default.
        watcher: Told what happens; by default what a user should know goes to the log of this module.

    Returns:
        ``state.failed`` says which stages have no result, and why.

    Raises:
        LorrBenchError: The suite is not valid, can't be planned or written, or another run has it.
    """
    loaded = load_named(Path(suite), overrides, Path())
    places = places_of(loaded, output, store)
    return run_loaded(loaded, places, watcher or _log, open_store(places.store, notice=_LOG.warning))


def load_results(
    suite: str | Path,
    overrides: Sequence[str] = (),
    *,
    output: str | Path | None = None,
    store: str | None = None,
) -> Results:
    """What a suite has found so far; runs nothing, and sets damaged results aside.

    Args:
        suite: As for ``run_suite``; so are the others.
        overrides: Values to replace.
        output: Folder of the run.
        store: Where its results lie.

    Returns:
        Scores by problem, spends, diagnostics and answers; ``missing`` says what has no result, and why.

    Raises:
        LorrBenchError: The suite is not valid, or a damaged result can't be set aside.
    """
    loaded = load_named(Path(suite), overrides, Path())
    places = places_of(loaded, output, store)
    journal, opened = Journal(places.output / STATE_FILE), open_store(places.store, notice=_LOG.warning)
    plan = make_plan(loaded, revisions_of(places.output), found_by(opened, journal.failures))
    return read_results(plan, opened, known_failures(plan.stages, journal))


def report_frames(results: Results) -> Frames:
    """The tables of the report as pandas frames: the very values, columns and order of its CSV files.

    Args:
        results: What a suite found.

    Returns:
        ``comparison``, ``contrasts``, ``scores``, ``ledger``, ``diagnostics`` and more, one attribute each.
    """
    from lorr_bench.report.contents import frames_of

    return frames_of(results)


def _log(event: Event) -> None:
    if isinstance(event, Noted):
        _LOG.warning(event.text)
