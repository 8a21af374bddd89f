"""What a command was asked about: suite, plan, places and store, and where its words go."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lorr_bench.outside import fit_to_show

if TYPE_CHECKING:
    from rich.console import Console

    from lorr_bench.plan.plan import Plan
    from lorr_bench.run.suite_run import Places
    from lorr_bench.spec.load import LoadedSuite
    from lorr_bench.store.store import Store


@dataclass(frozen=True)
class Asked:
    """A suite as a command line names it.

    Attributes:
        suite: Suite file, or the name of a shipped suite.
        overrides: What ``--set`` gave.
        output: What ``--output`` gave.
        store: What ``--store`` gave.
    """

    suite: Path
    overrides: Sequence[str] = ()
    output: Path | None = None
    store: str | None = None

    def load(self) -> LoadedSuite:
        """The suite.

        Raises:
            SuiteError: It can't be read, or is not valid.
        """
        from lorr_bench.shipped.named import load_named

        return load_named(self.suite, self.overrides, Path())

    def places(self, loaded: LoadedSuite) -> Places:
        """Where results lie; said, where it depends on more than the command and the current folder."""
        from lorr_bench.run.suite_run import places_of
        from lorr_bench.shipped.results import BESIDE_FILES

        places = places_of(loaded, self.output, self.store)
        if self.output is None and places.output.parent.parent != BESIDE_FILES:
            note(f"results in {places.output}, store in {places.store}")
        return places

    def plan(self, *, ask: bool = False, gpu_build: bool | None = None) -> tuple[Plan, Places]:
        """The plan, with the commits of its run.

        Args:
            ask: Whether the Hub may be asked where the run has not begun.
            gpu_build: As for ``make_plan``.

        Raises:
            LorrBenchError: The suite can't be planned.
        """
        from lorr_bench.plan.plan import make_plan
        from lorr_bench.run.commits import revisions_of
        from lorr_bench.run.state import STATE_FILE, Journal
        from lorr_bench.run.tuning.found import found_by

        loaded = self.load()
        places = self.places(loaded)
        revisions = revisions_of(places.output, ask=ask, notice=note)
        if loaded.suite.tuning is None:
            return make_plan(loaded, revisions, gpu_build=gpu_build), places
        failures = Journal(places.output / STATE_FILE).failures
        found = found_by(store_of(places), failures)
        return make_plan(loaded, revisions, found, gpu_build=gpu_build), places

    def words(self, command: str) -> tuple[str, ...]:
        """Another command about the same suite, as it is typed."""
        chosen = (word for override in self.overrides for word in ("--set", override))
        output = ("-o", str(self.output)) if self.output is not None else ()
        store = ("--store", self.store) if self.store and "LORR_BENCH_STORE" not in os.environ else ()
        return ("lorr-bench", command, str(self.suite), *chosen, *output, *store)


def results_folder() -> Path:
    """Where results of suite files lie unless a command says another place."""
    from lorr_bench.shipped.results import results_folder as folder_of

    return folder_of(os.environ, named=False)


def store_of(places: Places) -> Store:
    """The store of these places.

    Raises:
        StoreError: It can't be opened.
    """
    from lorr_bench.store.remote import open_store

    return open_store(places.store, notice=note)


def note(text: str) -> None:
    """Say something that the user should know, apart from what the command puts out."""
    typer.echo(f"note: {fit_to_show(text)}", err=True)


def consoles() -> tuple[Console, Console]:
    """Where results of a command go, and where everything else."""
    from lorr_bench.terminal.console import PlainConsole

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return PlainConsole(width=width, soft_wrap=False), PlainConsole(stderr=True)


def say_path(out: Console, what: str, path: Path) -> None:
    """Say where something lies, on one line."""
    out.print(f"{what}: {path}", soft_wrap=True, highlight=False, markup=False)


def say_json(values: Any) -> None:
    """Print plain values as JSON."""
    import json

    typer.echo(json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False))


def in_words(command: Sequence[str]) -> str:
    """A command as it is typed."""
    return shlex.join(command)
