r"""Values that are compared exactly without algebra: ``\frac{3\sqrt{3}}{4}``, ``2\pi``, ``\sqrt{8}``."""

from __future__ import annotations

import re
from fractions import Fraction
from math import gcd
from typing import Final, NamedTuple

_ROOT: Final = r"(?:\\sqrt\s?(?:\{\s?([0-9]{1,4})\s?\}|([0-9])))?"
_PRODUCT: Final = rf"([0-9]{{1,15}})?\s?{_ROOT}\s?(\\pi)?"
_RADICAL: Final = re.compile(
    rf"([+-]?)\s?(?:{_PRODUCT}|\\frac\s?\{{\s?(-?)\s?{_PRODUCT}\s?\}}\s?\{{\s?{_PRODUCT}\s?\}}\s?{_PRODUCT})"
)


class Radical(NamedTuple):
    r"""``factor * sqrt(radicand) * pi**power``; equal values are equal tuples, as pi is transcendental.

    Attributes:
        factor: Any rational number.
        radicand: A positive integer without square factors; 1 for what is zero.
        power: Of pi; 0 for what is zero.
    """

    factor: Fraction
    radicand: int
    power: int

    def __mul__(self, other: object) -> Radical:
        """The product."""
        if not isinstance(other, Radical):
            return NotImplemented
        common = gcd(self.radicand, other.radicand)
        factor = self.factor * other.factor * common
        if not factor:
            return ZERO
        radicand = self.radicand * other.radicand // common**2
        return Radical(factor, radicand, self.power + other.power)

    def inverse(self) -> Radical | None:
        """One over it; None for zero."""
        if not self.factor:
            return None
        return Radical(1 / (self.factor * self.radicand), self.radicand, -self.power)


ZERO: Final = Radical(Fraction(0), 1, 0)
ONE: Final = Radical(Fraction(1), 1, 0)


def read_radical(text: str) -> Radical | None:
    """The value of ``text``, if it is a product or quotient of integers, square roots of integers and pi.

    Args:
        text: As ``segment.tidy`` leaves it.
    """
    match = _RADICAL.fullmatch(text)
    if not match:
        return None
    sign, *groups = match.groups()
    minus, over, under, behind = groups[4], groups[5:9], groups[9:13], groups[13:17]
    if not any(under):
        value = _product(groups[:4]) if any(groups[:4]) else None
    else:
        value = _quotient(over, under, behind) if any(over) else None
    negative = (sign == "-") != (minus == "-")
    return value * Radical(Fraction(-1 if negative else 1), 1, 0) if value else None


def _quotient(over: list[str | None], under: list[str | None], behind: list[str | None]) -> Radical | None:
    below = _product(under).inverse()
    return _product(over) * _product(behind) * below if below else None


def _product(groups: list[str | None]) -> Radical:
    """Of an integer, a root and pi, each of which may be missing; 1 if all are."""
    whole, braced, single, pi = groups
    root = _root(int(braced or single or 1))
    return root * Radical(Fraction(int(whole or 1)), 1, 1 if pi else 0) if whole != "0" else ZERO


def _root(number: int) -> Radical:
    """The square root of an integer, squares taken out."""
    if number == 0:
        return ZERO
    outside = max(d for d in range(1, int(number**0.5) + 1) if number % d**2 == 0)
    return Radical(Fraction(outside), number // outside**2, 0)
