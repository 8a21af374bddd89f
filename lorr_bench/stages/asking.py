"""Ask a model, and leave out the prompts that its context has no room for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from lorr_bench.generate.engine import Engine, Sampling
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.task import Task
from lorr_bench.values import Completion, Prompt

MOST_NAMED: Final = 5
"""Rows that the log names; of the others it says how many there are."""


def ask(
    engine: Engine, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress
) -> list[list[Completion]]:
    """Answers to each prompt; none to a prompt that leaves no room for one.

    Two prompts of the same text are asked both, and have answers of their own.
    """
    fits = [engine.fits(prompt.text) for prompt in prompts]
    fitting = [prompt.text for prompt, fit in zip(prompts, fits, strict=True) if fit]
    found = iter(engine.generate(fitting, sampling, progress) if fitting else [])
    return [next(found) if fit else [] for fit in fits]


def tell_unasked(
    task: Task, engine: Engine, prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]]
) -> None:
    """Name the prompts without answers in the log, each with its length."""
    unasked = [prompt for prompt, row in zip(prompts, completions, strict=True) if not row]
    if unasked:
        named = named_rows((prompt.id, engine.count_tokens(prompt.text)) for prompt in unasked)
        task.tell(
            f"{len(unasked)} of {len(prompts)} prompts leave no room for an answer in a context of "
            f"{engine.context} tokens, and were not asked: {named}."
        )


def named_rows(rows: Iterable[tuple[str, int]]) -> str:
    """The first rows with their lengths: ``gsm8k-7 (2,113 tokens), ...``."""
    listed = list(rows)
    first = ", ".join(f"{name} ({tokens:,} tokens)" for name, tokens in islice(listed, MOST_NAMED))
    more = len(listed) - MOST_NAMED
    return f"{first} and {more:,} more" if more > 0 else first
