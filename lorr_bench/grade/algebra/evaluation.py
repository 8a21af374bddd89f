"""The value of an expression at a point."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from math import floor, gcd, lcm
from typing import Any, Final

from lorr_bench.grade.algebra import arithmetic
from lorr_bench.grade.algebra.expression import Expression, UndecidedError, UnreadError
from lorr_bench.grade.algebra.values import (
    Matrix,
    NoValueError,
    Scalar,
    Value,
    context,
    inexact,
    is_real,
)

MAX_STEPS: Final = 60_000
"""Operations for one comparison, which take half a second; a sum of a thousand terms is a few thousand."""
MAX_TERMS: Final = 2000
MAX_DOUBLINGS: Final = 12
_CONVERGED: Final = 10.0**-45
_MAX_ARGUMENT_BITS: Final = 200
"""Of an angle, whose digits are lost otherwise."""


@dataclass
class Budget:
    """How many operations a comparison may take.

    Attributes:
        left: Operations until it ends.
    """

    left: int = MAX_STEPS

    def spend(self) -> None:
        """One operation.

        Raises:
            UndecidedError: None is left.
        """
        self.left -= 1
        if self.left < 0:
            raise UndecidedError("too many operations")


@dataclass
class Evaluation:
    """Values at one point.

    Attributes:
        point: Values of the names.
        real: Whether only real numbers are values.
        decimal_logarithms: Whether ``log`` without a base is to base ten.
        budget: Operations that are left.
    """

    point: Mapping[str, Fraction]
    real: bool = True
    decimal_logarithms: bool = False
    budget: Budget = field(default_factory=Budget)
    _bound: dict[str, Scalar] = field(default_factory=dict)

    def value(self, expression: Expression) -> Value:
        """The value of an expression.

        Raises:
            NoValueError: It has none here.
            UndecidedError: It is too large, or takes too long.
            UnreadError: It is no operation that has a value.
        """
        self.budget.spend()
        head = expression.head
        if head == "number":
            return expression.value
        if head == "name":
            return self.named(expression.text)
        if special := _SPECIAL.get(head):
            return special(self, expression)
        values = [self.value(argument) for argument in expression.arguments]
        if operation := _OPERATIONS.get(head):
            return operation(*values)
        return self._function(head, values)

    def named(self, text: str) -> Scalar:
        """The value of a name: of a bound variable, a constant, or a free one at the point."""
        if text in self._bound:
            return self._bound[text]
        if text not in self.point:
            raise UnreadError(text)
        return self.point[text]

    def power(self, expression: Expression) -> Value:
        """A power or root."""
        base, *rest = [self.value(argument) for argument in expression.arguments]
        if expression.head == "^":
            # A cube root of a negative number where the exponent is written so; not where it happens so.
            odd_roots = not expression.arguments[1].names()
            return arithmetic.raise_to(base, rest[0], real=self.real, odd_roots=odd_roots)
        degree = rest[0] if rest else Fraction(3 if expression.head == "cbrt" else 2)
        return arithmetic.raise_to(base, arithmetic.invert(degree), real=self.real)

    def _function(self, head: str, values: list[Value]) -> Scalar:
        if any(isinstance(value, Matrix) for value in values):
            if head == "abs":
                return arithmetic.determinant(*values)
            raise NoValueError("a function of a matrix")
        if (exact := _EXACT.get(head)) is not None:
            return exact(*values)
        if head in ("ln", "lg", "log"):
            return self._logarithm(head, values)
        return self._transcendental(head, *map(inexact, values))

    def _logarithm(self, head: str, values: list[Scalar]) -> Scalar:
        """A logarithm, to base e unless another is given."""
        mp = context()
        argument, *base = map(inexact, values)
        if head == "lg" or (head == "log" and not base and self.decimal_logarithms):
            base = [mp.mpf(10)]
        for value in (argument, *base):
            if not value or (self.real and value < 0):
                raise NoValueError("a logarithm of a negative number")
        if base and base[0] == 1:
            raise NoValueError("a logarithm to base one")
        return mp.ln(argument) / mp.ln(base[0]) if base else mp.ln(argument)

    def _transcendental(self, head: str, *values: Scalar) -> Scalar:
        mp = context()
        if any(value and not mp.isinf(value) and mp.mag(value) > _MAX_ARGUMENT_BITS for value in values):
            raise UndecidedError("an argument too large")
        if head == "arccot":
            return mp.pi / 2 - mp.atan(*values)
        function = getattr(mp, _MPMATH.get(head, ""), None)
        if function is None:
            raise UnreadError(head)
        try:
            found = function(*values)
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            raise NoValueError(head) from error
        if self.real and not is_real(found):
            raise NoValueError(head)
        return arithmetic.finite(found.real if self.real else found)

    def opaque(self, expression: Expression) -> Scalar:
        """A value of its own for what is compared as written: the same for the same text and arguments."""
        inner = [_Open(self).value(argument) for argument in expression.arguments]
        shown = [context().nstr(inexact(value), 25) for value in inner]
        text = " ".join([expression.text, *shown])
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return Fraction(int.from_bytes(digest, "big"), 2**63) + Fraction(1, 7)

    def total(self, expression: Expression) -> Scalar:
        """A sum or product over an integer."""
        low, high = (self.value(argument) for argument in expression.arguments[:2])
        if not (isinstance(low, Fraction) and low.denominator == 1):
            raise NoValueError("a sum that begins between integers")
        if context().isinf(inexact(high)):
            return self._series(expression, int(low))
        if not (isinstance(high, Fraction) and high.denominator == 1):
            raise NoValueError("a sum that ends between integers")
        if high - low > MAX_TERMS:
            raise UndecidedError("too many terms")
        combine = arithmetic.add if expression.head == "sum" else arithmetic.multiply
        found: Scalar = Fraction(0 if expression.head == "sum" else 1)
        for place in range(int(low), int(high) + 1):
            found = combine(found, self._term(expression, Fraction(place)))
        return found

    def _term(self, expression: Expression, value: Scalar) -> Scalar:
        """The body of a sum or integral, its variable set."""
        before = dict(self._bound)
        self._bound[expression.text] = value
        try:
            return self.value(expression.arguments[2])
        finally:
            self._bound = before

    def _series(self, expression: Expression, low: int) -> Scalar:
        """A series that converges fast enough to be summed term by term, or as mpmath extrapolates it."""
        if expression.head != "sum":
            raise UndecidedError("an infinite product")
        mp = context()
        found, last, place = mp.mpf(0), mp.inf, low
        while place - low < MAX_TERMS // 4:
            term = inexact(self._term(expression, Fraction(place)))
            found += term
            place += 1
            if abs(term) <= _CONVERGED * (abs(found) + _CONVERGED) and abs(last) <= abs(term) * 10**6:
                return found
            if place - low > MAX_TERMS // 20 and abs(term) >= abs(last) > 0:
                raise NoValueError("a series that diverges")
            last = term
        return self._extrapolated(expression, low)

    def _extrapolated(self, expression: Expression, low: int) -> Scalar:
        """A series of numbers like 1/n^2, by Romberg's scheme on 4, 8, 16, ... terms."""
        if self.point:
            raise UndecidedError("a series that converges slowly")
        mp = context()
        total, place, row = mp.mpf(0), low, list[Scalar]()
        for doubling in range(2, MAX_DOUBLINGS):
            while place - low < 2**doubling:
                total += inexact(self._term(expression, Fraction(place)))
                place += 1
            row = _romberg(row, total)
            if len(row) > 1 and abs(row[-1] - row[-2]) <= 10.0**-16 * abs(row[-1]):
                return row[-1]
        raise UndecidedError("a series that converges slowly")

    def area(self, expression: Expression) -> Scalar:
        """A definite integral, by quadrature; of a function without a formula it has no value."""
        if expression.has("apply", "opaque"):
            raise NoValueError("an integral of an unknown function")
        mp = context()
        low, high = (inexact(self.value(argument)) for argument in expression.arguments[:2])

        def body(place: Any) -> Any:
            return inexact(self._term(expression, place))

        with mp.workdps(30):
            found, error = mp.quad(body, [low, high], error=True)
        if not error <= 10.0**-20 * (1 + abs(found)):
            raise UndecidedError("an integral that is not found")
        return arithmetic.finite(mp.mpf(found) if self.real else found)


