"""Long tables, printed fast: Rich lays out every cell anew, which takes seconds for thousands of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.control import strip_control_codes
from rich.markup import render
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

MAX_FRAMED_ROWS: Final = 200
GAP: Final = "  "
MIN_COLUMN_LETTERS: Final = 16


def plain_if_long(table: Table) -> Table | LongTable:
    """The table itself, or where it has more than 200 rows, the same as plain aligned lines."""
    return table if table.row_count <= MAX_FRAMED_ROWS else LongTable(table)


class LongTable:
    """Prints a table as plain lines, without colours and frames.

    Args:
        table: Title, columns and cells.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """All lines in one piece."""
        columns = [[_plain(column.header), *map(_plain, column.cells)] for column in self._table.columns]
        widths = _widths(columns, options.max_width)
        right = [column.justify == "right" for column in self._table.columns]
        rows = (_row(cells, widths, right) for cells in zip(*columns, strict=True))
        rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
        yield Segment("\n".join([_plain(self._table.title or ""), next(rows), rule, *rows, ""]))


def _plain(cell: RenderableType | None) -> str:
    if isinstance(cell, Text):
        return cell.plain
    text = str(cell or "")
    return render(text).plain if "[" in text else strip_control_codes(text)


def _widths(columns: Sequence[Sequence[str]], available: int) -> list[int]:
    """As wide as its widest cell, except for the widest column, which takes what the others leave."""
    widths = [max(map(len, cells)) for cells in columns]
    widest = max(range(len(widths)), key=widths.__getitem__)
    others = sum(widths) - widths[widest] + len(GAP) * (len(widths) - 1)
    widths[widest] = min(widths[widest], max(MIN_COLUMN_LETTERS, available - others))
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """One row; a cell that is too long goes on below itself."""
    pieces = [_folded(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = zip_longest(*pieces, fillvalue="")
    return "\n".join(_line(line, widths, right) for line in lines)


def _folded(cell: str, width: int) -> list[str]:
    flat = cell.replace("\n", " ")
    return [flat[first : first + width] for first in range(0, max(1, len(flat)), width)]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    placed = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return GAP.join(placed).rstrip()
