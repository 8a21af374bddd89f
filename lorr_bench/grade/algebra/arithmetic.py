"""Addition, multiplication and powers of values, each within bounds that no answer makes slow."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from lorr_bench.grade.algebra.expression import UndecidedError
from lorr_bench.grade.algebra.values import (
    MAX_BITS,
    Matrix,
    NoValueError,
    Scalar,
    Value,
    bits,
    context,
    inexact,
    is_real,
)

MAX_EXPONENT_BITS: Final = 64
MAX_FACTORIAL: Final = 2000
MAX_SIDE: Final = 12
"""Of a matrix that is multiplied."""


def add(one: Value, other: Value) -> Value:
    """The sum."""
    if isinstance(one, Matrix) and isinstance(other, Matrix):
        if one.shape != other.shape:
            raise NoValueError("matrices of different shapes")
        pairs = zip(one.rows, other.rows, strict=True)
        return Matrix(tuple(tuple(add(*pair) for pair in zip(*rows, strict=True)) for rows in pairs))
    if isinstance(one, Matrix) or isinstance(other, Matrix):
        raise NoValueError("a matrix and a number")
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return bounded(one + other)
    return finite(inexact(one) + inexact(other))


def multiply(one: Value, other: Value) -> Value:
    """The product."""
    if isinstance(one, Matrix) and isinstance(other, Matrix):
        return _matrix_product(one, other)
    if isinstance(one, Matrix):
        return Matrix(tuple(tuple(multiply(cell, other) for cell in row) for row in one.rows))
    if isinstance(other, Matrix):
        return multiply(other, one)
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return bounded(one * other)
    return finite(inexact(one) * inexact(other))


def _matrix_product(one: Matrix, other: Matrix) -> Value:
    """The product; a row times a column is a number."""
    if one.shape[1] != other.shape[0] or max(*one.shape, *other.shape) > MAX_SIDE:
        raise NoValueError("matrices that have no product here")
    columns = list(zip(*other.rows, strict=True))
    product = Matrix(tuple(tuple(_dot(row, column) for column in columns) for row in one.rows))
    return product.rows[0][0] if product.shape == (1, 1) else product


def _dot(row: tuple[Scalar, ...], column: tuple[Scalar, ...]) -> Scalar:
    total: Scalar = Fraction(0)
    for pair in zip(row, column, strict=True):
        total = add(total, multiply(*pair))
    return total


def invert(value: Value) -> Value:
    """One over it."""
    if isinstance(value, Matrix):
        return _inverse(value)
    if value == 0:
        raise NoValueError("a division by zero")
    return 1 / value if isinstance(value, Fraction) else finite(1 / value)


def _inverse(matrix: Matrix) -> Matrix:
    """By cofactors; matrices in answers are small."""
    scale = invert(determinant(matrix))
    side = matrix.shape[0]
    if side == 1:
        return Matrix(((scale,),))
    cofactors = [
        [multiply(Fraction((-1) ** (i + j)), determinant(_minor(matrix, j, i))) for j in range(side)]
        for i in range(side)
    ]
    return Matrix(tuple(tuple(multiply(scale, cell) for cell in row) for row in cofactors))


def determinant(value: Value) -> Scalar:
    """Of a square matrix, by its first row."""
    if not isinstance(value, Matrix) or value.shape[0] != value.shape[1] or value.shape[0] > MAX_SIDE // 2:
        raise NoValueError("no square matrix, or a large one")
    if value.shape == (1, 1):
        return value.rows[0][0]
    total: Scalar = Fraction(0)
    for column, cell in enumerate(value.rows[0]):
        part = multiply(cell, determinant(_minor(value, 0, column)))
        total = add(total, multiply(Fraction((-1) ** column), part))
    return total


def _minor(matrix: Matrix, row: int, column: int) -> Matrix:
    rows = [cells for number, cells in enumerate(matrix.rows) if number != row]
    return Matrix(tuple((*cells[:column], *cells[column + 1 :]) for cells in rows))


def transpose(value: Value) -> Value:
    """A matrix turned over its diagonal."""
    if not isinstance(value, Matrix):
        raise NoValueError("no matrix")
    return Matrix(tuple(zip(*value.rows, strict=True)))


def raise_to(base: Value, exponent: Value, *, real: bool, odd_roots: bool = True) -> Value:
    """A power.

    Args:
        base: A number or matrix.
        exponent: A number.
        real: Whether only real numbers are values: no square root of a negative number.
        odd_roots: Whether a negative number has a real cube root.
    """
    if isinstance(exponent, Matrix):
        raise NoValueError("a matrix as an exponent")
    if isinstance(base, Matrix):
        return _matrix_power(base, exponent)
    if isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            return _integer_power(base, int(exponent))
        if isinstance(base, Fraction) and (root := _exact_root(base, exponent)) is not None:
            return root
        if real and odd_roots and base < 0 and exponent.denominator % 2:
            sign = -1 if exponent.numerator % 2 else 1
            return multiply(Fraction(sign), raise_to(-base, exponent, real=True))
    if real and (base < 0 or (base == 0 and exponent < 0)):
        raise NoValueError("a root of a negative number")
    return _inexact_power(base, exponent)


def _matrix_power(base: Matrix, exponent: Scalar) -> Value:
    if not isinstance(exponent, Fraction) or exponent.denominator != 1 or abs(exponent) > MAX_SIDE:
        raise NoValueError("such a power of a matrix")
    factor = base if exponent > 0 else _inverse(base)
    power: Value = factor
    for _ in range(abs(int(exponent)) - 1):
        power = multiply(power, factor)
    return power


def _integer_power(base: Scalar, exponent: int) -> Scalar:
    if exponent < 0:
        return invert(_integer_power(base, -exponent))
    if isinstance(base, Fraction):
        if base in (0, 1) or not exponent:
            return Fraction(1) if not exponent else base
        if bits(base) * exponent <= MAX_BITS or base == -1:
            return base ** (exponent if base != -1 else exponent % 2)
    return _inexact_power(base, Fraction(exponent))


def _exact_root(base: Fraction, exponent: Fraction) -> Fraction | None:
    """The power of an exact number where that is exact, as of 8 to 1/3."""
    if base < 0 or exponent.denominator > MAX_EXPONENT_BITS or bits(base) > MAX_BITS // 20:
        return None
    roots = [_integer_root(part, exponent.denominator) for part in (base.numerator, base.denominator)]
    if None in roots:
        return None
    over, under = roots
    if not over and exponent < 0:
        raise NoValueError("a division by zero")
    power = _integer_power(Fraction(over or 0, under or 1), exponent.numerator)
    return power if isinstance(power, Fraction) else None


def _integer_root(number: int, degree: int) -> int | None:
    """The exact root of an integer; None where it has none."""
    guess = round(number ** (1 / degree)) if number.bit_length() < 1000 else -1
    return next(
        (root for root in (guess - 1, guess, guess + 1) if root >= 0 and root**degree == number), None
    )


def _inexact_power(base: Scalar, exponent: Scalar) -> Scalar:
    mp = context()
    base, exponent = inexact(base), inexact(exponent)
    if exponent and mp.mag(exponent) > MAX_EXPONENT_BITS:
        raise UndecidedError("an exponent too large")
    if not base:
        return finite(mp.mpf(0) ** exponent)
    return finite(mp.power(base, exponent))


def bounded(value: Fraction) -> Fraction:
    """An exact number, if it is not too large.

    Raises:
        UndecidedError: It is.
    """
    if bits(value) > 4 * MAX_BITS:
        raise UndecidedError("a number too large")
    return value


def finite(value: Scalar) -> Scalar:
    """A number, if it is one.

    Raises:
        NoValueError: It is not.
    """
    if value != value:  # noqa: PLR0124 -- only what is no number differs from itself
        raise NoValueError("no number")
    return value


def factorial(value: Scalar) -> Scalar:
    """``n!``, also by the gamma function."""
    if isinstance(value, Fraction) and value.denominator == 1:
        if value < 0:
            raise NoValueError("a factorial of a negative number")
        if value <= MAX_FACTORIAL:
            product = 1
            for factor in range(2, int(value) + 1):
                product *= factor
            return Fraction(product)
    mp = context()
    if abs(value) > 10**9 or not is_real(value):
        raise UndecidedError("a factorial too large")
    if not isinstance(value, Fraction) and value <= -1:
        raise NoValueError("a factorial of a negative number")
    return finite(mp.factorial(inexact(value)))


def binomial(over: Scalar, under: Scalar) -> Scalar:
    """The binomial coefficient."""
    if (
        isinstance(over, Fraction)
        and isinstance(under, Fraction)
        and over.denominator == under.denominator == 1
    ):
        chosen = min(int(under), int(over - under)) if over >= 0 else int(under)
        if chosen < 0:
            return Fraction(0)
        if chosen <= MAX_FACTORIAL and bits(over) * chosen <= MAX_BITS:
            return _product_of_ratios(int(over), chosen)
        raise UndecidedError("a binomial coefficient too large")
    mp = context()
    if abs(over) > 10**9 or abs(under) > 10**9:
        raise UndecidedError("a binomial coefficient too large")
    return finite(mp.binomial(inexact(over), inexact(under)))


def _product_of_ratios(over: int, chosen: int) -> Fraction:
    product = 1
    for step in range(chosen):
        product = product * (over - step) // (step + 1)
    return Fraction(product)