class _Open(Evaluation):
    """An evaluation in which a name that is bound elsewhere has a value by its letter."""

    def __init__(self, outer: Evaluation) -> None:
        super().__init__(outer.point, outer.real, outer.decimal_logarithms, outer.budget, dict(outer._bound))

    def named(self, text: str) -> Scalar:
        """The value of a name; one that is bound elsewhere has a number by its letters."""
        try:
            return super().named(text)
        except UnreadError:
            digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
            return Fraction(int.from_bytes(digest, "big"), 2**31) + 1


def _romberg(row: list[Scalar], total: Scalar) -> list[Scalar]:
    """The next row of Romberg's scheme, where the error is a series in one over the number of terms."""
    found = [total]
    for power, before in enumerate(row, start=1):
        found.append(found[-1] + (found[-1] - before) / (2**power - 1))
    return found


def _whole(*values: Scalar) -> list[int]:
    if not all(isinstance(value, Fraction) and value.denominator == 1 for value in values):
        raise NoValueError("no integers")
    return [int(value) for value in values]


def _real(value: Scalar) -> Scalar:
    if not is_real(value):
        raise NoValueError("no real number")
    return value if isinstance(value, Fraction) else value.real


def _rounded(value: Scalar, *, up: bool) -> Fraction:
    if isinstance(value, Fraction):
        return Fraction(-floor(-value) if up else floor(value))
    mp = context()
    if mp.isinf(value) or mp.mag(value) > _MAX_ARGUMENT_BITS:
        raise NoValueError("too large to be rounded")
    return Fraction(int(mp.ceil(_real(value)) if up else mp.floor(_real(value))))


