"""Graded answers, as collect and evaluate keep them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lorr_bench.grade import grade_many
from lorr_bench.values import Completion, Prompt, Verdict


def grade_answers(
    prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]]
) -> list[list[Verdict]]:
    """One verdict for each completion, in the same nesting."""
    flat = [
        (prompt.answer, completion.text)
        for prompt, row in zip(prompts, completions, strict=True)
        for completion in row
    ]
    verdicts = iter(grade_many(flat))
    return [[next(verdicts) for _ in row] for row in completions]


def answer_rows(
    prompts: Sequence[Prompt],
    completions: Sequence[Sequence[Completion]],
    verdicts: Sequence[Sequence[Verdict]],
) -> Iterator[dict[str, Any]]:
    """One row for each answer: problem, text, tokens, verdict."""
    for prompt, row, judged in zip(prompts, completions, verdicts, strict=True):
        for repeat, (completion, verdict) in enumerate(zip(row, judged, strict=True)):
            yield {
                "id": prompt.id,
                "prompt": prompt.text,
                "gold": prompt.answer,
                "repeat": repeat,
                "text": completion.text,
                "tokens": completion.tokens,
                "truncated": completion.truncated,
                "extracted": verdict.extracted,
                "correct": verdict.correct,
                "reason": verdict.reason,
            }
