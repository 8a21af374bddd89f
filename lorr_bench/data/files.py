"""Read data sets of this machine: JSON lines, JSON, CSV, Parquet, and what `save_to_disk` wrote."""

from __future__ import annotations

import csv
import glob
import json
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import IO, Any, Final

from lorr_bench.data.rows import Row, identified, open_text, read_rows
from lorr_bench.errors import DataError
from lorr_bench.plan.identity.origins import is_saved_set

SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}
MAX_CELL: Final = 1 << 24
"""Characters of a cell of a CSV file."""


def file_rows(path: Path, split: str | None = None) -> Iterator[Row]:
    """The rows of a file or a saved folder, in their order. The name's end says what it is.

    Args:
        path: ``.parquet``, ``.csv``, ``.tsv``, ``.json`` with an array, or a folder of ``save_to_disk``;
            anything else is JSON lines. Texts may be gzipped: ``.gz``.
        split: Of a saved folder with several.

    Raises:
        DataError: It is missing, damaged, or a folder of something else.
    """
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if is_saved_set(path):
        return _saved_rows(path, split)
    if suffix == ".parquet" and path.is_file():
        return _parquet_rows(path)
    if suffix in SEPARATORS and path.is_file():
        return _table_rows(path, SEPARATORS[suffix])
    if suffix == ".json" and path.is_file() and _is_array(path):
        return _array_rows(path)
    return read_rows(path)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import datasets

    try:
        # A stream: the library would else copy the whole file into its cache.
        found = datasets.load_dataset(
            "parquet", data_files=glob.escape(str(path)), split="train", streaming=True
        )
        yield from _numbered(found, path)
    except DataError:
        raise
    except Exception as error:  # the library raises what Arrow, fsspec and itself do
        raise DataError(
            f"not a whole Parquet file: {type(error).__name__}: {error}",
            where=str(path),
            fix="write it again, for example with `datasets.Dataset.to_parquet`",
        ) from error


def _saved_rows(path: Path, split: str | None) -> Iterator[Row]:
    import datasets

    try:
        found = datasets.load_from_disk(str(path))
    except Exception as error:  # as above
        raise DataError(
            f"not a whole folder of `save_to_disk`: {type(error).__name__}: {error}",
            where=str(path),
            fix="save it again with `datasets.Dataset.save_to_disk`",
        ) from error
    if isinstance(found, datasets.DatasetDict):
        if split not in found:
            raise DataError(
                f"no split {split!r}; there are {', '.join(map(repr, found))}",
                where=str(path),
                fix="name one of them in `split`",
            )
        found = found[split]
    yield from _numbered(found, path)


def _numbered(rows: Any, path: Path) -> Iterator[Row]:
    """Rows of a data set, counted from 0 as the library does."""
    for index, values in enumerate(rows):
        yield identified(dict(values), f"{path} row {index}", f"{path.stem}-{index}")


def _table_rows(path: Path, separator: str) -> Iterator[Row]:
    """Rows of a CSV file, every cell as the text that stands there.

    Not by the library: it would take ``007`` for the number 7, and an answer ``NA`` or ``None`` for a null.
    """
    csv.field_size_limit(MAX_CELL)
    with open_text(path, newline="") as file:  # line breaks in cells stay what they are
        lines = csv.reader(file, delimiter=separator, strict=True)
        try:
            names = next(lines, [])
            for cells in lines:
                if cells:
                    yield _table_row(path, lines.line_num, names, cells)
        except csv.Error as error:
            raise DataError(
                f"not CSV: {error}",
                where=f"{path}:{lines.line_num}",
                fix="put cells with separators, quotes or line breaks into double quotes",
            ) from error


def _table_row(path: Path, number: int, names: list[str], cells: list[str]) -> Row:
    if len(cells) != len(names):
        raise DataError(
            f"{len(cells)} cells, but the first line names {len(names)} columns",
            where=f"{path}:{number}",
            fix="put cells with separators, quotes or line breaks into double quotes",
        )
    return identified(dict(zip(names, cells, strict=True)), f"{path}:{number}", f"{path.stem}-{number}")


def _is_array(path: Path) -> bool:
    with open_text(path) as file:
        return _first_letter(file) == "["


def _first_letter(file: IO[str]) -> str:
    """The first that is no white space; empty where there is none."""
    skipped = "".join(takewhile(str.isspace, iter(lambda: file.read(1), "")))
    file.seek(0)
    return file.read(len(skipped) + 1)[len(skipped) :]


def _array_rows(path: Path) -> Iterator[Row]:
    """Rows of a JSON array.

    Not by the library: it would make a time stamp of a text that looks like a date.
    """
    with open_text(path) as file:
        try:
            values = json.load(file)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"not JSON: {error}", where=str(path), fix="give one array of objects, or one object a line"
            ) from error
    for index, row in enumerate(values):
        where = f"{path} row {index}"
        if not isinstance(row, dict):
            raise DataError(
                f"a JSON {type(row).__name__}, not an object",
                where=where,
                fix="each member of the array must be an object",
            )
        yield identified(row, where, f"{path.stem}-{index}")
