"""Writes a report into a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from lorr_bench.errors import StoreError
from lorr_bench.imports import without_collections
from lorr_bench.store.disk import write_bytes
from lorr_bench.values import Results

if TYPE_CHECKING:
    import pandas as pd

    from lorr_bench.report.figures.drawing import Drawing

PAGE_FILE = "report.html"
FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The files of a report.

    Attributes:
        page: The self-contained HTML page.
        markdown: The same in Markdown, without sample answers and diagnostics.
        latex: The tables in LaTeX.
        results: Everything but the sample answers, for programs.
        csvs: Every table in full.
        figures: The main figure, then each in the folder ``figures``, in each form.
    """

    page: Path
    markdown: Path
    latex: Path
    results: Path
    csvs: tuple[Path, ...]
    figures: tuple[Path, ...]


@without_collections()  # which take a tenth of the time
def write_report(results: Results, folder: Path, forms: Sequence[str] | None = None) -> ReportFiles:
    """Writes page, Markdown, tables and figures of these results.

    Each file appears whole or not at all. The same results give the same bytes. Figures in the folder that an
    earlier report drew and this one does not are removed.

    Args:
        results: What the suite found; arms, seeds, budgets and benchmarks may be missing.
        folder: Where to write; made if it isn't there.
        forms: Endings of the files of figures; ``png``, ``svg`` and ``pdf`` by default.

    Returns:
        The paths of the files.

    Raises:
        StoreError: If a file can't be written.
    """
    # pandas, matplotlib and Jinja2 take a second to import: not before a report is written.
    from lorr_bench.report.contents import compute
    from lorr_bench.report.figures.drawing import FORMS
    from lorr_bench.report.formats.latex import latex_report
    from lorr_bench.report.formats.markdown import markdown_report
    from lorr_bench.report.formats.page import html_page
    from lorr_bench.report.formats.results_file import RESULTS_FILE, results_bytes

    contents, forms = compute(results), forms or FORMS
    texts = {
        PAGE_FILE: html_page(contents, forms).encode(),
        "report.md": markdown_report(contents, forms[0]).encode(),
        "tables.tex": latex_report(contents).encode(),
        RESULTS_FILE: results_bytes(results),
    }
    csvs = {
        f"{field.name}.csv": csv_bytes(getattr(contents.frames, field.name))
        for field in fields(contents.frames)
    }
    figures = dict(_figures(contents.figures, forms))
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        page, markdown, latex, plain = _write(folder, texts)
        written = ReportFiles(
            page=page,
            markdown=markdown,
            latex=latex,
            results=plain,
            csvs=_write(folder, csvs),
            figures=_write(folder, figures),
        )
        for path in {*(folder / FIGURES).iterdir()} - {*written.figures}:
            if path.suffix[1:] in FORMS:
                path.unlink()
    except OSError as error:
        raise StoreError(
            f"the report can't be written: {error}",
            where=str(folder),
            fix="Free space or choose another folder.",
        ) from error
    return written


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A frame as CSV in UTF-8; texts that would run as formulas are shielded, numbers not touched."""
    from lorr_bench.report.formatting import csv_text

    texts = [name for name in frame.columns if any(isinstance(value, str) for value in frame[name])]
    shielded = frame.assign(**{name: [csv_text(str(value)) for value in frame[name]] for name in texts})
    text: str = shielded.to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8", "replace")


def _figures(drawings: Sequence[Drawing], forms: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Files of the figures; those of the main one stand beside the page too."""
    names = ["figure", *(f"{FIGURES}/{drawing.name}" for drawing in drawings)]
    for name, drawing in zip(names, (drawings[0], *drawings), strict=True):
        for form, content in drawing.files(forms).items():
            yield f"{name}.{form}", content


def _write(folder: Path, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    for name, content in files.items():
        write_bytes(folder / name, content, durable=False)  # a report can be written again
    return tuple(folder / name for name in files)
