"""Whether two texts without parts are the same: by the first rule that knows both."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lorr_bench.grade.compare.congruences import same_congruence, same_time
from lorr_bench.grade.compare.context import Context, Rule
from lorr_bench.grade.compare.equations import same_relation
from lorr_bench.grade.compare.expressions import same_expression
from lorr_bench.grade.compare.named_sets import same_set_operation
from lorr_bench.grade.compare.ratios import same_ratio
from lorr_bench.grade.notation.canonical import canonical, spaceless
from lorr_bench.grade.notation.words import is_words, meaning
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.quantities.bases import bare_numeral, read_numeral, same_numeral
from lorr_bench.grade.quantities.numerals import read_number, same_number
from lorr_bench.grade.quantities.radicals import read_radical

Algebra = Callable[[str, str], bool]
"""Judges two parts that no rule here can read; may raise."""

BY_MATH_VERIFY: Final = "Math-Verify"
_LABEL: Final = re.compile(
    r"(?:\\text(?:bf)?\s?\{\s?)?(?:the )?(?:final )?answer(?: is)?\s?:?\s?\}?\s?:?\s?(?=\S)", re.IGNORECASE
)
_ABOUT: Final = re.compile(
    r"(?:\\approx|\\sim"
    r"|(?:\\text\s?\{\s?)?(?:approximately|about|approx\.?|roughly|exactly|precisely|only)\s?\}?)\s?"
)


def same_scalar(gold: str, answer: str, policy: Policy, algebra: Algebra) -> tuple[bool, str]:
    """Whether two texts are the same, and the rule that decided.

    Args:
        gold: A part of the gold answer, tidied.
        answer: A part of the answer, tidied.
        policy: The options.
        algebra: Judges what no rule knows.
    """
    gold, answer = _unlabelled(gold), _unlabelled(answer)
    context = Context(policy, lambda one, other: same_scalar(one, other, policy, algebra)[0])
    for name, rule in RULES.items():
        verdict = rule(gold, answer, context)
        if verdict is not None:
            return verdict, name
    return algebra(gold, answer), BY_MATH_VERIFY


def _unlabelled(text: str) -> str:
    """A text without "Answer:" or "about" before it."""
    text = text.removeprefix("=").strip()
    for pattern in (_LABEL, _ABOUT):
        if (match := pattern.match(text)) and match.end() < len(text):
            text = text[match.end() :].strip()
    return text


def _same_text(gold: str, answer: str, context: Context) -> bool | None:  # noqa: ARG001 -- a rule's signature
    return True if canonical(gold) == canonical(answer) else None


def _same_numeral(gold: str, answer: str, context: Context) -> bool | None:
    mine, other = read_numeral(gold), read_numeral(answer)
    if mine is None and other is None:
        return None
    mine, other = mine or bare_numeral(gold), other or bare_numeral(answer)
    if mine is None or other is None:
        return False
    return same_numeral(mine, other, shown=context.policy.bases == "shown")


def _same_number(gold: str, answer: str, context: Context) -> bool | None:
    mine = read_number(gold)
    other = read_number(answer, letter_units=mine is not None)
    return same_number(mine, other, context.policy) if mine and other else None


def _same_radical(gold: str, answer: str, context: Context) -> bool | None:
    if context.policy.tolerance:
        return None
    mine, other = read_radical(gold), read_radical(answer)
    return mine == other if mine and other else None


def _same_words(gold: str, answer: str, context: Context) -> bool | None:  # noqa: ARG001 -- a rule's signature
    if is_words(gold) or is_words(answer) or not (gold + answer).isascii():
        return meaning(gold) == meaning(answer) or spaceless(gold) == spaceless(answer)
    return None


RULES: Final[dict[str, Rule]] = {
    "same text": _same_text,
    "numerals of a base": _same_numeral,
    "numbers": _same_number,
    "roots and pi": _same_radical,
    "times of day": same_time,
    "words": _same_words,
    "congruences": same_congruence,
    "equations and inequalities": same_relation,
    "ratios": same_ratio,
    "operations on sets": same_set_operation,
    "expressions": same_expression,
}
"""By what they are called where a verdict is explained; the first that knows both texts decides."""
