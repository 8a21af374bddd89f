"""Expressions, with their percent signs and units."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from lorr_bench.grade.algebra.expression import Expression, UndecidedError, UnreadError, number
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import constant_value, equal, logarithm_bases
from lorr_bench.grade.algebra.values import Matrix, as_fraction, is_real
from lorr_bench.grade.compare.context import Context
from lorr_bench.grade.notation.canonical import spaceless
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.quantities.measures import measure
from lorr_bench.grade.quantities.numerals import (
    Number,
    read_number,
    same_measure,
    same_number,
    split_percent,
    split_unit,
)
from lorr_bench.grade.quantities.scales import contrary, read_tail

_OPERAND: Final = re.compile(r"[0-9A-Za-z)}\]]\Z")
_LETTERS: Final = re.compile(r"[A-Za-z]{2}")
_BEYOND: Final = re.compile(r"\\(?:int|iint|lim|partial|nabla)(?![a-zA-Z])|\\frac\s?\{\s?d")
"""What the grammar does not know and Math-Verify does."""


class _Quantity:
    """An expression with its percent sign and unit split off.

    Args:
        text: Tidied.
    """

    def __init__(self, text: str) -> None:
        core, self.unit = split_unit(text)
        self.core, self.percent = split_percent(core)
        bare, _, word = self.core.rpartition(" ")
        if self.unit is None and _OPERAND.search(bare) and _LETTERS.match(word) and measure(word):
            self.core, self.unit = bare.strip(), word
        self.number = read_number(text)

    def expression(self) -> Expression:
        """What the grammar reads; a number as it was read already.

        Raises:
            UnreadError: The grammar does not know it, or the words behind make it another thing.
        """
        if read_tail(self.unit or "") is None:
            raise UnreadError("words that make a value another thing")
        return number(self.number.value) if self.number else read_expression(self.core)

    def value(self, expression: Expression, *, decimal: bool) -> Number | None:
        """Its real value; None where it has none."""
        if self.number:
            return self.number
        value = constant_value(expression, decimal=decimal)
        if value is None or isinstance(value, Matrix) or not is_real(value):
            return None
        tail = read_tail(self.unit or "")
        scaled = as_fraction(value) * (tail.factor if tail else 1)
        return Number(scaled, percent=self.percent, unit=self.unit, exact=isinstance(value, Fraction))


def same_expression(gold: str, answer: str, context: Context) -> bool | None:
    """Two expressions by their values; None where only Math-Verify may know."""
    try:
        return _same(_Quantity(gold), _Quantity(answer), context.policy)
    except UndecidedError:
        return None
    except UnreadError:
        if spaceless(gold) == spaceless(answer):
            return True
        return None if _BEYOND.search(gold) or _BEYOND.search(answer) else False


def _same(gold: _Quantity, answer: _Quantity, policy: Policy) -> bool:
    mine, other = gold.expression(), answer.expression()
    if _has_limit(mine) != _has_limit(other):
        raise UndecidedError("a limit against a value")
    if not (mine.names() or other.names() or mine.has("infinity") or other.has("infinity")):
        verdict = _same_numbers((gold, mine), (answer, other), policy)
        if verdict is not None:
            return verdict
    units_differ = not same_measure(gold.unit, answer.unit) or contrary(gold.unit, answer.unit)
    if gold.percent != answer.percent or (policy.units == "agree" and units_differ):
        return False
    return equal(mine, other, policy)


def _same_numbers(
    gold: tuple[_Quantity, Expression], answer: tuple[_Quantity, Expression], policy: Policy
) -> bool | None:
    """Two real numbers under a policy; None where one is not real."""
    for decimal in logarithm_bases(gold[1], answer[1], policy):
        mine, other = (quantity.value(expression, decimal=decimal) for quantity, expression in (gold, answer))
        if mine is None or other is None:
            return None
        if same_number(mine, other, policy):
            return True
    return False


def _has_limit(expression: Expression) -> bool:
    return any(part.text.startswith(r"\lim") for part in expression.walk())
