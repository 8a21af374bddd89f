"""Ratios: ``3:4``, ``1:2:3``, "3 to 4"."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.grade.algebra.expression import Expression, UndecidedError, UnreadError, operation
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import equal
from lorr_bench.grade.compare.context import Context
from lorr_bench.grade.notation.brackets import parts_between, signs_outside
from lorr_bench.grade.notation.canonical import spaceless
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.quantities.numerals import split_unit

_SEPARATOR: Final = re.compile(r"(?<![:<>=]):(?![:=])|\\text\s?\{\s?to\s?\}|(?<=[0-9a-z] )to(?= [0-9a-z])")


def same_ratio(gold: str, answer: str, context: Context) -> bool | None:
    """Two ratios, or a ratio of two and a number; None where neither is a ratio."""
    signs = [signs_outside(text, _SEPARATOR) for text in (gold, answer)]
    if not any(signs):
        return None
    try:
        mine, other = (
            [read_expression(split_unit(term)[0]) for term in parts_between(text, found)]
            for text, found in zip((gold, answer), signs, strict=True)
        )
        return _proportional(mine, other, context.policy)
    except (UnreadError, UndecidedError):
        return spaceless(gold) == spaceless(answer)


def _proportional(gold: list[Expression], answer: list[Expression], policy: Policy) -> bool:
    if len(gold) != len(answer):
        one, another = _quotient(gold), _quotient(answer)
        return one is not None and another is not None and equal(one, another, policy)
    return all(
        equal(operation("*", mine, answer[0]), operation("*", other, gold[0]), policy)
        for mine, other in zip(gold, answer, strict=True)
    )


def _quotient(terms: list[Expression]) -> Expression | None:
    """A ratio of two, or a number, as one value."""
    if len(terms) == 1:
        return terms[0]
    return operation("/", *terms) if len(terms) == 2 else None
