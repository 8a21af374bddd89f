"""The one shape of all tables of a report, so that one piece of markup and script serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lorr_bench.outside import visible_text
from lorr_bench.report.cells import NONE
from lorr_bench.values import START

LONG = 40
"""Rows above which a table scrolls under its header, and folds away if it isn't the main one."""

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
        group: Heading over this column and its neighbours of the same group; empty where there is none.
    """

    title: str
    kind: Kind = "number"
    choice: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a report.

    Attributes:
        name: Unique in the report; lower case.
        label: What it is called.
        caption: How to read it.
        columns: The columns; the first one heads the rows.
        rows: A cell under each column.
        file: The file of the report that holds all of it; empty where there is none.
        main: Whether it is the main table of its section, which never folds away.
        breaks: Numbers of the rows that begin a new group.
    """

    name: str
    label: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    file: str = ""
    main: bool = False
    breaks: frozenset[int] = frozenset()

    @property
    def long(self) -> bool:
        """Whether the table has more rows than a reader goes through one by one."""
        return len(self.rows) > LONG

    @property
    def folded(self) -> bool:
        """Whether the table waits behind a click."""
        return self.long and not self.main

    @property
    def groups(self) -> tuple[tuple[str, int, int], ...]:
        """Headings over the columns, each with its first column and how many; no group, a column alone."""
        spans: list[tuple[str, int, int]] = []
        for number, column in enumerate(self.columns):
            if column.group and spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1], spans[-1][2] + 1)
            else:
                spans.append((column.group, number, 1))
        return tuple(spans)

    @property
    def grouped(self) -> bool:
        """Whether any columns have a heading over them."""
        return any(column.group for column in self.columns)

    @property
    def classes(self) -> tuple[str, ...]:
        """How the cells of each column look, as names in the style sheet."""
        groups = [column.group for column in self.columns]
        starts = [group and groups[number - 1] != group for number, group in enumerate(groups)]
        looks = ["number" if column.kind == "number" else "text" for column in self.columns]
        return tuple(f"{look} measure" if start else look for look, start in zip(looks, starts, strict=True))


ARM = Column("arm", "arm")
BENCHMARK = Column("benchmark", "text", choice=True)
MODEL = (ARM, Column("pairs", choice=True), Column("seeds"))
"""Columns that say which models a row rests on."""


def text_cells(*texts: str) -> tuple[Cell, ...]:
    """A cell for each text."""
    return tuple(map(Cell, texts))


def model_cells(arm: str, unique_pairs: int, seeds: str) -> tuple[Cell, ...]:
    """The cells under ``MODEL``; the start model has neither budget nor seeds."""
    if arm == START.arm:
        return text_cells("start model", NONE, NONE)
    return text_cells(arm, f"{unique_pairs:,}", seeds)


def breaks_between(groups: Sequence[Sequence[object]]) -> frozenset[int]:
    """Numbers of the rows that begin a group, the first one left out."""
    sizes = [len(group) for group in groups]
    return frozenset(sum(sizes[:number]) for number in range(1, len(sizes)))