def _sign(value: Scalar) -> Fraction:
    return Fraction((_real(value) > 0) - (_real(value) < 0))


def _constant(head: str) -> Callable[[Evaluation, Expression], Scalar]:
    def found(evaluation: Evaluation, _: Expression) -> Scalar:
        mp = context()
        if head == "i":
            if evaluation.real:
                raise NoValueError("the imaginary unit")
            return mp.mpc(0, 1)
        return {"pi": mp.pi, "e": mp.e, "infinity": mp.inf}[head] * 1

    return found


_EXACT: Final[Mapping[str, Callable[..., Scalar]]] = {
    "abs": abs,
    "floor": lambda value: _rounded(value, up=False),
    "ceil": lambda value: _rounded(value, up=True),
    "gcd": lambda *values: Fraction(gcd(*_whole(*values))),
    "lcm": lambda *values: Fraction(lcm(*_whole(*values))),
    "max": lambda *values: max(values, key=lambda value: _real(inexact(value))),
    "min": lambda *values: min(values, key=lambda value: _real(inexact(value))),
    "sgn": _sign,
    "factorial": arithmetic.factorial,
    "double factorial": lambda value: Fraction(_double_factorial(*_whole(value))),
    "binomial": arithmetic.binomial,
    "Re": lambda value: value if isinstance(value, Fraction) else inexact(value).real,
    "Im": lambda value: Fraction(0) if isinstance(value, Fraction) else inexact(value).imag,
}


def _double_factorial(value: int) -> int:
    if not 0 <= value <= arithmetic.MAX_FACTORIAL:
        raise UndecidedError("a factorial too large")
    product = 1
    for factor in range(value, 1, -2):
        product *= factor
    return product


_MPMATH: Final = {
    **{name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "exp")},
    **{name: name for name in ("sinh", "cosh", "tanh", "coth", "sech", "csch")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sec", "csc", "sinh", "cosh", "tanh")},
}
_OPERATIONS: Final[Mapping[str, Callable[..., Value]]] = {
    "+": lambda *terms: reduce(arithmetic.add, terms),
    "-": lambda one, other: arithmetic.add(one, arithmetic.multiply(other, Fraction(-1))),
    "*": lambda *factors: reduce(arithmetic.multiply, factors),
    "/": lambda one, other: arithmetic.multiply(one, arithmetic.invert(other)),
    "det": arithmetic.determinant,
    "transpose": arithmetic.transpose,
    "row": lambda *cells: cells,
    "matrix": lambda *rows: Matrix(rows),
    "degrees": lambda value: arithmetic.multiply(value, context().pi / 180),
}
_SPECIAL: Final[Mapping[str, Callable[[Evaluation, Expression], Value]]] = {
    "^": Evaluation.power,
    "sqrt": Evaluation.power,
    "cbrt": Evaluation.power,
    "root": Evaluation.power,
    "sum": Evaluation.total,
    "product": Evaluation.total,
    "integral": Evaluation.area,
    "opaque": Evaluation.opaque,
    "apply": Evaluation.opaque,
    **{head: _constant(head) for head in ("pi", "e", "i", "infinity")},
}
