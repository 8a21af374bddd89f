"""Preference pairs: written, read, and loaded from ready-made sets."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from lorr_bench.data.chat_writer import ChatWriter
from lorr_bench.data.examples import FAULTS, Example, Fault, read_example
from lorr_bench.data.hub import source_rows
from lorr_bench.data.rows import Row, read_rows
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
        pairs: The usable pairs, each once, in the order of the file. A row of one response is a pair whose
            other response is empty.
        left_out: How many rows are no pairs, by reason.
        repeated: How many rows were left out because a row before them is the same pair.
        rows: How many rows were read.
        in_template: Whether the texts were written in the model's chat template.
        unused_system: How many rows have a text in a column `system` that is not used.
    """

    pairs: tuple[Pair, ...]
    left_out: Mapping[Fault, int]
    repeated: int
    rows: int
    in_template: bool
    unused_system: int

    @property
    def dropped(self) -> int:
        """How many rows are no pairs."""
        return sum(self.left_out.values())

    @property
    def notices(self) -> Iterator[str]:
        """What whoever trains on the set should know, sentences."""
        if self.dropped:
            yield f"{self.dropped:,} of {self.rows:,} rows are no pairs ({self.reasons}), and were left out."
        if self.repeated:
            yield f"{self.repeated:,} rows repeat a pair before them, and were left out."
        if self.unused_system:
            yield self.system_notice

    @property
    def system_notice(self) -> str:
        """That system turns are not used, and how they would be."""
        return (
            f"{self.unused_system:,} rows have a text in column 'system', which is not used: "
            "`system_column: system` with `chat_template: true` makes it the system turn."
        )

    @property
    def reasons(self) -> str:
        """Why rows are no pairs, in words, with their numbers."""
        return "; ".join(f"{FAULTS[fault]}: {count:,}" for fault, count in self.left_out.items() if count)


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


def load_pair_file(
    spec: PairFileSpec, folder: Path, writer: Callable[[], ChatWriter] | None = None
) -> PairFile:
    """Load a ready-made preference set: from this machine, or from the Hugging Face Hub.

    Args:
        spec: Source and columns.
        folder: What a relative path is relative to.
        writer: Makes what writes conversations, and is asked once where there are any; without one they are
            refused.

    Returns:
        The pairs and how many rows were left out. ``prompt_index`` counts the different prompts.

    Raises:
        DataError: The source is missing, damaged or lacks a column, a column holds something else, strings
            and conversations are mixed, or no usable pair is left.
        ModelError: There are conversations, and the model has no chat template.
    """
    return pairs_of_rows(_rows(spec, folder), spec, writer)


def pairs_of_rows(
    rows: Iterable[Row], spec: PairFileSpec, writer: Callable[[], ChatWriter] | None = None
) -> PairFile:
    """What ``load_pair_file`` makes of the rows of a set, or of some of them.

    Args:
        rows: In their order.
        spec: Columns, and the source for errors.
        writer: As ``load_pair_file`` takes it.

    Raises:
        DataError: As ``load_pair_file``, but for what reading a source meets.
        ModelError: There are conversations, and the model has no chat template.
    """
    examples: list[Example] = []
    left_out, unused_system = Counter[Fault](), 0
    for row in rows:
        example = read_example(row, spec)
        unused_system += spec.system_column is None and _has_system(row)
        if example.fault is not None:
            left_out[example.fault] += 1
            continue
        if examples and example.is_conversation != examples[0].is_conversation:
            raise _mixed(example, examples[0])
        examples.append(example)
    number = len(examples) + left_out.total()
    in_template = bool(examples) and examples[0].is_conversation
    pairs = _pairs(examples, _writer(examples[0], writer) if in_template else None)
    unique = without_repeats(pairs)
    file = PairFile(
        tuple(unique), dict(left_out), len(pairs) - len(unique), number, in_template, unused_system
    )
    if not pairs:
        raise DataError(
            f"no usable pair among {number} rows{': ' if left_out else ''}{file.reasons}",
            where=spec.source,
            fix="a pair needs a prompt and two different responses, none of them empty",
        )
    return file


def _rows(spec: PairFileSpec, folder: Path) -> Iterator[Row]:
    """The rows up to the limit. An id that repeats is numbered: sets in wide use have such."""
    rows = source_rows(
        spec.source,
        folder,
        revision=spec.revision,
        subset=spec.subset,
        split=spec.split,
        streaming=spec.streaming,
    )
    seen = Counter[str]()
    for row in islice(rows, spec.limit):
        seen[row.id] += 1
        again = seen[row.id]
        yield row if again == 1 else replace(row, id=f"{row.id}#{again}")


def _has_system(row: Row) -> bool:
    text = row.values.get("system")
    return isinstance(text, str) and bool(text.strip())


def _mixed(example: Example, first: Example) -> DataError:
    kinds = {True: "a conversation", False: "strings"}
    this, that = kinds[example.is_conversation], kinds[first.is_conversation]
    return DataError(
        f"this row is {this}, but {first.row.where} is {that}",
        where=example.row.where,
        fix="give a set of one kind, or set `chat_template: true`, which makes turns of strings",
    )


def _writer(example: Example, make: Callable[[], ChatWriter] | None) -> ChatWriter:
    if make is not None:
        return make()
    raise DataError(
        "this row is a conversation, but the rows before it are strings without a usable pair",
        where=example.row.where,
        fix="give a set of one kind, or set `chat_template: true`, which makes turns of strings",
    )


def _pairs(examples: Iterable[Example], writer: ChatWriter | None) -> list[Pair]:
    pairs, prompts = [], dict[str, int]()
    for example in examples:
        prompt, responses = writer.write(example) if writer else example.texts
        if example.wanted is not None:
            responses = [*responses, ""] if example.wanted else ["", *responses]
        chosen, rejected = responses
        place = prompts.setdefault(prompt, len(prompts))
        pairs.append(Pair(example.row.id, prompt, chosen, rejected, place))
    return pairs
