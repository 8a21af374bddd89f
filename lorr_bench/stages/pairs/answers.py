"""Graded and scored answers, as a collection keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from lorr_bench.data.pairing import RIGHT, UNFORMATTED, WRONG, is_usable
from lorr_bench.grade import Policy, grade_many
from lorr_bench.grade.extraction.finding import is_boxed
from lorr_bench.plan.kinds.collect import CollectParameters
from lorr_bench.stages.pairs.answered import Answered
from lorr_bench.values import Completion, Prompt, Verdict

# A time-out says nothing about the answer, so such an answer is not held up as a wrong one.
KNOWN_WRONG: Final = ("different", "no_answer")


@dataclass(frozen=True)
class Scores:
    """What a collection knows of its answers, each in the nesting of the completions.

    Attributes:
        values: Scores that a pair rule compares; None for an answer that could not be scored.
        verdicts: Math-Verify's verdicts, or None where a reward model scored.
    """

    values: Sequence[Sequence[float | None]]
    verdicts: Sequence[Sequence[Verdict]] | None


def grade_answers(asked: CollectParameters, answered: Answered) -> Scores:
    r"""The verifier's verdicts as scores: 1 right, 0 wrong, None unknown.

    For ``verifier_length`` an answer without a ``\boxed{...}`` scores -1, right or wrong, as in DPO-VP.
    """
    verdicts = _grade(answered, Policy(**asked.grading.model_dump()))
    score = _score_with_format if asked.pair_rule == "verifier_length" else _score
    values = [
        [score(verdict, answer.text) for verdict, answer in zip(judged, row, strict=True)]
        for judged, row in zip(verdicts, answered.completions, strict=True)
    ]
    return Scores(values, verdicts)


def _score(verdict: Verdict, _: str) -> float | None:
    if verdict.correct:
        return RIGHT
    return WRONG if verdict.reason in KNOWN_WRONG else None


def _score_with_format(verdict: Verdict, text: str) -> float | None:
    return _score(verdict, text) if is_boxed(text) else UNFORMATTED


def _grade(answered: Answered, policy: Policy) -> list[list[Verdict]]:
    """One verdict for each completion, in the same nesting."""
    flat = [
        (prompt.answer, completion.text)
        for prompt, row in zip(answered.problems, answered.completions, strict=True)
        for completion in row
    ]
    verdicts = iter(grade_many(flat, policy=policy))
    return [[next(verdicts) for _ in row] for row in answered.completions]


def scored_rows(
    prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]], scores: Scores, truncated: bool
) -> Iterator[dict[str, Any]]:
    """One row for each answer of a collection: problem, text, tokens, score, and any verdict.

    Args:
        prompts: What was asked.
        completions: The answers to each prompt.
        scores: Of the answers.
        truncated: Whether answers that the token limit ended may be trained on.
    """
    for place, (prompt, row) in enumerate(zip(prompts, completions, strict=True)):
        for repeat, (completion, score) in enumerate(zip(row, scores.values[place], strict=True)):
            verdict = scores.verdicts[place][repeat] if scores.verdicts else None
            written = _written(prompt, repeat, completion)
            usable = is_usable(completion, truncated)
            yield {**written, "usable": usable, "score": score, **_judged(verdict)}


def _written(prompt: Prompt, repeat: int, completion: Completion) -> dict[str, Any]:
    return {
        "id": prompt.id,
        "prompt": prompt.text,
        "gold": prompt.answer,
        "repeat": repeat,
        **asdict(completion),
    }


def _judged(verdict: Verdict | None) -> dict[str, Any]:
    return {name: getattr(verdict, name, None) for name in ("extracted", "correct", "reason")}
