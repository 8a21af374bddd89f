"""Make preference pairs from scored answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lorr_bench.spec.sources import ROW_RULES
from lorr_bench.values import Completion, Pair, Prompt

RIGHT: Final = 1.0
WRONG: Final = 0.0
UNFORMATTED: Final = -1.0


@dataclass(frozen=True, slots=True)
class Scored:
    """An answer and its score.

    Attributes:
        answer: The answer.
        score: ``RIGHT``, ``WRONG`` or ``UNFORMATTED`` from the verifier, any number from a reward model.
    """

    answer: Completion
    score: float


Rule = Callable[[Sequence[Scored], random.Random], tuple[Scored, Scored] | None]
"""Picks the chosen and the rejected answer to one prompt, or nothing."""


def pair_up(
    prompts: Sequence[Prompt],
    completions: Sequence[Sequence[Completion]],
    scores: Sequence[Sequence[float | None]],
    rule: ROW_RULES,
    seed: int,
    *,
    truncated: bool = False,
) -> list[Pair]:
    """At most one pair for each prompt.

    The choice depends on seed and prompt id alone, so more prompts leave the pairs of the others as they are.
    Answers that are empty, have no score or, unless asked for, were never finished are not used.

    Args:
        prompts: What was asked.
        completions: The answers to each prompt.
        scores: Their scores, in the same shape; None for an answer that could not be scored.
        rule: Name of the rule; ``RULES`` holds them.
        seed: Draws the answers.
        truncated: Whether answers that the token limit ended are used too.

    Returns:
        The pairs, in the order of the prompts.
    """
    pairs = []
    for index, (prompt, answers, values) in enumerate(zip(prompts, completions, scores, strict=True)):
        rng = random.Random(f"pair/{seed}/{prompt.id}")  # noqa: S311 - reproducible choice
        if picked := RULES[rule](_usable(answers, values, truncated), rng):
            chosen, rejected = picked
            pairs.append(_pair(prompt, index, chosen, rejected))
    return pairs


def _pair(prompt: Prompt, index: int, chosen: Scored, rejected: Scored) -> Pair:
    return Pair(
        id=prompt.id,
        prompt=prompt.text,
        chosen=chosen.answer.text,
        rejected=rejected.answer.text,
        prompt_index=index,
        chosen_score=chosen.score,
        rejected_score=rejected.score,
        chosen_truncated=chosen.answer.truncated,
        rejected_truncated=rejected.answer.truncated,
        chosen_end=chosen.answer.end,
        rejected_end=rejected.answer.end,
    )


def _usable(answers: Sequence[Completion], scores: Sequence[float | None], truncated: bool) -> list[Scored]:
    return [
        Scored(answer, score)
        for answer, score in zip(answers, scores, strict=True)
        if score is not None and is_usable(answer, truncated)
    ]


def is_usable(answer: Completion, truncated: bool) -> bool:
    """Whether an answer may be trained on.

    Args:
        answer: The answer.
        truncated: Whether it may be one that the token limit ended.
    """
    return bool(answer.text.strip()) and (truncated or not answer.truncated)


def one_each(scored: Sequence[Scored], rng: random.Random) -> tuple[Scored, Scored] | None:
    """A random right and a random wrong answer."""
    right, wrong = _with(scored, RIGHT), _with(scored, WRONG)
    return (rng.choice(right), rng.choice(wrong)) if right and wrong else None


def longest_correct(scored: Sequence[Scored], rng: random.Random) -> tuple[Scored, Scored] | None:
    """The right answer with the most tokens (the first of several) and a random wrong one."""
    right, wrong = _with(scored, RIGHT), _with(scored, WRONG)
    return (_longest(right), rng.choice(wrong)) if right and wrong else None


def verifier_length(scored: Sequence[Scored], rng: random.Random) -> tuple[Scored, Scored] | None:
    """DPO-VP's rule: prefer right to wrong, wrong to unformatted, and the longest of the best.

    Chosen is the longest right answer, else the longest wrong one; rejected a random unformatted one, else a
    random wrong one. Where only wrong answers are left for both there is nothing to prefer, and no pair.
    """
    best = _with(scored, RIGHT) or _with(scored, WRONG)
    worst = _with(scored, UNFORMATTED) or _with(scored, WRONG)
    if not best or not worst or best[0].score == worst[0].score:
        return None
    return _longest(best), rng.choice(worst)


def best_worst(scored: Sequence[Scored], rng: random.Random) -> tuple[Scored, Scored] | None:  # noqa: ARG001
    """The highest and the lowest score, the first of equals; nothing where all scores are equal."""
    best, lower = _best(scored)
    return (best, min(lower, key=_score)) if best and lower else None


def best_random(scored: Sequence[Scored], rng: random.Random) -> tuple[Scored, Scored] | None:
    """The highest score, the first of equals, and a random one of the lower."""
    best, lower = _best(scored)
    return (best, rng.choice(lower)) if best and lower else None


RULES: Final[Mapping[ROW_RULES, Rule]] = {
    "one_each": one_each,
    "longest_correct": longest_correct,
    "verifier_length": verifier_length,
    "best_worst": best_worst,
    "best_random": best_random,
}


def _with(scored: Sequence[Scored], score: float) -> list[Scored]:
    return [each for each in scored if each.score == score]


def _longest(scored: Sequence[Scored]) -> Scored:
    return max(scored, key=lambda each: each.answer.tokens)


def _score(scored: Scored) -> float:
    return scored.score


def _best(scored: Sequence[Scored]) -> tuple[Scored | None, list[Scored]]:
    best = max(scored, key=_score, default=None)
    return best, [each for each in scored if best and each.score < best.score]
