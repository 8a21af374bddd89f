"""Which shape the rows of a set have, found by reading the first of them in each way that there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from lorr_bench.data.examples import Example, known_columns, read_example
from lorr_bench.data.hub import source_rows
from lorr_bench.data.rows import Row, near_names
from lorr_bench.errors import DataError
from lorr_bench.plan.identity.origins import is_hub_source
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.spec.sources import COLUMN_PRESETS, PairFileSpec

MAX_ROWS: Final = 10_000
"""Rows that a draft reads; the data of the published LoRR are about 8,000 pairs."""
SAMPLE: Final = 50
"""Rows by which a shape is recognised."""
ROLES: Final = ("prompt", "chosen", "rejected", "completion", "label", "system")
PREFERENCE: Final = ("prompt", "chosen", "rejected")
WHERE: Final = "--data"


@dataclass(frozen=True)
class AskedRows:
    """A set as the command names it.

    Attributes:
        source: A file, a saved folder, or a Hub id.
        split: Of a Hub data set, or of a saved folder with several.
        subset: Configuration of a Hub data set.
        columns: Names of columns by what they hold, a member of ``ROLES``.
    """

    source: str
    split: str | None
    subset: str | None
    columns: Mapping[str, str]


@dataclass(frozen=True)
class FoundRows:
    """The rows of a set, and how they are read.

    Attributes:
        rows: The first, at most ``MAX_ROWS``.
        more: Whether there are more.
        settings: What a suite says of them in ``data.pairs``, beside the source.
        spec: The same as the suite's model, with the source.
        conversations: Whether they are lists of turns.
        on_hub: Whether the source is a Hub id.
    """

    rows: Sequence[Row]
    more: bool
    settings: Mapping[str, Any]
    spec: PairFileSpec
    conversations: bool
    on_hub: bool

    @property
    def in_template(self) -> bool:
        """Whether they are trained on in the model's chat template."""
        return self.conversations or self.spec.chat_template


def look_at_rows(asked: AskedRows, folder: Path, tokenizer: Any) -> FoundRows:
    """Read the first rows of a set and recognise their shape.

    Args:
        asked: What the command says.
        folder: What a relative path is relative to.
        tokenizer: Of the start model, for its chat template.

    Raises:
        DataError: The source is missing, damaged or empty, its columns are those of no known shape, or a
            subset is given of something that is no Hub id.
    """
    place = {name: value for name, value in (("split", asked.split), ("subset", asked.subset)) if value}
    on_hub = is_hub_source(asked.source, None, folder)
    if on_hub:
        found = Revisions(ask=True, required=True).resolve("dataset", asked.source, None, WHERE)
        place = {"revision": str(found.commit), **place}
    elif asked.subset:
        fix = "Leave it out, or give the id as owner/name."
        raise DataError(f"a subset is given, but {asked.source} is no Hub id", where="--subset", fix=fix)
    rows = list(islice(_rows(asked.source, folder, place), MAX_ROWS + 1))
    if not rows:
        raise DataError("there are no rows", where=asked.source, fix="Give a set of preference pairs.")
    sample = rows[:SAMPLE]
    shape = _recognised(sample, asked)
    conversations = _first(sample, asked.source, shape).is_conversation
    settings = {**place, **shape, **_template(shape, sample, asked.source, tokenizer, conversations)}
    spec = PairFileSpec(source=asked.source, **settings)
    return FoundRows(rows[:MAX_ROWS], len(rows) > MAX_ROWS, settings, spec, conversations, on_hub)


def _rows(source: str, folder: Path, place: Mapping[str, str]) -> Iterator[Row]:
    split = place.get("split", PairFileSpec.model_fields["split"].default)
    return source_rows(
        source, folder, revision=place.get("revision"), subset=place.get("subset"), split=split
    )


def _recognised(sample: Sequence[Row], asked: AskedRows) -> dict[str, Any]:
    """The settings of the first shape by which a row of the sample can be trained on.

    Raises:
        DataError: There is none.
    """
    named = {f"{role}_column": column for role, column in asked.columns.items()}
    for shape in _shapes(sample[0]):
        with suppress(DataError):
            _first(sample, asked.source, {**shape, **named})
            return {**shape, **named}
    missing = {
        role: column
        for role in PREFERENCE
        if (column := asked.columns.get(role, role)) not in sample[0].values
    }
    if missing:
        raise _unknown(sample[0], missing)
    _first(sample, asked.source, named)  # says what is wrong in the columns of pairs
    return named


def _shapes(row: Row) -> Iterator[dict[str, Any]]:
    """Ways to read rows with such columns: sets in wide use, pairs, then rows of one response."""
    known = known_columns(row)
    pairs = [name for name in known if "type" not in COLUMN_PRESETS[name].settings]
    yield from ({"columns": name} for name in pairs)
    yield {}
    if not _other_texts(row):
        yield {"prompt_column": None}
    yield {"type": "unpaired"}
    yield from ({"columns": name} for name in known if name not in pairs)
    yield {"type": "prompt_completion"}


def _other_texts(row: Row) -> list[str]:
    """Columns with text that are no response: one of them may be the prompt."""
    responses = ("chosen", "rejected", "id")
    return [name for name, value in row.values.items() if isinstance(value, str) and name not in responses]


def _first(sample: Sequence[Row], source: str, settings: Mapping[str, Any]) -> Example:
    """The first row that can be trained on.

    Raises:
        DataError: There is none.
    """
    values = {**settings, "chat_template": True} if settings.get("system_column") else settings
    spec = PairFileSpec(source=source, **values)
    examples = [read_example(row, spec) for row in sample]
    for example in examples:
        if example.fault is None:
            return example
    raise DataError(
        f"none of the first {len(sample)} rows is a pair",
        where=sample[0].where,
        fix="A pair needs a prompt and two different responses, none of them empty.",
    )


def _template(
    shape: Mapping[str, Any], sample: Sequence[Row], source: str, tokenizer: Any, conversations: bool
) -> dict[str, Any]:
    """What is said of the chat template: strings are written in it where the model has one."""
    preset = COLUMN_PRESETS[shape["columns"]].settings if "columns" in shape else {}
    if not getattr(tokenizer, "chat_template", None):
        without = {"chat_template": False, "system_column": None}
        return {key: value for key, value in without.items() if key in preset or key in shape}
    if shape.get("system_column"):
        return {"chat_template": True}
    if conversations or preset.get("chat_template") or _is_written(sample, source, shape, tokenizer):
        return {}
    return {"chat_template": True}


def _is_written(sample: Sequence[Row], source: str, shape: Mapping[str, Any], tokenizer: Any) -> bool:
    """Whether a prompt has a special token of the model: somebody wrote it in the template before."""
    prompt = _first(sample, source, shape).prompt
    tokens = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return isinstance(prompt, str) and any(token in prompt for token in tokens)


def _unknown(row: Row, missing: Mapping[str, str]) -> DataError:
    """Which columns are missing, and which may be meant.

    Args:
        row: A row of the set.
        missing: Names of columns by what they should hold.
    """
    free = [name for name in row.values if name not in PREFERENCE]
    options = [f"--column {role}={(near_names(role, free) or ['NAME'])[0]}" for role in missing]
    absent, there = " and no ".join(map(repr, missing.values())), ", ".join(map(repr, row.values))
    return DataError(
        f"no column {absent}; there are {there or 'none'}",
        where=row.where,
        fix=f"Say which holds it: {' '.join(options)}. Of rows with one response: --column completion=NAME.",
    )
