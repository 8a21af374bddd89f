"""Preference pairs: made from graded answers, written, read, and loaded from ready-made sets."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from lorr_bench.data.rows import Row, check_ids, identified, read_rows
from lorr_bench.errors import DataError
from lorr_bench.spec.models import PairFileSpec
from lorr_bench.values import Completion, Pair, Prompt, Verdict

PairRule = Literal["one_each", "longest_correct"]
# A time-out says nothing about the answer, so such an answer is not held up as a wrong one.
KNOWN_WRONG: Final = ("different", "no_answer")
LOCAL_SUFFIXES: Final = (".jsonl", ".json")
_JSON_TYPES: Final[dict[str, tuple[type, ...]]] = {"str": (str,), "int": (int,), "float": (int, float)}
_COLUMNS: Final = {field.name: _JSON_TYPES[str(field.type)] for field in dataclasses.fields(Pair)}


@dataclass(frozen=True, slots=True)
class PairFile:
    """A ready-made preference set.

    Attributes:
        pairs: The usable pairs, in the order of the file.
        dropped: How many rows were left out because a text was empty or both responses were equal.
    """

    pairs: tuple[Pair, ...]
    dropped: int


def pair_up(
    prompts: Sequence[Prompt],
    completions: Sequence[Sequence[Completion]],
    verdicts: Sequence[Sequence[Verdict]],
    rule: PairRule,
    seed: int,
) -> list[Pair]:
    """One pair for each prompt that has both a right and a wrong answer.

    The choice depends on seed and prompt id alone, so more prompts leave the pairs of the others as they are.
    Answers that are empty or whose grading did not finish are not used.

    Args:
        prompts: What was asked.
        completions: The answers to each prompt.
        verdicts: Their grades, in the same shape.
        rule: ``one_each``: a random right and a random wrong answer; ``longest_correct``: the right answer
            with the most tokens (the first of several) and a random wrong one.
        seed: Draws the answers.

    Returns:
        The pairs, in the order of the prompts.
    """
    pairs = []
    for index, (prompt, answers, grades) in enumerate(zip(prompts, completions, verdicts, strict=True)):
        right, wrong = _sorted_out(answers, grades)
        if right and wrong:
            rng = random.Random(f"pair/{seed}/{prompt.id}")  # noqa: S311 - reproducible choice
            chosen = rng.choice(right) if rule == "one_each" else max(right, key=lambda answer: answer.tokens)
            pairs.append(Pair(prompt.id, prompt.text, chosen.text, rng.choice(wrong).text, index))
    return pairs


def _sorted_out(
    answers: Sequence[Completion], grades: Sequence[Verdict]
) -> tuple[list[Completion], list[Completion]]:
    graded = [pair for pair in zip(answers, grades, strict=True) if pair[0].text.strip()]
    right = [answer for answer, grade in graded if grade.correct]
    wrong = [answer for answer, grade in graded if not grade.correct and grade.reason in KNOWN_WRONG]
    return right, wrong


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
        spec: Source and columns. A source that ends in ``.jsonl`` or ``.json``, or that exists, is a file.
        folder: What a relative path is relative to.

    Returns:
        The pairs and how many rows were dropped. ``prompt_index`` counts the different prompts.

    Raises:
        DataError: The source is missing, damaged or lacks a column, a text is not a string, an id repeats, or
            no usable pair is left.
    """
    path = folder / spec.source
    local = path.suffix in LOCAL_SUFFIXES or path.exists()
    rows = list(read_rows(path) if local else _hub_rows(spec))
    check_ids(rows)
    pairs: list[Pair] = []
    prompts: dict[str, int] = {}
    for row in rows:
        prompt, chosen, rejected = _texts(row, spec)
        if prompt.strip() and chosen.strip() and rejected.strip() and chosen != rejected:
            pairs.append(Pair(row.id, prompt, chosen, rejected, prompts.setdefault(prompt, len(prompts))))
    if not pairs:
        raise DataError(
            f"no usable pair among {len(rows)} rows",
            where=str(path) if local else spec.source,
            fix="a pair needs a prompt and two different responses, none of them empty",
        )
    return PairFile(tuple(pairs), dropped=len(rows) - len(pairs))


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


def _hub_rows(spec: PairFileSpec) -> Iterator[Row]:
    if spec.revision is None:
        raise DataError(
            "a Hub data set needs a revision, or its rows could change between runs",
            where=spec.source,
            fix="set `revision` to a commit, or name a local file that ends in .jsonl",
        )
    import datasets

    try:
        rows = datasets.load_dataset(spec.source, revision=spec.revision, split=spec.split)
    except Exception as error:  # the library raises many kinds, from its own to the network's
        raise DataError(
            f"the data set cannot be loaded: {type(error).__name__}: {error}",
            where=f"{spec.source}@{spec.revision}",
            fix="check id, revision, split and network; or save it as JSONL and name that file",
        ) from error
    for index, values in enumerate(rows):
        where = f"{spec.source}@{spec.revision} row {index}"
        yield identified(dict(values), where, f"{spec.source}-{index}")
