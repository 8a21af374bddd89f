r"""Sets of real numbers: ``(-\infty, 1) \cup [3, 5)``, ``x \ge 3``, ``\mathbb{R} \setminus \{0\}``."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cmp_to_key
from itertools import pairwise
from typing import Any, Final, NamedTuple

from lorr_bench.grade.algebra.expression import MINUS_ONE, Expression, UndecidedError, UnreadError, operation
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import constant_value, value_at
from lorr_bench.grade.algebra.relations import Relation, read_relation
from lorr_bench.grade.algebra.values import Matrix, Scalar, agree, context, inexact, is_real
from lorr_bench.grade.notation.brackets import parts_between, signs_outside

MAX_INTERVALS: Final = 50
_OPERATOR: Final = re.compile(r"\\(?:cup|cap|setminus|backslash)(?![a-zA-Z])")
_REAL_NUMBERS: Final = re.compile(r"\\(?:mathbb|Bbb)\s?\{?\s?R\s?\}?|\\R(?![a-zA-Z])|\\Reals")
_HALF_LINE: Final = re.compile(
    r"\\mathbb\s?\{?\s?R\s?\}?\s?[_^]\s?\{?\s?(?P<sign>[-+<>]|(?P<closed>\\[lg]e)(?![a-zA-Z]))\s?0?\s?\}?"
)
_MEMBER: Final = re.compile(r"\\?[A-Za-z]+(?:_\{?[A-Za-z0-9]+\}?)?\s?\\in(?![a-zA-Z])\s?")
_BUILDER: Final = re.compile(
    r"\\\{\s?(\\?[A-Za-z]+)\s?(?:\\in\s?\\mathbb\s?\{?\s?R\s?\}?\s?)?(?:\||:|\\mid(?![a-zA-Z]))\s?(.+)\\\}"
)


class Interval(NamedTuple):
    """From ``low`` to ``high``; each end belongs to it or not."""

    low: Scalar
    has_low: bool
    high: Scalar
    has_high: bool


Region = tuple[Interval, ...]
"""Disjoint intervals, from left to right."""


class Named(NamedTuple):
    """A region, and the unknown whose values it holds; None where none is named."""

    region: Region
    unknown: str | None


def infinite() -> Scalar:
    """Infinity as a value."""
    return context().inf


def everything() -> Region:
    """All real numbers."""
    return (Interval(-infinite(), False, infinite(), False),)


def same_region(one: Region, other: Region) -> bool:
    """Whether two regions hold the same numbers."""
    return len(one) == len(other) and all(
        a.has_low == b.has_low and a.has_high == b.has_high and agree(a.low, b.low) and agree(a.high, b.high)
        for a, b in zip(one, other, strict=True)
    )


def union(*regions: Region) -> Region:
    """What one region or another holds."""
    waiting = sorted((interval for region in regions for interval in region), key=cmp_to_key(_by_low))
    merged: list[Interval] = []
    for interval in waiting[:MAX_INTERVALS]:
        if merged and _touches(merged[-1], interval):
            merged[-1] = _joined(merged[-1], interval)
        else:
            merged.append(interval)
    return tuple(merged)


def _by_low(one: Interval, other: Interval) -> int:
    if one.low != other.low:
        return -1 if one.low < other.low else 1
    return int(other.has_low) - int(one.has_low)


def _touches(left: Interval, right: Interval) -> bool:
    return bool(right.low < left.high or (right.low == left.high and (left.has_high or right.has_low)))


def _joined(left: Interval, right: Interval) -> Interval:
    if right.high == left.high:
        return left._replace(has_high=left.has_high or right.has_high)
    return left if right.high < left.high else left._replace(high=right.high, has_high=right.has_high)


def complement(region: Region) -> Region:
    """The real numbers that a region leaves out."""
    gaps: list[Interval] = []
    low, has_low = -infinite(), False
    for interval in region:
        gaps.append(Interval(low, has_low, interval.low, not interval.has_low))
        low, has_low = interval.high, not interval.has_high
    gaps.append(Interval(low, has_low, infinite(), False))
    return tuple(gap for gap in gaps if not _is_empty(gap))


def _is_empty(interval: Interval) -> bool:
    if interval.low == interval.high:
        return not (interval.has_low and interval.has_high) or context().isinf(interval.low)
    return bool(interval.low > interval.high)


def intersection(*regions: Region) -> Region:
    """What all regions hold."""
    return complement(union(*map(complement, regions)))


def read_region(text: str) -> Named | None:
    """The set of real numbers that ``text`` is.

    Args:
        text: Tidied: an interval, a union, an inequality, a set of numbers.

    Returns:
        None where it is none, or its ends have no value.
    """
    try:
        return _read(text)
    except (UnreadError, UndecidedError, TypeError):
        return None


def _read(text: str) -> Named:
    text = text.strip()
    if member := _MEMBER.match(text):
        return Named(_read(text[member.end() :]).region, text[: member.end()].partition("\\in")[0].strip())
    if builder := _BUILDER.fullmatch(text):
        return _read(builder[2].strip())._replace(unknown=None)  # it is bound there
    if signs := signs_outside(text, _OPERATOR):
        return Named(_combined(text, signs), None)
    if relation := read_relation(text):
        return solve(relation)
    return Named(_without_unknown(text), None)


def _without_unknown(text: str) -> Region:
    """A set that is no condition: all numbers, those of one sign, none, an interval or a few."""
    if _REAL_NUMBERS.fullmatch(text):
        return everything()
    if half := _HALF_LINE.fullmatch(text):
        return _signed_numbers(half)
    return () if text == r"\emptyset" else _bracketed(text)


def _signed_numbers(match: re.Match[str]) -> Region:
    """The positive, negative or non-negative numbers."""
    zero, closed = inexact(Fraction(0)), match["closed"] is not None
    if match["sign"] in ("+", ">", r"\ge"):
        return (Interval(zero, closed, infinite(), False),)
    return (Interval(-infinite(), False, zero, closed),)


def _combined(text: str, signs: list[re.Match[str]]) -> Region:
    """Unions and differences, from left to right."""
    first, *rest = (_read(part).region for part in parts_between(text, signs))
    for sign, other in zip(signs, rest, strict=True):
        if sign[0] == r"\cup":
            first = union(first, other)
        else:
            first = intersection(first, other if sign[0] == r"\cap" else complement(other))
    return first


def _bracketed(text: str) -> Region:
    if text.startswith(r"\{") and text.endswith(r"\}"):
        ends = [endpoint(part) for part in text[2:-2].split(",")]
        return union(*((Interval(end, True, end, True),) for end in ends))
    if not (text[:1] in "([" and text[-1:] in ")]" and text.count(",") == 1):
        raise UnreadError(text)
    low, high = map(endpoint, text[1:-1].split(","))
    interval = Interval(low, text[0] == "[", high, text[-1] == "]")
    if _is_empty(interval):
        raise UnreadError(text)
    return (interval,)


def endpoint(text: str) -> Scalar:
    """The value of an end.

    Raises:
        UnreadError: It is no real number.
    """
    value = constant_value(read_expression(text.strip()))
    if value is None or isinstance(value, Matrix) or not is_real(value):
        raise UnreadError(text)
    return inexact(value).real


def solve(relation: Relation) -> Named:
    r"""The values for which an inequality, or a chain of two, or ``x = 3`` or ``x \ne 3`` holds.

    Raises:
        UnreadError: It is of another kind, not linear, or of several unknowns.
    """
    sides = [read_expression(side) for side in relation.sides]
    names = frozenset[str]().union(*(side.names() for side in sides))
    if len(names) != 1 or len(sides) > 3:
        raise UnreadError("not one unknown")
    pairs = pairwise(sides)
    parts = [
        _half_line(left, right, sign, *names)
        for (left, right), sign in zip(pairs, relation.signs, strict=True)
    ]
    return Named(intersection(*parts), *names)


def _half_line(left: Expression, right: Expression, sign: str, unknown: str) -> Region:
    """Where ``left < right``, for a linear difference, or the absolute value of one and a number."""
    if left.head == "abs" and not right.names():
        sides = [(left.arguments[0], right), (operation("*", MINUS_ONE, left.arguments[0]), right)]
        return intersection(*(_half_line(*side, sign, unknown) for side in sides))
    if right.head == "abs" and not left.names():
        sides = [(left, right.arguments[0]), (left, operation("*", MINUS_ONE, right.arguments[0]))]
        return union(*(_half_line(*side, sign, unknown) for side in sides))
    below = operation("-", right, left)
    values: list[Any] = [value_at(below, {unknown: Fraction(place)}) for place in (0, 1, 3)]
    if any(value is None or isinstance(value, Matrix) for value in values):
        raise UnreadError("no value")
    start, slope = values[0], values[1] - values[0]
    if not agree(values[2], start + 3 * slope) or slope == 0:
        raise UnreadError("not linear")
    place = inexact(-start / slope)
    point = (Interval(place, True, place, True),)
    if sign in ("=", r"\ne"):
        return point if sign == "=" else complement(point)
    if sign not in ("<", r"\le"):
        raise UnreadError(sign)
    closed = sign == r"\le"
    if slope > 0:
        return (Interval(place, closed, infinite(), False),)
    return (Interval(-infinite(), False, place, closed),)
