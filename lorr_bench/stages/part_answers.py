"""Answers of the parts of a stage, and how they are stored.

``answers.jsonl``  sampling, place, answers: one row a prompt and way of drawing; place is that of the prompt
                   among all of the stage, answers are text, tokens, truncated and end of each
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import StageError
from lorr_bench.generate.engine import Sampling
from lorr_bench.plan.json_values import canonical_digest
from lorr_bench.store.generations import read_lines
from lorr_bench.values import Completion, Prompt

FILE: Final = "answers.jsonl"


def share_of(prompts: Sequence[Prompt], number: int, parts: int) -> list[int]:
    """Places of the prompts that a part answers; prompts of the same text stay together.

    Args:
        prompts: Of the whole stage.
        number: Of the part, counted from 0.
        parts: How many there are.
    """
    order = {text: place for place, text in enumerate(dict.fromkeys(prompt.text for prompt in prompts))}
    return [place for place, prompt in enumerate(prompts) if order[prompt.text] % parts == number]


def answer_rows(
    sampling: Sampling, places: Sequence[int], completions: Sequence[Sequence[Completion]]
) -> Iterator[dict[str, Any]]:
    """Rows of the answers that were drawn in one way."""
    name = _name(sampling)
    for place, row in zip(places, completions, strict=True):
        yield {"sampling": name, "place": place, "answers": [asdict(answer) for answer in row]}


def put_together(folders: Sequence[Path], sampling: Sampling, prompts: int) -> list[list[Completion]]:
    """The answers to all prompts of a stage, in their order.

    Args:
        folders: Of its parts.
        sampling: How they are drawn.
        prompts: How many prompts there are.

    Raises:
        StageError: The parts were made for other prompts.
    """
    name, found = _name(sampling), dict[int, list[Completion]]()
    for folder in folders:
        for row in read_lines(folder / FILE):
            if row["sampling"] == name:
                found[row["place"]] = [Completion(**answer) for answer in row["answers"]]
    if sorted(found) != list(range(prompts)):
        raise StageError(
            f"the parts have answers to {len(found)} of {prompts} prompts",
            where=str(folders[0].parent),
            fix="Delete that folder, and run again.",
        )
    return [found[place] for place in range(prompts)]


def _name(sampling: Sampling) -> str:
    return canonical_digest(asdict(sampling))
