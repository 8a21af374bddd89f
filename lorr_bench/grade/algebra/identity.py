"""Whether two expressions are equal: wherever both have a value, at points chosen beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from lorr_bench.grade.algebra.evaluation import Budget, Evaluation
from lorr_bench.grade.algebra.expression import Expression, UndecidedError
from lorr_bench.grade.algebra.values import AGREEMENT, ROUGH_AGREEMENT, NoValueError, Value, agree
from lorr_bench.grade.policy import Policy

MIN_POINTS: Final = 2
"""At which both must have a value before they can be called equal."""
# Between 0 and 1, above 1, large, negative, and of both signs, so that roots and logarithms have values somewhere
# and the sign of a root shows; then integers, for sums and factorials. Prime denominators: no angle is special.
_PATTERNS: Final = (
    lambda place: Fraction(29 + 7 * place, 97 + 12 * place),
    lambda place: Fraction(137 + 23 * place, 89),
    lambda place: Fraction(1009 + 401 * place, 83),
    lambda place: -Fraction(47 + 11 * place, 101),
    lambda place: Fraction((-1) ** place * (211 + 19 * place), 103),
    lambda place: -Fraction((-1) ** place * (59 + 31 * place), 79),
)
_INTEGERS: Final = (
    lambda place: Fraction(4 + 2 * place + place % 2),
    lambda place: Fraction(7 + 3 * place),
    lambda place: Fraction(3 + place),
    lambda place: Fraction(9 - place if place < 8 else place),
    lambda place: Fraction(8 + place),
)


def points(names: list[str], *, whole: bool) -> Iterator[dict[str, Fraction]]:
    """Where expressions of these names are compared.

    Args:
        names: Sorted, so that the points are the same each time.
        whole: Whether at integers.
    """
    for pattern in _INTEGERS if whole else _PATTERNS:
        yield {name: pattern(place) for place, name in enumerate(names)}


def equal(gold: Expression, answer: Expression, policy: Policy) -> bool:
    """Whether two expressions are equal wherever both have a value.

    Raises:
        UndecidedError: No value was found at enough points.
        UnreadError: An operation has no value that is known here.
    """
    bases = {"either": (False, True), "natural": (False,), "decimal": (True,)}[policy.logarithms]
    if not (gold.has("log") or answer.has("log")):
        bases = (False,)
    return any(_equal(gold, answer, policy, decimal_logarithms=base) for base in bases)


def _equal(gold: Expression, answer: Expression, policy: Policy, *, decimal_logarithms: bool) -> bool:
    names = sorted(gold.names() | answer.names())
    real = not (gold.has("i") or answer.has("i"))
    tolerance = ROUGH_AGREEMENT if gold.has("sum", "integral") or answer.has("sum", "integral") else AGREEMENT
    met, budget = 0, Budget()
    for whole in (False, True):
        for point in points(names, whole=whole):
            pair = [
                value_at(one, point, real=real, decimal=decimal_logarithms, budget=budget)
                for one in (gold, answer)
            ]
            if pair[0] is None and pair[1] is None:
                continue
            if pair[0] is None or pair[1] is None:
                if policy.domain == "same":
                    return False
                continue
            if not agree(*pair, tolerance):
                return False
            met += 1
            if not names:
                return True
        if met >= MIN_POINTS:
            return True
    if not names and real:
        return _equal_complex(gold, answer, decimal_logarithms=decimal_logarithms)
    raise UndecidedError("no value at enough points")


def _equal_complex(gold: Expression, answer: Expression, *, decimal_logarithms: bool) -> bool:
    """Two numbers of which one is not real, though no imaginary unit is written."""
    pair = [value_at(one, {}, real=False, decimal=decimal_logarithms) for one in (gold, answer)]
    if pair[0] is None or pair[1] is None:
        raise UndecidedError("no value")
    return agree(*pair)


def value_at(
    expression: Expression,
    point: dict[str, Fraction],
    *,
    real: bool = True,
    decimal: bool = False,
    budget: Budget | None = None,
) -> Value | None:
    """The value of an expression at a point; None where it has none."""
    try:
        return Evaluation(point, real, decimal, budget or Budget()).value(expression)
    except (NoValueError, ZeroDivisionError, OverflowError):
        return None


def constant_value(expression: Expression, *, decimal: bool = False) -> Value | None:
    """The value of an expression without names, complex where it must be; None where there is none."""
    if expression.names():
        return None
    real = not expression.has("i")
    found = value_at(expression, {}, real=real, decimal=decimal)
    return value_at(expression, {}, real=False, decimal=decimal) if found is None and real else found
