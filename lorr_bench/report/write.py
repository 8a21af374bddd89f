"""Writes a report into a folder."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lorr_bench.errors import StoreError
from lorr_bench.values import Results

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The files of a report.

    Attributes:
        page: The self-contained HTML page.
        markdown: The same in Markdown, without sample answers and diagnostics.
        csvs: Comparison, methods, ledger, scores and diagnostics.
        figures: The figure as PNG and SVG.
    """

    page: Path
    markdown: Path
    csvs: tuple[Path, ...]
    figures: tuple[Path, ...]


def write_report(results: Results, folder: Path) -> ReportFiles:
    """Writes page, Markdown, tables and figures of these results.

    Each file appears whole or not at all. The same results give the same bytes.

    Args:
        results: What the suite found; arms, seeds, budgets and benchmarks may be missing.
        folder: Where to write; made if it isn't there.

    Returns:
        The paths of the files.

    Raises:
        StoreError: If a file can't be written.
    """
    # pandas, matplotlib and Jinja2 take a second to import: not before a report is written.
    from lorr_bench.report.contents import compute
    from lorr_bench.report.page import html_page
    from lorr_bench.report.summary import markdown_report

    contents = compute(results)
    files = {
        "report.html": html_page(contents).encode(),
        "report.md": markdown_report(contents).encode(),
        "comparison.csv": csv_bytes(contents.tables.comparison),
        "methods.csv": csv_bytes(contents.tables.methods),
        "ledger.csv": csv_bytes(contents.tables.ledger),
        "scores.csv": csv_bytes(contents.tables.scores),
        "diagnostics.csv": csv_bytes(contents.tables.diagnostics),
        "figure.png": contents.picture.png,
        "figure.svg": contents.picture.svg.encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page, markdown, *others = [_replace(folder / name, content) for name, content in files.items()]
    except OSError as error:
        raise StoreError(
            f"the report can't be written: {error}",
            where=str(folder),
            fix="Free space or choose another folder.",
        ) from error
    return ReportFiles(page, markdown, tuple(others[:5]), tuple(others[5:]))


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A frame as CSV; texts that would run as formulas are shielded, numbers not touched."""
    from lorr_bench.report.cells import csv_text

    texts = [name for name in table.columns if any(isinstance(cell, str) for cell in table[name])]
    shielded = table.assign(**{name: [csv_text(str(cell)) for cell in table[name]] for name in texts})
    return shielded.to_csv(index=False, lineterminator="\n").encode()


def _replace(path: Path, content: bytes) -> Path:
    """Writes beside the file, then puts it in its place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return path
