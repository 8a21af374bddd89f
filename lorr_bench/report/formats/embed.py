"""Data and tables as a page can hold them: whatever a model wrote, it stays text."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lorr_bench.report.sheets import Cell, Sheet

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
class Placed:
    """A table as the page holds it.

    Attributes:
        sheet: The table.
        rows: Its first rows, which stand in the page.
        more: The rows after these as JSON; empty where there are none.
        left_out: Rows for which there was no room.
    """

    sheet: Sheet
    rows: tuple[tuple[Cell, ...], ...]
    more: str
    left_out: int


def place(sheets: Iterable[Sheet], room: int = MAX_BYTES) -> dict[str, Placed]:
    """Divides the rows of the tables between page and data.

    Args:
        sheets: The tables, those first that need room most.
        room: Bytes of all embedded rows together; a table takes at most half of what is left of them.

    Returns:
        The tables that have rows, by name.
    """
    placed = {}
    for sheet in sheets:
        further = sheet.rows[FIRST_ROWS:]
        packed = list(_within(further, room // 2))
        room -= sum(len(line) + 1 for line in packed)
        more = f"[{','.join(packed)}]" if packed else ""
        if sheet.rows:
            placed[sheet.name] = Placed(sheet, sheet.rows[:FIRST_ROWS], more, len(further) - len(packed))
    return placed


def _within(rows: Iterable[tuple[Cell, ...]], room: int) -> Iterator[str]:
    """The rows as JSON, as long as they fit."""
    for row in rows:
        packed = script_json([cell.packed() for cell in row])
        room -= len(packed) + 1
        if room < 0:
            return
        yield packed
