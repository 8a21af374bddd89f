"""A published run that was made again: what agrees, what does not, and on what other versions it ran."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import DataError
from lorr_bench.plan.plan import Plan
from lorr_bench.publish.agreement import Agreement, Compared, Figure, Numbers, compare_numbers
from lorr_bench.publish.catalog import COMPARISON_FILE, PublishedRun
from lorr_bench.publish.origin import origin_notes
from lorr_bench.publish.verdicts import verdict_frame
from lorr_bench.report.formats.pipe_table import markdown_table
from lorr_bench.report.formatting import START_MODEL, first_of, markdown_cell, markdown_text, plural
from lorr_bench.report.write import csv_bytes
from lorr_bench.run.suite_run import REPORT_FOLDER
from lorr_bench.store.disk import storage_error, write_bytes, write_text
from lorr_bench.store.results import versions_of
from lorr_bench.store.store import Store
from lorr_bench.values import START

MARKDOWN_FILE: Final = "reproduction.md"
TABLE_FILE: Final = "reproduction.csv"
MAX_NAMED: Final = 5
HEAD: Final = ("what", "pairs", "measure", "published", "here", "agreement", "verdicts differ")
RIGHT: Final = frozenset(("pairs", "published", "here", "verdicts differ"))
"""Columns of numbers."""


@dataclass(frozen=True)
class Reproduction:
    """What came of making a published run again.

    Attributes:
        name: Of the published run.
        compared: Every published figure beside the new one, the declared contrasts first.
        notes: What else to know, a sentence each: other versions, another machine, stages that were not run.
        exact: Whether nothing but the same verdicts counts as agreement.
    """

    name: str
    compared: tuple[Compared, ...]
    notes: tuple[str, ...]
    exact: bool = False

    @property
    def apart(self) -> tuple[Compared, ...]:
        """What does not agree."""
        return tuple(one for one in self.compared if not self._agrees(one))

    def _agrees(self, one: Compared) -> bool:
        return one.agreement is Agreement.VERDICTS if self.exact else one.agreement.agrees

    @property
    def verdict(self) -> str:
        """What came of it, in a sentence or two."""
        counts = Counter(one.agreement for one in self.compared)
        told = ", ".join(f"{counts[kind]:,} {kind}" for kind in Agreement if counts[kind])
        total = plural(f"{len(self.compared):,}", "figure")
        if not self.apart:
            return f"{self.name} is reproduced: all of {total} agree ({told})."
        named = [f"{one.title}: {one.agreement}, {_both(one)}" for one in self.apart]
        what = f"{self.name} is not reproduced: {len(self.apart):,} of {total} do not agree ({told})"
        return f"{what}. They are: {first_of(named, MAX_NAMED)}."


def reproduction_of(
    published: PublishedRun, plan: Plan, store: Store, output: Path, *, reused: int, exact: bool
) -> Reproduction:
    """Set a run that is over, and has its report, beside what was published.

    Args:
        published: The published run.
        plan: Of the new run.
        store: Where its results lie.
        output: Its output folder.
        reused: Stages of it that were done before it began.
        exact: Whether nothing but the same verdicts counts as agreement.

    Raises:
        DataError: A file of either can't be read.
    """
    numbers = replace(Numbers.of_folder(output / REPORT_FOLDER), verdicts=verdict_frame(plan, store))
    compared = compare_numbers(Numbers.of_folder(published.folder), numbers)
    records = filter(None, map(store.read, plan.stages))
    notes = list(origin_notes(published.origin, plan, versions_of(records)))
    notes.extend(_verdict_notes(compared))
    if reused:
        share = f"{reused:,} of {len(plan.stages):,} stages"
        notes.append(f"{share} were in the store before, and were not made again.")
    return Reproduction(published.name, compared, tuple(notes), exact)


def refuse_without_table(published: PublishedRun) -> None:
    """Refuse a published run that has nothing to compare a new one with.

    Raises:
        DataError: It has no table of scores by arm.
    """
    if not (published.folder / COMPARISON_FILE).is_file():
        raise DataError(
            f"can't be set beside a new run: its folder lacks {COMPARISON_FILE}",
            where=published.name,
            fix="Take the folder of the commit that published it.",
        )


def rows_of(reproduction: Reproduction) -> list[dict[str, Any]]:
    """Every compared figure as plain values, for JSON and CSV: shares, and None where nothing is known."""
    return [
        {
            "what": one.name,
            "is_contrast": one.is_contrast,
            "unique_pairs": one.unique_pairs,
            **asdict(one.measure),
            **_named("published", one.published),
            **_named("found", one.found),
            "verdicts": one.verdicts.compared if one.verdicts else None,
            "verdicts_differing": one.verdicts.differing if one.verdicts else None,
            "agreement": str(one.agreement),
        }
        for one in reproduction.compared
    ]


def cells_of(one: Compared) -> tuple[str, ...]:
    """A compared figure as texts, one under each of ``HEAD``."""
    return (
        START_MODEL if one.name == START.arm else one.name,
        f"{one.unique_pairs:,}" if one.unique_pairs else "",
        one.measure.title,
        one.text(one.published),
        one.text(one.found),
        str(one.agreement),
        one.verdicts_text,
    )


def write_reproduction(reproduction: Reproduction, folder: Path) -> tuple[Path, Path]:
    """Write it as Markdown and as CSV.

    Args:
        reproduction: What came of it.
        folder: Where to.

    Returns:
        Both files.

    Raises:
        StoreError: They can't be written.
    """
    import pandas as pd

    rows = [[markdown_cell(text) for text in cells_of(one)] for one in reproduction.compared]
    parts = [
        f"# {markdown_text(reproduction.name)}, made again",
        markdown_text(reproduction.verdict),
        "\n".join(f"- {markdown_text(note)}" for note in reproduction.notes),
        markdown_table(HEAD, rows, [name not in RIGHT for name in HEAD]),
        "Scores in %, contrasts in points, 95 % intervals in brackets.",
    ]
    markdown, table = folder / MARKDOWN_FILE, folder / TABLE_FILE
    try:
        write_text(markdown, "\n\n".join(filter(None, parts)) + "\n", durable=False)
        write_bytes(table, csv_bytes(pd.DataFrame(rows_of(reproduction))), durable=False)
    except OSError as error:
        raise storage_error(error, folder) from error
    return markdown, table


def _verdict_notes(compared: Sequence[Compared]) -> Iterator[str]:
    """Which scores rest on verdicts that are not the published ones."""
    named = [
        f"{one.verdicts_text} of {one.title}"
        for one in compared
        if not one.is_contrast and one.verdicts and one.verdicts.differing
    ]
    if named:
        yield f"Verdicts differ: {first_of(named, MAX_NAMED)}."


def _both(one: Compared) -> str:
    differing = f" ({one.verdicts_text} verdicts differ)" if one.verdicts and one.verdicts.differing else ""
    return f"{one.text(one.published)} published, {one.text(one.found)} here{differing}"


def _named(prefix: str, figure: Figure | None) -> dict[str, float | None]:
    values = {} if figure is None else asdict(figure)
    return {
        f"{prefix}_{name}": None if math.isnan(values.get(name, math.nan)) else values[name]
        for name in ("value", "low", "high")
    }
