"""Compared runs as rows, plain text, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import StoreError
from lorr_bench.outside import visible_text
from lorr_bench.report.compare.runs import ComparedRuns
from lorr_bench.report.contrasts import PRIMARY
from lorr_bench.report.formats.pipe_table import markdown_table
from lorr_bench.report.formatting import (
    DAGGER,
    MISSING,
    START_MODEL,
    interval,
    listed,
    markdown_cell,
    markdown_text,
    percent,
    plural,
    points,
)
from lorr_bench.report.frames import measure_of
from lorr_bench.report.write import csv_bytes
from lorr_bench.store.disk import write_bytes
from lorr_bench.values import START

STAR: Final = "*"
"""Marks a difference that passes the corrected test."""
ALIKE: Final = "≈"
"""Marks one that is shown to be smaller than the margin of equivalence."""
MODEL_TITLES: Final = ("measure", "arm", "pairs")
TEXT_COLUMNS: Final = 2
"""Columns that stand left."""


def comparison_rows(compared: ComparedRuns) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings, and one row a measure, arm and budget with a text under each heading.

    Each run has its score, its gain and its difference to the first run; columns without text are left out.
    """
    head = (*MODEL_TITLES, *_run_titles(compared))
    rows = [
        (
            *key,
            *(text for number, run in enumerate(compared.runs) for text in _texts(by_run.get(run), number)),
        )
        for key, by_run in _groups(compared).items()
    ]
    shown = [number for number in range(len(head)) if any(row[number] for row in rows)]
    return tuple(head[number] for number in shown), [tuple(row[number] for number in shown) for row in rows]


def comparison_text(compared: ComparedRuns) -> str:
    """The comparison for a terminal: aligned columns, how to read them, and what was left out."""
    head, rows = comparison_rows(compared)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(map(_aligned, line, widths, range(len(line)))).rstrip() for line in (head, *rows)]
    refused = [f"Not compared: {line}." for line in compared.refused]
    return visible_text("\n".join([*lines, "", comparison_caption(compared), *refused]) + "\n")


def comparison_markdown(compared: ComparedRuns) -> str:
    """The comparison as Markdown."""
    head, rows = comparison_rows(compared)
    table = markdown_table(
        [markdown_cell(title) for title in head],
        [[markdown_cell(text) for text in row] for row in rows],
        [number < TEXT_COLUMNS for number in range(len(head))],
    )
    refused = [f"- {markdown_text(line)}" for line in compared.refused]
    parts = [
        f"# {markdown_text(' · '.join(compared.runs))}",
        table,
        markdown_text(comparison_caption(compared)),
        "\n".join(["## Not compared", "", *refused]) if refused else "",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def comparison_csv(compared: ComparedRuns) -> bytes:
    """The comparison as CSV, numbers in full."""
    return csv_bytes(compared.frame)


def write_comparison(compared: ComparedRuns, path: Path) -> None:
    """Write the comparison in the form that the file's ending names.

    Args:
        compared: What to write.
        path: A file that ends in ``.md`` or ``.csv``; its folder is made if it isn't there.

    Raises:
        StoreError: It ends in something else, or can't be written.
    """
    forms = {
        ".md": lambda: comparison_markdown(compared).encode(),
        ".csv": lambda: comparison_csv(compared),
    }
    if path.suffix not in forms:
        raise StoreError(
            f"can't write a comparison as {path.suffix or 'a file without ending'}",
            where=str(path),
            fix="Name a file that ends in .md or .csv.",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, forms[path.suffix](), durable=False)
    except OSError as error:
        raise StoreError(
            f"the comparison can't be written: {error}",
            where=str(path),
            fix="Free space or choose another folder.",
        ) from error


def comparison_caption(compared: ComparedRuns) -> str:
    """How to read it."""
    first = compared.runs[0]
    return (
        "Score in %; gain: difference in points to the baseline of the same run; Δ: difference in points to "
        f"the same arm of {first}, paired by seed and problem. In brackets 95 % intervals. "
        + _verdict(compared)
    )


def _verdict(compared: ComparedRuns) -> str:
    """What is tested with what, and what the marks say."""
    tested = compared.frame[compared.frame["p_value"].notna()]
    if tested.empty:
        return "No difference could be tested."
    counts = tested.groupby("family", sort=False).size()
    parts = [f"{STAR}: corrected p < 0.05."]
    if PRIMARY in counts:
        parts.append(
            f"{DAGGER}: primary, the measure and arms that {compared.runs[0]} declared, at its "
            f"largest budget: corrected by Holm over {plural(str(counts[PRIMARY]), 'difference')}."
        )
    margins = tested["equivalence_margin"].dropna()
    if len(margins):
        parts.append(
            f"{ALIKE}: equivalent within ±{percent(float(margins.iloc[0]))} points, the margin that "
            f"{compared.runs[0]} declared: two one-sided tests, corrected by Holm over the primary ones."
        )
    others = [f"{count:,} of {family}" for family, count in counts.items() if family != PRIMARY]
    if others:
        parts.append(f"All else is secondary, corrected in families of its own: {listed(others)}.")
    return " ".join(parts)


def _groups(compared: ComparedRuns) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows of the table by measure, arm and budget as texts, then by run."""
    found: list[Any] = list(compared.frame.itertuples())
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in found:
        measure = measure_of(row).title
        start = row.arm == START.arm
        key = (measure, START_MODEL, MISSING) if start else (measure, row.arm, f"{row.unique_pairs:,}")
        groups.setdefault(key, {})[row.run] = row
    return groups


def _aligned(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column < TEXT_COLUMNS else text.rjust(width)


def _run_titles(compared: ComparedRuns) -> Iterator[str]:
    for number, run in enumerate(compared.runs):
        yield from (run, f"gain in {run}")
        yield from [f"Δ to {compared.runs[0]}"] if number else []


def _texts(row: Any, number: int) -> Iterator[str]:
    """Score, gain, and of all but the first run the difference to it."""
    columns = ("", "") if row is None else (_score(row), _points(row, "gain"))
    yield from columns
    if number:
        yield "" if row is None else _points(row, "difference", _marks(row))


def _marks(row: Any) -> str:
    marks = (STAR, row.significant), (ALIKE, row.equivalent), (DAGGER, row.role == PRIMARY)
    return "".join(mark for mark, there in marks if there)


def _score(row: Any) -> str:
    return _with_interval(percent(row.mean), percent(row.low), percent(row.high))


def _points(row: Any, name: str, marks: str = "") -> str:
    text, low, high = (points(getattr(row, f"{name}{end}")) for end in ("", "_low", "_high"))
    return "" if text == MISSING else _with_interval(f"{text}{marks}", low, high)


def _with_interval(text: str, low: str, high: str) -> str:
    """Text and interval; nothing where there is no number."""
    return "" if text == MISSING else f"{text} {interval(low, high)}".rstrip()
