r"""Equations and inequalities: ``y = 2x + 1``, ``3 \le x``, ``a < b < c``."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Final, NamedTuple

from lorr_bench.grade.algebra import arithmetic
from lorr_bench.grade.algebra.expression import Expression, UndecidedError, UnreadError, operation
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import points, value_at
from lorr_bench.grade.algebra.values import Matrix, agree, inexact
from lorr_bench.grade.notation.brackets import parts_between, signs_outside

_SIGN: Final = re.compile(
    r"\\(?:le|ge|ne|in|notin|subset|subseteq|supset|equiv|approx|sim|simeq|cong|perp|parallel|to|rightarrow|Rightarrow"
    r"|implies|iff|Leftrightarrow|leftrightarrow|mapsto|mid|propto|ni|leftarrow|vdash|models)(?![a-zA-Z])|(?<![:!<>=])=|[<>]"
)
_TURNED: Final = {">": "<", r"\ge": r"\le", r"\supset": r"\subset", r"\ni": r"\in"}
INEQUALITIES: Final = frozenset({"<", r"\le"})
_NAME: Final = re.compile(
    r"\\?[A-Za-z]+'*(?:\s?_\s?(?:\{[^{}]*\}|[A-Za-z0-9]))?'*"
    r"|\\(?:text|mathrm|textbf|textit|operatorname)\s?\{[^{}]*\}(?:_(?:\{[^{}]*\}|[A-Za-z0-9]))?"
)
_ASKED: Final = frozenset(
    word
    for line in (r"\angle \triangle \overline \vec \hat \bar \sin \cos \tan \cot \sec \csc \det \deg \dim",)
    for word in line.split()
)
"""Commands of which a value is asked for: ``\tan A = 2`` tells 2, not A."""


class Relation(NamedTuple):
    r"""Sides and the signs between them; none is ``>`` or ``\ge``, as those are turned.

    Attributes:
        sides: The texts, from left to right; of turned signs, the other way.
        signs: One less than sides.
    """

    sides: tuple[str, ...]
    signs: tuple[str, ...]

    @property
    def is_inequality(self) -> bool:
        """Whether all of its signs are of less than."""
        return all(sign in INEQUALITIES for sign in self.signs)

    @property
    def is_equation(self) -> bool:
        """Whether all of its signs are of equality."""
        return all(sign == "=" for sign in self.signs)


def read_relation(text: str) -> Relation | None:
    """The relation that ``text`` is; None where no sign stands outside of brackets.

    Args:
        text: As ``notation.tidy`` leaves it.
    """
    found = signs_outside(text, _SIGN)
    if not found:
        return None
    sides = tuple(parts_between(text, found))
    signs = tuple(match[0] for match in found)
    if all(sign in (*_TURNED, "=") for sign in signs) and any(sign != "=" for sign in signs):
        return Relation(sides[::-1], tuple(_TURNED.get(sign, sign) for sign in signs[::-1]))
    return Relation(sides, signs)


def is_name(side: str) -> bool:
    r"""Whether a side is one name: ``x``, ``a_n``, ``AB``, ``f(x)``, ``\text{Area}``."""
    if side in (r"\pi", r"\infty", r"\emptyset"):
        return False
    return _is_plain_name(side) or function_name(side) is not None


def _is_plain_name(side: str) -> bool:
    match = _NAME.fullmatch(side)
    return match is not None and (side.startswith("\\") or len(side.partition("_")[0].strip("'")) <= 2)


def intervals_of(relation: Relation) -> list[tuple[str, tuple[str, str]]]:
    """The intervals that an inequality may be, with their brackets: either side may be the unknown."""
    if not relation.is_inequality or len(relation.sides) > 3:
        return []
    first, *middle, last = relation.sides
    opening = "[" if relation.signs[0] == r"\le" else "("
    closing = "]" if relation.signs[-1] == r"\le" else ")"
    if middle:
        return [(opening + closing, (first, last))] if is_name(middle[0]) else []
    found = []
    if is_name(last):
        found.append((f"{opening})", (first, r"\infty")))
    if is_name(first):
        found.append((f"({closing}", (r"-\infty", last)))
    return found


def function_name(side: str) -> tuple[str, str] | None:
    """The function and its arguments, where a side is one of names: ``f(x)``, ``g(x, y)``."""
    name, bracket, rest = side.partition("(")
    if not bracket or not rest.endswith(")") or not _is_plain_name(name.strip()):
        return None
    arguments = rest[:-1].replace(" ", "").split(",")
    return (name.strip(), ",".join(arguments)) if all(_is_argument(part) for part in arguments) else None


def _is_argument(text: str) -> bool:
    return re.fullmatch(r"\\?[A-Za-z]+|-?[0-9]{1,9}", text) is not None


def is_quantity(side: str) -> bool:
    r"""Whether a side is something whose value may be asked for.

    It is, where it is a name (``x``, ``f(3)``, ``AB``), several names and no number (``a + b``, ``xy``), a
    function of a named angle, or a calculation in numbers alone. It is not, where it is one unknown and
    something done to it (``x + 2``, ``2x``, ``|x|``), which tells the unknown, nor where numbers and
    unknowns are mixed (``3x + 4y``), which is an equation.
    """
    command = re.match(r"\\[A-Za-z]+", side)
    if ":" in side or is_name(side) or (command and command[0] in _ASKED):
        return True
    try:
        expression = read_expression(side)
    except UnreadError:
        return re.fullmatch(r"\\?[A-Za-z]{2,}(?: [A-Za-z]+)*", side) is not None
    names = expression.names()
    if not names:
        return True
    numbers = any(part.head == "number" and part.value != -1 for part in expression.walk())
    lengths = sum(len(name) for name in names)
    return (
        (not numbers and len(names) > 1)
        or (expression.head == "abs" and lengths > 1)
        or expression.head == "apply"
    )


def difference(relation: Relation) -> Expression:
    """Right side minus left side.

    Raises:
        UnreadError: A side is no expression.
    """
    left, right = map(read_expression, relation.sides)
    return operation("-", right, left)


def proportional(gold: Expression, answer: Expression, *, positive: bool) -> bool:
    """Whether one is the other times a number, so that their zeros are the same.

    Args:
        gold: A difference of two sides.
        answer: Another.
        positive: Whether the number must be positive, as for inequalities.

    Raises:
        UndecidedError: They have no value at enough points.
    """
    names = sorted(gold.names() | answer.names())
    real = not (gold.has("i") or answer.has("i"))
    ratios = []
    for whole in (False, True):
        for point in points(names, whole=whole):
            mine, other = (value_at(one, point, real=real) for one in (gold, answer))
            if mine is None or other is None or isinstance(mine, Matrix) or isinstance(other, Matrix):
                continue
            if mine != 0 and other != 0:
                ratios.append(arithmetic.multiply(mine, arithmetic.invert(other)))
            elif mine != other:
                return False
        if len(ratios) > 1:
            return all(agree(ratio, ratios[0]) for ratio in ratios) and (not positive or ratios[0] > 0)
    raise UndecidedError("no value at enough points")


def solved_alike(gold: Expression, answer: Expression) -> bool:
    """Whether both are linear in some name and give the same for it: ``xy = 4`` and ``y = 4/x``.

    Args:
        gold: A difference of two sides.
        answer: Another.
    """
    names = sorted(gold.names())
    return (
        len(names) > 1
        and gold.names() == answer.names()
        and any(_same_root(gold, answer, name) for name in names)
    )


def _same_root(gold: Expression, answer: Expression, name: str) -> bool:
    met = 0
    for point in points(sorted(gold.names() | answer.names()), whole=False):
        mine, other = (_root(one, point, name) for one in (gold, answer))
        if mine is None or other is None:
            continue
        if not agree(mine, other):
            return False
        met += 1
    return met > 1


def _root(expression: Expression, point: dict[str, Fraction], name: str) -> Any | None:
    """The value of a name, not zero, for which a linear expression is zero; None where there is none."""
    values = [value_at(expression, point | {name: Fraction(place)}) for place in (1, 2, 5)]
    if any(value is None or isinstance(value, Matrix) for value in values):
        return None
    first, second, third = map(inexact, values)
    slope = second - first
    if not slope or not agree(third, first + 4 * slope):
        return None
    return (1 - first / slope) or None  # a root at zero is one of any product with that name


def holds(sides: tuple[str, ...]) -> bool:
    """Whether no two sides that are numbers contradict each other: 2 + 2 = 5 does not hold."""
    values = []
    for side in sides:
        try:
            expression = read_expression(side)
            is_number = not (expression.names() or expression.has("apply", "opaque"))
            if is_number and (value := value_at(expression, {}, real=False)) is not None:
                values.append(value)
        except (UnreadError, UndecidedError):
            continue
    return all(agree(value, values[0], 10.0**-3) for value in values)
