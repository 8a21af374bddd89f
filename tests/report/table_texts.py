"""The cells of a table as a reader sees them."""

from __future__ import annotations

from lorr_bench.report.table import Cell, Table


def texts(table: Table) -> list[list[str]]:
    """Text of each cell, and after a bar what stands small beneath it."""
    return [
        [f"{cell.text} | {cell.small}" if cell.small else cell.text for cell in row] for row in table.rows
    ]


def row_texts(table: Table) -> list[dict[str, Cell]]:
    """Each row by the titles of its columns."""
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]
