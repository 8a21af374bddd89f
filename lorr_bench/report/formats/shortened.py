"""Tables of a report cut to what a reader of paper or plain text can take in; the CSV files hold the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lorr_bench.report.contents import Contents
from lorr_bench.report.sheets import Sheet
from lorr_bench.report.tables.published import CAUTION

MAX_GROUPS: Final = 8
"""Measures beside each other."""


def file_of(sheet: Sheet) -> str:
    """The CSV file that holds all of a table."""
    return sheet.file or f"{sheet.name}.csv"


def narrowed(sheet: Sheet) -> tuple[Sheet, str]:
    """The first groups of columns and the last one, their average, and a note on those left out."""
    groups = _groups(sheet)
    if len(groups) <= MAX_GROUPS:
        return sheet, ""
    kept = [*groups[: MAX_GROUPS - 1], groups[-1]]
    return _with_groups(sheet, kept), f"{len(groups) - MAX_GROUPS} more measures are in {file_of(sheet)}."


def column_slices(sheet: Sheet, most: int) -> list[Sheet]:
    """The table in tables of about so many columns in groups, the other columns in each."""
    groups = _groups(sheet)
    if not groups:
        return [sheet]
    count = max(1, most // max(map(len, groups)))
    return [_with_groups(sheet, groups[first : first + count]) for first in range(0, len(groups), count)]


def row_slices(sheet: Sheet, most: int) -> list[Sheet]:
    """The table in tables of so many rows."""
    return [
        replace(
            sheet,
            rows=sheet.rows[first : first + most],
            breaks=frozenset(row - first for row in sheet.breaks if row > first),
        )
        for first in range(0, len(sheet.rows), most)
    ]


def head_of(sheet: Sheet, most: int) -> tuple[Sheet, str]:
    """The first rows, and a note on those left out."""
    more = len(sheet.rows) - most
    if more <= 0:
        return sheet, ""
    return replace(sheet, rows=sheet.rows[:most]), f"{more:,} more rows are in {file_of(sheet)}."


def notes_on(sheet: Sheet, contents: Contents) -> tuple[str, ...]:
    """What stands below a table: its power and why scores are missing, or what to beware of."""
    section = sheet.name.partition("-")[0]
    power = dict(zip(("comparison", "general"), contents.power, strict=True))
    names = {other.name for other in contents.sheets}
    first = "comparison" if "comparison-arms" in names else "general"
    notes = {"published": (CAUTION,), **{name: (line,) for name, line in power.items()}}.get(section, ())
    return tuple(filter(None, (*notes, *(contents.footnotes if section == first else ()))))


def _groups(sheet: Sheet) -> list[range]:
    """Numbers of the columns of each group."""
    return [range(first, first + count) for title, first, count in sheet.groups if title]


def _with_groups(sheet: Sheet, groups: Sequence[range]) -> Sheet:
    """The table with these groups of columns and those without a group."""
    of_groups = {number for group in groups for number in group}
    kept = [number for number, column in enumerate(sheet.columns) if not column.group or number in of_groups]
    return replace(
        sheet,
        columns=tuple(sheet.columns[number] for number in kept),
        rows=tuple(tuple(row[number] for number in kept) for row in sheet.rows),
    )
