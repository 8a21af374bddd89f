"""Rows of JSONL files and data sets; errors say exactly where they are wrong."""

from __future__ import annotations

import difflib
import gzip
import itertools
import json
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from lorr_bench.errors import DataError

MAX_LINE: Final = 1 << 24
"""Characters of a line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object of a JSONL file, or one row of a data set.

    Attributes:
        values: Values by column.
        where: File and line, or data set and row, for errors.
        id: What the column ``id`` holds, or file name and line.
    """

    values: dict[str, Any]
    where: str
    id: str

    def text(self, column: str, option: str = "") -> str:
        """The string in a column; a number is written out, null is empty.

        Args:
            column: Name of the column.
            option: The suite option that names the column, for the error.

        Raises:
            DataError: There is no such column, or it holds neither string nor number.
        """
        if column not in self.values:
            raise DataError(
                f"no column {column!r}; there are {', '.join(map(repr, self.values)) or 'none'}",
                where=self.where,
                fix=_suggestion(column, list(self.values), option),
            )
        value = self.values[column]
        return "" if value is None else self._written(column, value)

    def texts(self, column: str, option: str = "") -> list[str]:
        """The strings of a column that may hold a list; a single value is a list of one, null is none.

        Args:
            column: Name of the column.
            option: The suite option that names the column, for the error.

        Raises:
            DataError: There is no such column, or it holds something else than strings and numbers.
        """
        values = self.values.get(column)
        if isinstance(values, list):
            return [self._written(column, value) for value in values]
        return [text] if (text := self.text(column, option)) else []

    def _written(self, column: str, value: Any) -> str:
        if isinstance(value, str):
            return self._whole(column, value)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, float) or not math.isfinite(value):
            raise DataError(
                f"column {column!r} holds {_described(value)}",
                where=self.where,
                fix="it must hold a string or a number",
            )
        return str(int(value)) if value.is_integer() else repr(value)

    def _whole(self, column: str, text: str) -> str:
        """Text that can be written to a file and tokenized."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"column {column!r} holds half a character, \\u{ord(text[error.start]):04x}",
                where=self.where,
                fix="write the text in whole characters: JSON spells those beyond \\uffff as a pair",
            ) from error
        return text


def _described(value: Any) -> str:
    """What a value is, in words or as JSON has it."""
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else json.dumps(value, default=str)[:60]


def near_names(name: str, names: list[str]) -> list[str]:
    """Up to three of ``names`` that look like ``name``, the nearest first."""
    return difflib.get_close_matches(name, names, n=3, cutoff=0.5)


def _suggestion(column: str, columns: list[str], option: str) -> str:
    near = near_names(column, columns)
    named = f"`{option}`" if option else "the column"
    return f"did you mean {' or '.join(map(repr, near))}? Set {named}" if near else f"set {named}"


def read_rows(path: Path) -> Iterator[Row]:
    """The objects of a JSONL file, in order; blank lines are left out.

    Raises:
        DataError: The file is missing, a folder, unreadable, not UTF-8, or a line is not a JSON object or
            longer than a row may be.
    """
    with open_text(path) as file:
        for number in itertools.count(1):
            line = file.readline(MAX_LINE + 1)
            if not line:
                return
            if line.strip():
                yield _row(path, number, line)


@contextmanager
def open_text(path: Path, newline: str | None = None) -> Iterator[IO[str]]:
    """A file of text, unpacked where its name ends in ``.gz``.

    Args:
        path: Of the file.
        newline: As in ``open``.

    Raises:
        DataError: The file is missing, a folder, unreadable, not UTF-8, or not a whole gzip file; also while
            it is read inside.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline=newline) as file:
                yield file
        else:
            with path.open(encoding="utf-8-sig", newline=newline) as file:
                yield file
    except FileNotFoundError as error:
        raise DataError("there is no such file", where=str(path), fix=_nearby_files(path)) from error
    except IsADirectoryError as error:
        raise DataError("this is a folder", where=str(path), fix="name a JSONL file in it") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"not UTF-8 text: {error.reason}", where=str(path), fix="give a JSONL file in UTF-8"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"not a whole gzip file: {error}", where=str(path), fix="pack it again, or unpack it"
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", where=str(path), fix="check its permissions"
        ) from error


def _row(path: Path, number: int, line: str) -> Row:
    where = f"{path}:{number}"
    if len(line) > MAX_LINE:
        raise DataError(
            f"the line is longer than {MAX_LINE >> 20} million letters",
            where=where,
            fix="each line must be one JSON object; is it a file of another kind?",
        )
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        # Python's own words for the second differ between its versions.
        reason = "nested without end" if isinstance(error, RecursionError) else error
        raise DataError(
            f"not JSON: {reason}", where=where, fix="each line must be one JSON object"
        ) from error
    if not isinstance(values, dict):
        raise DataError(
            f"a JSON {type(values).__name__}, not an object",
            where=where,
            fix="each line must be one JSON object",
        )
    return identified(values, where, f"{path.stem}-{number}")


def identified(values: dict[str, Any], where: str, fallback_id: str) -> Row:
    """A row under the id that it holds, or under the fallback."""
    row = Row(values, where, fallback_id)
    return Row(values, where, row.text("id")) if values.get("id") is not None else row


def check_ids(rows: list[Row]) -> None:
    """Refuse two rows with one id.

    Raises:
        DataError: An id occurs twice.
    """
    first: dict[str, str] = {}
    for row in rows:
        if row.id in first:
            raise DataError(
                f"the id {row.id!r} was already used at {first[row.id]}",
                where=row.where,
                fix="give every row an id of its own, or leave the column `id` out",
            )
        first[row.id] = row.where


def _nearby_files(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either; paths are relative to the suite file"
    near = near_names(path.name, sorted(file.name for file in path.parent.iterdir()))
    return f"did you mean {' or '.join(near)}?" if near else "paths are relative to the suite file"
