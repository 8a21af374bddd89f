"""``clean``: show what takes room and no run needs, and free it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lorr_bench.commands.asked import Asked, consoles, results_folder, store_of
from lorr_bench.errors import SuiteError
from lorr_bench.run.suite_run import Places
from lorr_bench.store.store import Store
from lorr_bench.terminal.tables import leftovers_table
from lorr_bench.upkeep.clean import Cleaner, GivenSuite, free_all


def clean(suites: Sequence[Path], asked: Asked, *, unused: bool, yes: bool) -> None:
    """What ``lorr-bench clean`` does.

    Args:
        suites: Whose needs decide what can go.
        asked: What else the command line says, for each of them.
        unused: Whether results that none of the suites uses go, too.
        yes: Whether it is freed; else it is only shown.

    Raises:
        LorrBenchError: A suite can't be planned, or one is missing.
    """
    store, given = _given(suites, asked, unused=unused)
    cleaner = Cleaner(store, given, unused=unused)
    if yes:
        cleaner.drop_dead_claims()
    found = cleaner.leftovers()
    out, _ = consoles()
    out.print(leftovers_table(found) if found else "Nothing takes room that no run needs.")
    out.print(free_all(cleaner, found, really=yes))


def _given(suites: Sequence[Path], asked: Asked, *, unused: bool) -> tuple[Store, list[GivenSuite]]:
    """The store to clean, and the suites whose needs count."""
    if asked.output is not None and len(suites) != 1:
        raise SuiteError("an output folder is that of one suite", where="--output", fix="Name one suite.")
    if unused and not suites:
        fix = "Name every suite whose results are to stay."
        raise SuiteError("what is unused depends on the suites", where="--unused", fix=fix)
    planned = [replace(asked, suite=suite).plan() for suite in suites]
    if unused and (waiting := [plan.suite.name for plan, _ in planned if plan.pending]):
        what = f"settings of {waiting[0]} are still to be chosen, so what it uses is not known"
        raise SuiteError(what, where="--unused", fix="Run it first: `lorr-bench run`.")
    results = results_folder()
    places = planned[0][1] if planned else Places(results / "runs", asked.store or str(results / "store"))
    return store_of(places), [GivenSuite(plan, places.output) for plan, places in planned]
