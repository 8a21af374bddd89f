"""Preference pairs: written, read, and loaded from ready-made sets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lorr_bench.data.hub import source_rows
from lorr_bench.data.rows import Row, check_ids, read_rows
from lorr_bench.errors import DataError
from lorr_bench.spec.sources import PairFileSpec
from lorr_bench.values import Pair

_JSON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}
_COLUMNS: Final = {field.name: _JSON_TYPES[str(field.type)] for field in dataclasses.fields(Pair)}


@dataclass(frozen=True, slots=True)
class PairFile:
    """A ready-made preference set.

    Attributes:
        pairs: The usable pairs, each once, in the order of the file.
        dropped: How many rows were left out because a text was empty or both responses were equal.
        repeated: How many rows were left out because a row before them is the same pair.
    """

    pairs: tuple[Pair, ...]
    dropped: int
    repeated: int


def pair_content(pair: Pair) -> tuple[str, str, str]:
    """What makes two pairs the same: their texts, without the white space at the ends of each."""
    return pair.prompt.strip(), pair.chosen.strip(), pair.rejected.strip()


def without_repeats(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs in their order, each content once: the first of several."""
    first: dict[tuple[str, str, str], Pair] = {}
    for pair in pairs:
        first.setdefault(pair_content(pair), pair)
    return list(first.values())


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write one JSON object a line, with the fields of ``Pair``."""
    with path.open("w", encoding="utf-8") as lines:
        for pair in pairs:
            lines.write(json.dumps(dataclasses.asdict(pair)) + "\n")


def read_pairs(path: Path) -> list[Pair]:
    """Read what ``write_pairs`` wrote.

    Raises:
        DataError: The file is missing or damaged; names the line.
    """
    return [_stored_pair(row) for row in read_rows(path)]


def _stored_pair(row: Row) -> Pair:
    faults = {
        "lacks": [name for name in _COLUMNS if name not in row.values],
        "has unknown": [name for name in row.values if name not in _COLUMNS],
        "has the wrong type in": [
            name for name, value in row.values.items() if not isinstance(value, _COLUMNS.get(name, object))
        ],
    }
    if any(faults.values()):
        said = "; ".join(f"{fault} {', '.join(names)}" for fault, names in faults.items() if names)
        raise DataError(f"not a pair: {said}", where=row.where, fix="collect the pairs again")
    return Pair(**row.values)


def load_pair_file(spec: PairFileSpec, folder: Path) -> PairFile:
    """Load a ready-made preference set: a JSONL file, or a data set of the Hugging Face Hub.

    Args:
        spec: Source and columns.
        folder: What a relative path is relative to.

    Returns:
        The pairs and how many rows were left out. ``prompt_index`` counts the different prompts.

    Raises:
        DataError: The source is missing, damaged or lacks a column, a text is not a string, an id repeats, or
            no usable pair is left.
    """
    rows = list(source_rows(spec.source, folder, revision=spec.revision, split=spec.split))
    check_ids(rows)
    pairs: list[Pair] = []
    prompts: dict[str, int] = {}
    for row in rows:
        texts = prompt, chosen, rejected = _texts(row, spec)
        if all(text.strip() for text in texts) and chosen.strip() != rejected.strip():
            pairs.append(Pair(row.id, *texts, prompts.setdefault(prompt, len(prompts))))
    if not pairs:
        raise DataError(
            f"no usable pair among {len(rows)} rows",
            where=spec.source,
            fix="a pair needs a prompt and two different responses, none of them empty",
        )
    unique = without_repeats(pairs)
    return PairFile(tuple(unique), dropped=len(rows) - len(pairs), repeated=len(pairs) - len(unique))


def _texts(row: Row, spec: PairFileSpec) -> tuple[str, str, str]:
    columns = {
        "prompt_column": spec.prompt_column,
        "chosen_column": spec.chosen_column,
        "rejected_column": spec.rejected_column,
    }
    for option, column in columns.items():
        if isinstance(row.values.get(column), list):
            raise DataError(
                f"column {column!r} holds a list of chat messages",
                where=row.where,
                fix=f"only strings are supported: write the text into a column and name it in `{option}`",
            )
    prompt, chosen, rejected = (row.text(column, option) for option, column in columns.items())
    return prompt, chosen, rejected
