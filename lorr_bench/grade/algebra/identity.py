"""Whether two expressions are equal: wherever both have a value, at points chosen beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from lorr_bench.grade.algebra.evaluation import Budget, Evaluation
from lorr_bench.grade.algebra.expression import BINDERS, Expression, UndecidedError
from lorr_bench.grade.algebra.values import AGREEMENT, ROUGH_AGREEMENT, NoValueError, Value, agree
from lorr_bench.grade.policy import Policy

MIN_POINTS: Final = 2
"""At which both must have a value before they can be called equal."""
# Between 0 and 1, above 1, large, negative, and of both signs, so that roots and logarithms have values
# somewhere and the sign of a root shows. Prime denominators: no angle is special.
_FRACTIONS: Final[tuple[Callable[[int], Fraction], ...]] = (
    lambda place: Fraction(29 + 7 * place, 97 + 12 * place),
    lambda place: Fraction(137 + 23 * place, 89),
    lambda place: Fraction(1009 + 401 * place, 83),
    lambda place: -Fraction(47 + 11 * place, 101),
    lambda place: Fraction((-1) ** place * (211 + 19 * place), 103),
    lambda place: -Fraction((-1) ** place * (59 + 31 * place), 79),
)
# For sums and factorials: rising, falling, even and odd.
_INTEGERS: Final[tuple[Callable[[int], Fraction], ...]] = (
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
    for pattern in _INTEGERS if whole else _FRACTIONS:
        yield {name: pattern(place) for place, name in enumerate(names)}


def equal(gold: Expression, answer: Expression, policy: Policy) -> bool:
    """Whether two expressions are equal wherever both have a value.

    Raises:
        UndecidedError: No value was found at enough points.
        UnreadError: An operation has no value that is known here.
    """
    if gold.head == answer.head and gold.head in BINDERS and _same_but_for_letters(gold, answer, policy):
        return True
    bases = logarithm_bases(gold, answer, policy)
    return any(_equal(gold, answer, policy, decimal_logarithms=base) for base in bases)


def _same_but_for_letters(gold: Expression, answer: Expression, policy: Policy) -> bool:
    """Whether two sums or integrals have the same bounds and bodies, whatever their bound letters are."""
    body = answer.arguments[2].renamed(answer.text, gold.text)
    pairs = zip(gold.arguments, (*answer.arguments[:2], body), strict=True)
    try:
        return all(mine == other or equal(mine, other, policy) for mine, other in pairs)
    except UndecidedError:
        return False


def logarithm_bases(gold: Expression, answer: Expression, policy: Policy) -> tuple[bool, ...]:
    """Whether ``log`` is to base ten, in each of the readings to be tried."""
    if not (gold.has("log") or answer.has("log")):
        return (False,)
    return {"either": (False, True), "natural": (False,), "decimal": (True,)}[policy.logarithms]


def _equal(gold: Expression, answer: Expression, policy: Policy, *, decimal_logarithms: bool) -> bool:
    names = sorted(gold.names() | answer.names())
    real = not (gold.has("i") or answer.has("i"))
    rough = gold.has("sum", "integral") or answer.has("sum", "integral")
    pairs = _Pairs(gold, answer, decimal_logarithms, Budget())
    if not names:
        return pairs.agree({}, real=real, rough=rough)
    for whole in (False, True):
        found = [pairs.at(point, real=real) for point in points(names, whole=whole)]
        found = [pair for pair in found if pair != (None, None)]
        both = [pair for pair in found if None not in pair]
        if policy.domain == "same" and len(both) < len(found):
            return False
        if not all(_agree(pair, rough=rough) for pair in both):
            return False
        if len(both) >= MIN_POINTS:
            return True
    raise UndecidedError("no value at enough points")


@dataclass
class _Pairs:
    """Values of two expressions at the same point."""

    gold: Expression
    answer: Expression
    decimal_logarithms: bool
    budget: Budget

    def at(self, point: dict[str, Fraction], *, real: bool) -> tuple[Value | None, Value | None]:
        """Both values; None for one that does not exist."""
        mine, other = (
            value_at(one, point, real=real, decimal=self.decimal_logarithms, budget=self.budget)
            for one in (self.gold, self.answer)
        )
        return mine, other

    def agree(self, point: dict[str, Fraction], *, real: bool, rough: bool) -> bool:
        """Whether two numbers agree, as complex ones where one is not real though no ``i`` is written."""
        pair = self.at(point, real=real)
        if None in pair and real:
            pair = self.at(point, real=False)
        if None in pair:
            raise UndecidedError("no value")
        return _agree(pair, rough=rough)


def _agree(pair: tuple[Value | None, Value | None], *, rough: bool) -> bool:
    return agree(pair[0], pair[1], ROUGH_AGREEMENT if rough else AGREEMENT)


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
