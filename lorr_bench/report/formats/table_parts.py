"""Tables cut to what a reader of paper or plain text can take in; the CSV files hold the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lorr_bench.report.table import ColumnGroup, Table

MAX_GROUPS: Final = 8
"""Measures beside each other."""


def file_of(table: Table) -> str:
    """The CSV file that holds all of a table."""
    return table.file or f"{table.name}.csv"


def first_groups(table: Table) -> tuple[Table, str]:
    """The first groups of columns and the last one, their average, and a note on those left out."""
    groups = _headed_groups(table)
    if len(groups) <= MAX_GROUPS:
        return table, ""
    kept = [*groups[: MAX_GROUPS - 1], groups[-1]]
    return _with_groups(table, kept), f"{len(groups) - MAX_GROUPS} more measures are in {file_of(table)}."


def first_rows(table: Table, max_rows: int) -> tuple[Table, str]:
    """The first rows, and a note on those left out."""
    more = len(table.rows) - max_rows
    if more <= 0:
        return table, ""
    return replace(table, rows=table.rows[:max_rows]), f"{more:,} more rows are in {file_of(table)}."


def column_slices(table: Table, max_columns: int) -> list[Table]:
    """The table in tables of about so many columns in groups, the other columns in each."""
    groups = _headed_groups(table)
    if not groups:
        return [table]
    count = max(1, max_columns // max(group.count for group in groups))
    return [_with_groups(table, groups[first : first + count]) for first in range(0, len(groups), count)]


def row_slices(table: Table, max_rows: int) -> list[Table]:
    """The table in tables of so many rows."""
    return [
        replace(
            table,
            rows=table.rows[first : first + max_rows],
            breaks=frozenset(row - first for row in table.breaks if row > first),
        )
        for first in range(0, len(table.rows), max_rows)
    ]


def _headed_groups(table: Table) -> list[ColumnGroup]:
    return [group for group in table.groups if group.lines]


def _with_groups(table: Table, groups: Sequence[ColumnGroup]) -> Table:
    """The table with these groups of columns and those without a group."""
    grouped = {number for group in groups for number in range(group.first, group.first + group.count)}
    kept = [number for number, column in enumerate(table.columns) if not column.group or number in grouped]
    return replace(
        table,
        columns=tuple(table.columns[number] for number in kept),
        rows=tuple(tuple(row[number] for number in kept) for row in table.rows),
    )
