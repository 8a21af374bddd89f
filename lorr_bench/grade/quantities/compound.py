"""Measures in several units: "3 hours 30 minutes", "5 ft 6 in"."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import Final

from lorr_bench.grade.quantities.measures import measure

_PIECE: Final = re.compile(
    r"(?:,\s?)?(?:and |\\text\s?\{\s?and\s?\})?\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s?"
    r"(?:\\(?:text|mathrm)\s?\{\s?)?([A-Za-z]{1,12})\.?\s?\}?\s*"
)
MAX_CHARS: Final = 120


def as_one_measure(text: str) -> str | None:
    """A measure in several units as a number of the last; None for what is none.

    Args:
        text: As ``notation.tidy`` leaves it.
    """
    if len(text) > MAX_CHARS or not text[:1].isdigit():
        return None
    pieces: list[tuple[Fraction, str]] = []
    place = 0
    while place < len(text):
        match = _PIECE.match(text, place)
        if match is None:
            return None
        pieces.append((Fraction(match[1]), match[2]))
        place = match.end()
    return _total(pieces) if len(pieces) > 1 else None


def _total(pieces: list[tuple[Fraction, str]]) -> str | None:
    """The sum of pieces of one dimension, each in a smaller unit than the one before."""
    units = [unit for _, name in pieces if (unit := measure(name))]
    if len(units) != len(pieces) or len({unit.dimension for unit in units}) != 1:
        return None
    if not all(left.factor > right.factor for left, right in pairwise(units)):
        return None
    total = (
        sum(value * unit.factor for (value, _), unit in zip(pieces, units, strict=True)) / units[-1].factor
    )
    return rf"\frac{{{total.numerator}}}{{{total.denominator}}} \text{{ {pieces[-1][1]}}}"
