"""``publish``, ``reproduce`` and ``list published``: a run for others to check, and the check."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from lorr_bench.commands.asked import Asked, consoles, note, say_json, say_path, store_of
from lorr_bench.commands.running import refuse_full_disk, run_shown, say_failures
from lorr_bench.errors import SuiteError
from lorr_bench.publish.catalog import VERDICTS_FILE, PublishedRun, find_published, place_of, published_runs
from lorr_bench.publish.publish import publish_run
from lorr_bench.publish.reproduction import (
    HEAD,
    RIGHT,
    Reproduction,
    cells_of,
    refuse_without_table,
    reproduction_of,
    rows_of,
    write_reproduction,
)
from lorr_bench.quantities import duration_text, size_text
from lorr_bench.run.commits import COMMITS_FILE
from lorr_bench.run.suite_run import Places
from lorr_bench.shipped.named import NamedSuite
from lorr_bench.shipped.results import results_folder
from lorr_bench.spec.load import load_suite
from lorr_bench.store.disk import used_bytes
from lorr_bench.terminal.listing import Listing, listing_view


@dataclass(frozen=True)
class Again:
    """A published run that is to be made again, as a command line names it.

    Attributes:
        name: Of the published run.
        overrides: What ``--set`` gave.
        output: What ``--output`` gave.
        store: What ``--store`` gave.
    """

    name: str
    overrides: Sequence[str] = ()
    output: Path | None = None
    store: str | None = None

    def places(self, published: PublishedRun) -> Places:
        """Where it is made: with a store of its own, so that nothing is taken for made that lay there."""
        output = self.output or results_folder(os.environ, named=True) / "reproduced" / published.name
        return Places(output, self.store or str(output / "store"))


def publish(asked: Asked, to: Path | None, *, replaces: bool) -> None:
    """What ``lorr-bench publish`` does.

    Args:
        asked: The suite.
        to: The folder to write; that of the suite's name in ``results/published`` by default.
        replaces: Whether an older one may go.

    Raises:
        SuiteError: The suite is not a shipped one, and no folder is named.
        DataError: The run is not finished, or the folder is there.
        LorrBenchError: The suite can't be planned, or the folder can't be written.
    """
    folder = to or place_of(asked.load().path)
    if folder is None:
        what = "no place to publish is known: the suite is none of a checkout's"
        raise SuiteError(what, where=str(asked.suite), fix="Name a folder: --to results/published/NAME.")
    plan, places = asked.plan()
    published = publish_run(plan, store_of(places), places, folder, replaces=replaces)
    out, _ = consoles()
    say_path(out, f"Published, {size_text(used_bytes(folder))}", folder)
    out.print(f"Left out: {'; '.join(published.left_out)}.", highlight=False, markup=False)
    order = "before" if published.was_declared_before else "not before"
    declared = f"What is tested was declared at {published.declared or 'no time'}"
    out.print(f"{declared}, {order} the first result, at {published.first_result}.", highlight=False)


def reproduce(again: Again, *, exact: bool, as_json: bool) -> None:
    """What ``lorr-bench reproduce`` does.

    Args:
        again: The published run.
        exact: Whether nothing but the same verdicts counts as agreement.
        as_json: Whether a JSON object is printed in place of tables.

    Raises:
        DataError: Nothing is published under the name, or nothing that can be compared.
        LorrBenchError: The run can't begin, another run has its folder, or it was stopped.
        Exit: With code 1 where a figure does not agree.
    """
    published = find_published(again.name)
    refuse_without_table(published)
    places = again.places(published)
    note(f"results in {places.output}, store in {places.store}")
    loaded = load_suite(published.suite, again.overrides)
    _take_commits(published, places)
    suite = NamedSuite(loaded.suite, loaded.path, loaded.lines, Path())
    ended = run_shown(suite, places)
    refuse_full_disk(ended)
    store, plan = store_of(places), ended.finished.plan
    found = reproduction_of(
        published, plan, store, places.output, reused=ended.finished.state.reused, exact=exact
    )
    markdown, _ = write_reproduction(found, places.output)
    asked = Asked(published.suite, again.overrides, places.output, places.store)
    say_failures(asked, ended)
    if as_json:
        say_json(_document(found, places))
    else:
        out, _ = consoles()
        out.print(listing_view(_listing(found)))
        for text in (*found.notes, found.verdict):
            out.print(text, highlight=False, markup=False)
        say_path(out, "Written", markdown)
    if found.apart:
        raise typer.Exit(1)


def published() -> Listing:
    """Every published run: what, when, on what, and how long it took."""
    return Listing(
        "Published runs, for reproduce",
        [_row(run) for run in published_runs().values()],
        {
            "name": lambda row: row["published"],
            "what it is": lambda row: row["description"],
            "made": lambda row: (row["ended"] or "")[:10],
            "machine": lambda row: row["machine"],
            "took": lambda row: "" if row["seconds"] is None else duration_text(row["seconds"]),
        },
        right=("took",),
    )


def _take_commits(published: PublishedRun, places: Places) -> None:
    """Let the run use the commits of the Hub that the published one used."""
    kept, own = published.folder / COMMITS_FILE, places.output / COMMITS_FILE
    if kept.exists() and not own.exists():
        places.output.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, own)


def _document(found: Reproduction, places: Places) -> dict[str, Any]:
    return {
        "published": found.name,
        "output": str(places.output),
        "agrees": not found.apart,
        "verdict": found.verdict,
        "notes": list(found.notes),
        "figures": rows_of(found),
    }


def _listing(found: Reproduction) -> Listing:
    rows = [dict(zip(HEAD, cells_of(one), strict=True)) for one in found.compared]
    columns = {name: lambda row, name=name: row[name] for name in HEAD}
    return Listing(f"{found.name}, made again", rows, columns, right=RIGHT)


def _row(run: PublishedRun) -> dict[str, Any]:
    machine = run.origin["machine"]
    return {
        "published": run.name,
        "description": run.origin.get("description", ""),
        "ended": run.origin.get("ended"),
        "machine": ", ".join(machine[name] for name in ("gpu", "processor") if name in machine),
        "seconds": run.origin.get("busy_seconds"),
        "has_verdicts": (run.folder / VERDICTS_FILE).exists(),
    }
