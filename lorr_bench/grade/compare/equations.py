"""Equations and inequalities against each other, and against values."""

from __future__ import annotations

from collections.abc import Sequence

from lorr_bench.grade.algebra.expression import UndecidedError, UnreadError
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.relations import (
    Relation,
    difference,
    function_name,
    holds,
    is_name,
    is_quantity,
    proportional,
    read_relation,
    solved_alike,
)
from lorr_bench.grade.compare.context import Context
from lorr_bench.grade.notation.canonical import canonical


def same_relation(gold: str, answer: str, context: Context) -> bool | None:
    """Two equations or inequalities, or one of them against a value; None where neither is one.

    An equation stands for its right side only where the left one is what is asked for: a name, or a quantity
    without numbers. ``x + 2 = 5`` tells x, and is not 5.
    """
    mine, other = read_relation(gold), read_relation(answer)
    if mine is None and other is None:
        return None
    if mine and other:
        if mine.is_equation and other.is_equation:
            return _same_equation(mine, other, context)
        return _same_inequality(mine, other, context)
    relation = mine or other
    told = told_value(relation) if relation and context.policy.equations == "value" else None
    if told is None:
        return False
    return context.same(told, answer) if mine else context.same(gold, told)


def _same_inequality(gold: Relation, answer: Relation, context: Context) -> bool:
    if gold.signs != answer.signs:
        return False
    if _same_sides(gold.sides, answer.sides, context):
        return True
    return gold.is_inequality and len(gold.signs) == 1 and bool(_same_zeros(gold, answer, positive=True))


def _same_equation(gold: Relation, answer: Relation, context: Context) -> bool:
    mine, other = assignment(gold), assignment(answer)
    if mine and other and _same_name(mine[0], other[0]):
        return context.same(mine[1], other[1])
    if _same_sides(gold.sides, answer.sides, context):
        return True
    if len(gold.sides) != 2 or len(answer.sides) != 2:
        return False
    verdict = _same_zeros(gold, answer, positive=False)
    return _same_sides(gold.sides, answer.sides[::-1], context) if verdict is None else verdict


def _same_sides(gold: Sequence[str], answer: Sequence[str], context: Context) -> bool:
    if len(gold) != len(answer):
        return False
    return all(context.same(*pair) for pair in zip(gold, answer, strict=True))


def told_value(relation: Relation) -> str | None:
    """The value that an equation tells, as text: its last side, if its first is asked for; else None."""
    if not relation.is_equation or not all(relation.sides):
        return None
    first, *_, last = relation.sides
    if len(relation.sides) == 2 and is_name(last) and not is_name(first):
        return first if _is_number(first) else None  # 5 = x
    return last if is_quantity(first) and holds(relation.sides) else None


def _is_number(text: str) -> bool:
    try:
        return not read_expression(text).names()
    except UnreadError:
        return False


def assignment(relation: Relation) -> tuple[str, str] | None:
    """A name and the last of what it equals; None where neither end is a name."""
    first, *_, last = relation.sides
    if is_name(first):
        return first, last
    return (last, first) if is_name(last) and len(relation.sides) == 2 else None


def _same_name(gold: str, answer: str) -> bool:
    """Whether two names are one; ``y`` and ``f(x)`` are, as both name a function's value."""
    if canonical(gold) == canonical(answer):
        return True
    is_function = [function_name(side) is not None for side in (gold, answer)]
    return is_function.count(True) == 1 and (answer if is_function[0] else gold) == "y"


def _same_zeros(gold: Relation, answer: Relation, *, positive: bool) -> bool | None:
    """Whether both hold for the same values; None where that can't be found out."""
    try:
        mine, other = difference(gold), difference(answer)
        return proportional(mine, other, positive=positive) or (not positive and solved_alike(mine, other))
    except (UnreadError, UndecidedError):
        return None
