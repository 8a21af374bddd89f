"""The rows that each kind of method trains on, made from what a collection left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from lorr_bench.ports.trainer import RowKind
from lorr_bench.values import Demonstration, Labelled, Pair, Prompt, Row

ANSWERS_FILE: Final = "answers.jsonl"
PROMPTS_FILE: Final = "prompts.jsonl"


def training_rows(kind: RowKind, pairs: Sequence[Pair], collection: Path) -> list[Row]:
    """Rows of a method.

    Args:
        kind: What the method trains on.
        pairs: The pairs of its data budget, in the order of asking.
        collection: Folder of the stage that sampled the answers.
    """
    make: dict[RowKind, Callable[[], list[Row]]] = {
        "pairs": lambda: list(pairs),
        "labels": lambda: labelled(pairs),
        "chosen": lambda: [
            Demonstration(pair.prompt, pair.chosen, pair.chosen_truncated, pair.chosen_end) for pair in pairs
        ],
        "right_answers": lambda: right_answers(asked(collection, pairs)),
        "prompts": lambda: prompts(asked(collection, pairs)),
    }
    return make[kind]()


def labelled(pairs: Sequence[Pair]) -> list[Row]:
    """Both responses of each pair, the wanted one first."""
    return [
        row
        for pair in pairs
        for row in (
            Labelled(pair.prompt, pair.chosen, True, pair.chosen_truncated, pair.chosen_end),
            Labelled(pair.prompt, pair.rejected, False, pair.rejected_truncated, pair.rejected_end),
        )
    ]


def asked(collection: Path, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Every answer to the prompts that were asked up to the last pair, also to those that gave no pair."""
    # Not by the answers: a prompt that did not fit the context has none, and keeps its place all the same.
    known = [row["id"] for row in _lines(collection / PROMPTS_FILE)]
    within = set(known[: pairs[-1].prompt_index + 1])
    return [row for row in _lines(collection / ANSWERS_FILE) if row["id"] in within]


def right_answers(answers: Sequence[dict[str, Any]]) -> list[Row]:
    """The different right answers to each prompt that may be trained on, white space at their ends apart."""
    first: dict[tuple[str, str], Row] = {}
    for row in answers:
        if row["correct"] and row["usable"]:
            content = row["prompt"].strip(), row["text"].strip()
            first.setdefault(content, Demonstration(row["prompt"], row["text"], row["truncated"], row["end"]))
    return list(first.values())


def prompts(answers: Sequence[dict[str, Any]]) -> list[Row]:
    """The different prompts that were asked, with their right answers."""
    first: dict[str, Row] = {}
    for row in answers:
        first.setdefault(row["prompt"].strip(), Prompt(row["id"], row["prompt"], row["gold"]))
    return list(first.values())


def _lines(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
