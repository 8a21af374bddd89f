"""Values: exact fractions while that is possible, else real or complex numbers of fifty digits; matrices."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

from lorr_bench.grade.algebra.expression import UndecidedError

DIGITS: Final = 50
MAX_BITS: Final = 20_000
"""Of an exact number; and of the exponent of one that is not."""
AGREEMENT: Final = 10.0**-32
"""Largest difference, relative to the larger, of two values that count as one."""
ROUGH_AGREEMENT: Final = 10.0**-14
"""The same for series and integrals, whose values are found by extrapolation."""
_TINY: Final = 10.0**-38

Scalar: TypeAlias = Any
"""A Fraction, or mpmath's ``mpf`` or ``mpc``, which have no types."""


class NoValueError(Exception):
    """An expression has no value at a point: a zero below a fraction, a root of a negative number."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix of values, row by row."""

    rows: tuple[tuple[Scalar, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.rows), len(self.rows[0])


Value: TypeAlias = Any
"""A scalar or a matrix."""


def context() -> Any:
    """Mpmath with fifty digits; it comes with the SymPy of Math-Verify."""
    import mpmath  # type: ignore[import-untyped]

    mpmath.mp.dps = DIGITS
    return mpmath.mp


def inexact(value: Scalar) -> Scalar:
    """A scalar as mpmath's number."""
    if isinstance(value, Fraction):
        mp = context()
        return mp.mpf(value.numerator) / value.denominator
    return value


def bits(value: Fraction) -> int:
    """How large an exact number is."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def is_real(value: Scalar) -> bool:
    """Whether a scalar has no imaginary part worth the name."""
    if isinstance(value, Fraction):
        return True
    imaginary = getattr(value, "imag", 0)
    return bool(abs(imaginary) <= AGREEMENT * abs(value))


def agree(one: Value, other: Value, tolerance: float = AGREEMENT) -> bool:
    """Whether two values are one: exactly where both are exact, else within a relative tolerance."""
    if isinstance(one, Matrix) or isinstance(other, Matrix):
        return _matrices_agree(one, other, tolerance)
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one == other
    one, other = inexact(one), inexact(other)
    mp = context()
    if mp.isinf(one) or mp.isinf(other):
        return bool(one == other)
    size = max(abs(one), abs(other))
    return bool(size < _TINY or abs(one - other) <= tolerance * size)


def _matrices_agree(one: Value, other: Value, tolerance: float) -> bool:
    if not (isinstance(one, Matrix) and isinstance(other, Matrix)) or one.shape != other.shape:
        return False
    pairs = zip(one.rows, other.rows, strict=True)
    return all(agree(*pair, tolerance) for rows in pairs for pair in zip(*rows, strict=True))


def as_fraction(value: Scalar) -> Fraction:
    """A real value as the fraction that its binary digits are.

    Raises:
        UndecidedError: It is too large for that.
    """
    if isinstance(value, Fraction):
        return value
    mantissa, exponent = value.real.man_exp
    if not mantissa:
        return Fraction(0)
    if abs(exponent) > MAX_BITS:
        raise UndecidedError("a value too large")
    size: Fraction = Fraction(int(mantissa)) * Fraction(2) ** exponent
    return -size if value.real < 0 else size
