r"""Congruences, ``n \equiv 1 \pmod{4}``, and times of day, which go round as well."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from lorr_bench.grade.algebra.expression import UndecidedError, UnreadError, operation
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import constant_value
from lorr_bench.grade.compare.context import Context
from lorr_bench.grade.notation.canonical import canonical

_CONGRUENCE: Final = re.compile(
    r"([^=<>]{1,80}?)\s?\\equiv\s?([^=<>]{1,80}?)\s?"
    r"(?:\\pmod|\(\s?\\?(?:bmod|mod)|\\mod|\\bmod)\s?\{?\s?([0-9]{1,9})\s?\}?\s?\)?"
)
_TIME: Final = re.compile(
    r"([0-9]{1,2})(?::([0-9]{2}))?\s?(?:\\text\s?\{\s?)?([ap])\.?\s?m\.?\s?\}?", re.IGNORECASE
)


def same_congruence(gold: str, answer: str, context: Context) -> bool | None:  # noqa: ARG001 -- a rule's signature
    """Two congruences of one unknown: remainders may differ by the modulus; None where one is none."""
    mine, other = _CONGRUENCE.fullmatch(gold), _CONGRUENCE.fullmatch(answer)
    if not (mine and other):
        return None
    if mine[3] != other[3] or canonical(mine[1]) != canonical(other[1]) or not int(mine[3]):
        return False
    try:
        apart = constant_value(operation("-", read_expression(mine[2]), read_expression(other[2])))
    except (UnreadError, UndecidedError):
        return canonical(mine[2]) == canonical(other[2])
    return isinstance(apart, Fraction) and not apart % int(mine[3])


def same_time(gold: str, answer: str, context: Context) -> bool | None:  # noqa: ARG001 -- a rule's signature
    """Two times of day, as 7:30 p.m.; None where one is none."""
    mine, other = _TIME.fullmatch(gold), _TIME.fullmatch(answer)
    return _clock(mine) == _clock(other) if mine and other else None


def _clock(match: re.Match[str]) -> tuple[int, int, str]:
    return int(match[1]), int(match[2] or 0), match[3].lower()
