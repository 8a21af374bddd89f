"""The cells of a sheet as a reader sees them."""

from __future__ import annotations

from lorr_bench.report.sheets import Cell, Sheet


def texts(sheet: Sheet) -> list[list[str]]:
    """Text of each cell, and after a bar what stands small beneath it."""
    return [
        [f"{cell.text} | {cell.small}" if cell.small else cell.text for cell in row] for row in sheet.rows
    ]


def row_texts(sheet: Sheet) -> list[dict[str, Cell]]:
    """Each row by the titles of its columns."""
    titles = [column.title for column in sheet.columns]
    return [dict(zip(titles, row, strict=True)) for row in sheet.rows]
