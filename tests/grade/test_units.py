from __future__ import annotations

from fractions import Fraction

import pytest

from lorr_bench.grade.quantities.measures import measure


@pytest.mark.parametrize(
    ("unit", "dimension", "factor"),
    [
        ("cm", "length", "1/100"),
        ("Feet", "length", "0.3048"),
        ("centimeters", "length", "1/100"),
        ("hours", "time", "3600"),
        ("min.", "time", "60"),
        ("cents", "dollars", "1/100"),
        ("square centimeters", "length^2", "1/10000"),
        ("sq. m", "length^2", "1"),
        ("inches^2", "length^2", "0.00064516"),
        ("cm^{3}", "length^3", "1/1000000"),
        ("cubic meters", "length^3", "1"),
        ("km/h", "length/time", "5/18"),
        ("miles per hour", "length/time", "0.44704"),
        ("mph", "length/time", "0.44704"),
        ("degrees", "angle", "1"),
    ],
)
def test_units_of_measure(unit, dimension, factor):
    assert measure(unit) == (dimension, Fraction(factor))


@pytest.mark.parametrize("unit", ["", "apples", "square units", "km/h/s", "cm/apple", "x"])
def test_what_is_no_unit_of_measure(unit):
    assert measure(unit) is None


def test_a_radian_is_180_degrees_by_pi():
    assert float(measure("radians").factor) * 3.141592653589793 == pytest.approx(180, rel=1e-15)
