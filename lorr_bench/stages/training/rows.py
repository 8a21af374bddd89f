"""The rows that each kind of method trains on, made from what a collection left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from lorr_bench.data.label_noise import swapped
from lorr_bench.ports.trainer import RowKind
from lorr_bench.values import Demonstration, Labelled, Pair, Prompt, Row

ANSWERS_FILE: Final = "answers.jsonl"
PROMPTS_FILE: Final = "prompts.jsonl"


class Collection:
    """What a collection left of its prompts and answers; each file is read once, when it is first asked for.

    Args:
        folder: Of the stage that sampled the answers, or that imported pairs and has neither.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def is_sampled(self) -> bool:
        """Whether prompts were asked; ready-made pairs come without."""
        return (self._folder / PROMPTS_FILE).exists()

    def prompts_up_to(self, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        """What was asked up to the last of the pairs, also prompts that gave none.

        Args:
            pairs: In the order of asking.
        """
        # Not by the answers: a prompt that did not fit the context has none, and keeps its place.
        return self._prompts[: pairs[-1].prompt_index + 1]

    def answers_up_to(self, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        """Every answer to the prompts that were asked up to the last of the pairs."""
        within = {row["id"] for row in self.prompts_up_to(pairs)}
        return [row for row in self._answers if row["id"] in within]

    @cached_property
    def _prompts(self) -> list[dict[str, Any]]:
        return _lines(self._folder / PROMPTS_FILE)

    @cached_property
    def _answers(self) -> list[dict[str, Any]]:
        return _lines(self._folder / ANSWERS_FILE)


def training_rows(
    kind: RowKind, pairs: Sequence[Pair], collection: Collection, flipped: Set[str] = frozenset()
) -> list[Row]:
    """Rows of a method.

    Args:
        kind: What the method trains on.
        pairs: The pairs of its data budget, in the order of asking.
        collection: Where they come from.
        flipped: Ids of the pairs whose label is wrong. A method of right answers takes the wrong ones to
            their prompts; prompts alone have no label.
    """
    pairs = [swapped(pair) if pair.id in flipped else pair for pair in pairs]
    make: dict[RowKind, Callable[[], list[Row]]] = {
        "pairs": lambda: list(pairs),
        "labels": lambda: labelled(pairs),
        "chosen": lambda: [
            Demonstration(pair.prompt, pair.chosen, pair.chosen_truncated, pair.chosen_end) for pair in pairs
        ],
        "right_answers": lambda: right_answers(collection.answers_up_to(pairs), flipped),
        "prompts": lambda: prompts(collection.answers_up_to(pairs)),
    }
    return make[kind]()


def labelled(pairs: Sequence[Pair]) -> list[Row]:
    """The responses of each pair, the wanted one first; a ready-made row may have one alone."""
    return [
        row
        for pair in pairs
        for row in (
            Labelled(pair.prompt, pair.chosen, True, pair.chosen_truncated, pair.chosen_end),
            Labelled(pair.prompt, pair.rejected, False, pair.rejected_truncated, pair.rejected_end),
        )
        if row.completion
    ]


def right_answers(answers: Sequence[dict[str, Any]], flipped: Set[str] = frozenset()) -> list[Row]:
    """The different right answers to each prompt that may be trained on, white space at their ends apart.

    Args:
        answers: To the prompts, as a collection has them.
        flipped: Ids of the prompts whose wrong answers are taken for the right ones.
    """
    first: dict[tuple[str, str], Row] = {}
    for row in answers:
        if row["correct"] != (row["id"] in flipped) and row["usable"]:
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
