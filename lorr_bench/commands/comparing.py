"""``compare`` and ``export``: results beside those of other runs, and for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from lorr_bench.commands.asked import Asked, consoles, say_json, say_path, store_of
from lorr_bench.commands.documents import comparison_document
from lorr_bench.export.suite import export_suite
from lorr_bench.report.compare.runs import compare_runs
from lorr_bench.report.compare.side_by_side import comparison_text, write_comparison


def compare(runs: Sequence[Path], to: Path | None, *, as_json: bool) -> None:
    """What ``lorr-bench compare`` does.

    Args:
        runs: Output folders of runs.
        to: File that gets the table as well.
        as_json: Whether a JSON object is printed in place of the table.

    Raises:
        DataError: A folder has no results, or nothing can be compared.
        StoreError: The file can't be written.
    """
    comparison = compare_runs(runs)
    if as_json:
        say_json(comparison_document(comparison))
    else:
        typer.echo(comparison_text(comparison))
    if to is not None:
        write_comparison(comparison, to)


def export(asked: Asked, folder: Path) -> None:
    """What ``lorr-bench export`` does.

    Args:
        asked: The suite.
        folder: Where to write.

    Raises:
        LorrBenchError: The suite can't be planned, or the folder can't be written.
    """
    out, _ = consoles()
    plan, places = asked.plan()
    written = export_suite(plan, store_of(places), folder, datetime.now(UTC))
    say_path(out, f"lm-eval's files of {written.models} models", folder / "lm_eval")
    if written.curves is not None:
        say_path(out, "marl-eval's curves", written.curves)
    if written.left_out:
        out.print(f"Not in the curves, for want of seeds or budgets: {', '.join(written.left_out)}.")
