"""The results of a suite as one file for programs, without the sample answers.

The file is compact JSON, compressed with gzip: one object with ``format`` and the fields of ``Results``, in
the shape that ``lorr_bench.values`` describes. NaN is ``null``, infinities are ``"inf"`` and ``"-inf"``, a
mapping whose keys are no texts is a list of pairs, and arms are a list of their names.
"""

from __future__ import annotations

import functools
import gzip
import json
import math
import types
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from lorr_bench.errors import DataError
from lorr_bench.values import ArmParts, Results

FORMAT: Final = 1
COMPRESSION: Final = 6
"""At 9 a million answers take seconds instead of a quarter of one, for 3 % of the size."""
RESULTS_FILE: Final = "results.json.gz"
UNREADABLE: Final = (
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What reading a file raises that is not what it should be."""


def results_bytes(results: Results) -> bytes:
    """The content of the file: the same results, the same bytes."""
    plain = {"format": FORMAT, **_plain(replace(results, answers=()))}
    plain["arms"] = [*results.arms]
    text = json.dumps(plain, allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode(), COMPRESSION, mtime=0)


def read_results(path: Path) -> Results:
    """The results that ``results_bytes`` described, their sequences as tuples, without answers.

    Raises:
        DataError: If the file can't be read, is damaged, or was written in another format.
    """
    try:
        plain = json.loads(gzip.decompress(path.read_bytes()))
        found = plain.pop("format")
        results: Results | None = _results(plain) if found == FORMAT else None
    except UNREADABLE as error:
        raise DataError(
            f"the results can't be read: {error!r}",
            where=str(path),
            fix="Write the report of that run again.",
        ) from error
    if results is None:
        raise DataError(
            f"results of format {found}, but this version reads format {FORMAT}",
            where=str(path),
            fix="Write the report of that run again with this version.",
        )
    return results


def _results(plain: Mapping[str, Any]) -> Results:
    results: Results = _reader(Results)({**plain, "arms": {}})
    return replace(results, arms={name: ArmParts.of(name) for name in plain["arms"]})


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, float):
        return _plain_float(value)
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(held) for key, held in value.items()}
        return [[_plain(key), _plain(held)] for key, held in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        # Most values of problems are 0 or 1: as whole numbers they take a third of the bytes.
        return [int(held) if held in (0.0, 1.0) else _plain(held) for held in value]
    return value


def _plain_float(value: float) -> float | str | None:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


def _float(plain: Any) -> float:
    return math.nan if plain is None else float(plain)


def _same(plain: Any) -> Any:
    return plain


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of that type from JSON."""
    parts = get_args(kind)
    if kind is float:
        return _float
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    if get_origin(kind) is Mapping:
        read_key, read_value = _reader(parts[0]), _reader(parts[1])
        return lambda plain: {
            read_key(key): read_value(value)
            for key, value in (plain.items() if isinstance(plain, dict) else plain)
        }
    if get_origin(kind) is types.UnionType:
        read_known = _reader(next(part for part in parts if part is not types.NoneType))
        return lambda plain: None if plain is None else read_known(plain)
    if get_origin(kind) in (tuple, Sequence):
        read = _reader(parts[0])
        return lambda plain: tuple(map(read, plain))
    return _same


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return lambda plain: kind(**{name: readers[name](value) for name, value in plain.items()})
