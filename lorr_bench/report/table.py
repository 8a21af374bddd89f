"""A table as a reader sees it, in one shape for the page, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lorr_bench.outside import visible_text
from lorr_bench.report.formatting import MISSING, START_MODEL
from lorr_bench.values import START

LONG = 40
"""Rows above which a table scrolls under its header, and folds away if it isn't the main one."""

PAIRS_TITLE = "pairs"
Kind = Literal["arm", "text", "number"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, what stands small beneath it, and whether it is bold."""

    text: str
    small: str = ""
    bold: bool = False

    def packed(self) -> str | list[str | int]:
        """The shortest JSON that says the same."""
        text, small = visible_text(self.text), visible_text(self.small)
        if self.bold:
            return [text, small, 1]
        return [text, small] if small else text


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: Its heading.
        kind: What it holds: ``arm``, which can be filtered by method and plug-in; ``text``, which wraps; or
            ``number``, which is sorted as one, whatever stands after it.
        choice: Whether rows can be chosen by its values.
        group: Lines of the heading over this column and its neighbours of the same group; none where there is
            no such heading.
    """

    title: str
    kind: Kind = "number"
    choice: bool = False
    group: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Columns beside each other under one heading; a column without such a heading is a group of its own.

    Attributes:
        lines: Lines of the heading.
        first: Number of the first column.
        count: How many columns.
    """

    lines: tuple[str, ...]
    first: int
    count: int

    @property
    def heading(self) -> str:
        """The heading on one line."""
        return " · ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report.

    Attributes:
        section: Where it stands; lower case.
        heading: What it is called.
        caption: How to read it.
        columns: The columns; the first one heads the rows.
        rows: A cell under each column.
        part: Which of the tables of a section it is; empty where the section has one alone.
        notes: What stands below it on paper; the page says it elsewhere.
        file: The file of the report that holds all of it; empty where there is none.
        main: Whether it is the main table of its section, which never folds away.
        breaks: Numbers of the rows that begin a new group.
    """

    section: str
    heading: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    part: str = ""
    notes: tuple[str, ...] = ()
    file: str = ""
    main: bool = False
    breaks: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """Unique in the report."""
        return f"{self.section}-{self.part}" if self.part else self.section

    @property
    def kept(self) -> int:
        """How many first columns stay in sight while the others scroll: those that say which row it is."""
        return 2 if len(self.columns) > 2 and self.columns[1].title == PAIRS_TITLE else 1

    @property
    def long(self) -> bool:
        """Whether the table has more rows than a reader goes through one by one."""
        return len(self.rows) > LONG

    @property
    def folded(self) -> bool:
        """Whether the table waits behind a click."""
        return self.long and not self.main

    @property
    def groups(self) -> tuple[ColumnGroup, ...]:
        """The columns in groups, from left to right."""
        groups: list[ColumnGroup] = []
        for number, column in enumerate(self.columns):
            if column.group and groups and groups[-1].lines == column.group:
                groups[-1] = ColumnGroup(column.group, groups[-1].first, groups[-1].count + 1)
            else:
                groups.append(ColumnGroup(column.group, number, 1))
        return tuple(groups)

    @property
    def grouped(self) -> bool:
        """Whether any columns have a heading over them."""
        return any(column.group for column in self.columns)

    @property
    def classes(self) -> tuple[str, ...]:
        """How the cells of each column look, as names in the style sheet."""
        starts = {group.first for group in self.groups if group.lines}
        looks = ["number" if column.kind == "number" else "text" for column in self.columns]
        return tuple(f"{look} measure" if number in starts else look for number, look in enumerate(looks))


ARM = Column("arm", "arm")
BENCHMARK = Column("benchmark", "text", choice=True)
MODEL = (ARM, Column(PAIRS_TITLE, choice=True), Column("seeds"))
"""Columns that say which models a row rests on."""


def text_cells(*texts: str) -> tuple[Cell, ...]:
    """A cell for each text."""
    return tuple(map(Cell, texts))


def model_cells(arm: str, unique_pairs: int, seeds: str) -> tuple[Cell, ...]:
    """The cells under ``MODEL``; the start model has neither budget nor seeds."""
    if arm == START.arm:
        return text_cells(START_MODEL, MISSING, MISSING)
    return text_cells(arm, f"{unique_pairs:,}", seeds)


def breaks_between(groups: Sequence[Sequence[object]]) -> frozenset[int]:
    """Numbers of the rows that begin a group, the first one left out."""
    sizes = [len(group) for group in groups]
    return frozenset(sum(sizes[:number]) for number in range(1, len(sizes)))
