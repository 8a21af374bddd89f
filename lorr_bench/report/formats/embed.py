"""Data and tables as a page can hold them: whatever a model wrote, it stays text."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lorr_bench.report.table import Cell, Table

FIRST_ROWS = 200
"""Rows that stand in the page itself; further ones are embedded as data."""
MAX_BYTES = 3_000_000
"""Bytes of the embedded rows of all tables together."""
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def script_json(value: Any) -> str:
    """JSON that can't end the script element around it, nor begin a comment: ASCII, no ``<``, ``>``, ``&``.

    Args:
        value: Lists, dictionaries, texts and numbers; texts have passed ``visible_text``.

    Returns:
        The same value to every JSON reader.
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text


def data_uri(content: bytes, media_type: str) -> str:
    """The content as an address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def source_hash(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script: ``'sha256-…'``."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table as the page holds it.

    Attributes:
        table: The table.
        rows: Its first rows, which stand in the page.
        more: The rows after these as JSON; empty where there are none.
        left_out: How many rows are left out, because the page would be too large.
    """

    table: Table
    rows: tuple[tuple[Cell, ...], ...]
    more: str
    left_out: int


def page_tables(tables: Iterable[Table], max_bytes: int = MAX_BYTES) -> dict[str, PageTable]:
    """Divides the rows of the tables between page and data.

    Args:
        tables: The tables, those first that need the most space.
        max_bytes: Of all embedded rows together; a table takes at most half of what those before it left.

    Returns:
        The tables that have rows, by name.
    """
    placed = {}
    for table in tables:
        further = table.rows[FIRST_ROWS:]
        packed = list(_within(further, max_bytes // 2))
        max_bytes -= sum(len(line) + 1 for line in packed)
        more = f"[{','.join(packed)}]" if packed else ""
        if table.rows:
            placed[table.name] = PageTable(
                table, rows=table.rows[:FIRST_ROWS], more=more, left_out=len(further) - len(packed)
            )
    return placed


def _within(rows: Iterable[tuple[Cell, ...]], max_bytes: int) -> Iterator[str]:
    """The rows as JSON, as long as they fit."""
    for row in rows:
        packed = script_json([cell.packed() for cell in row])
        max_bytes -= len(packed) + 1
        if max_bytes < 0:
            return
        yield packed
