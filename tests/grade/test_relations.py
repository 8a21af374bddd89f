r"""Equations, inequalities and the sets of real numbers that they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.grade.algebra.regions import (
    complement,
    everything,
    intersection,
    read_region,
    same_region,
    union,
)
from lorr_bench.grade.algebra.relations import is_name, is_quantity, read_relation
from lorr_bench.grade.compare.equations import told_value
from lorr_bench.grade.notation.tidy import tidy


@pytest.mark.parametrize(
    ("text", "sides", "signs"),
    [
        ("x = 5", ("x", "5"), ("=",)),
        ("x > 5", ("5", "x"), ("<",)),
        (r"3 \ge x > 1", ("1", "x", "3"), ("<", r"\le")),
        ("S = 6^2 = 36", ("S", "6^2", "36"), ("=", "=")),
        (r"n \equiv 1", ("n", "1"), (r"\equiv",)),
        (r"a \mid b", ("a", "b"), (r"\mid",)),
    ],
)
def test_sides_and_signs(text, sides, signs):
    assert read_relation(text) == (sides, signs)


@pytest.mark.parametrize(
    "text", ["5", r"\sum_{k=1}^{n} k", r"\{x : x > 2\}", r"\left(x = 1\right)", r"\lim_{x \to 0} x"]
)
def test_signs_inside_of_brackets_make_no_relation(text):
    assert read_relation(tidy(text)) is None


@pytest.mark.parametrize("side", ["x", "a_n", "AB", "f(x)", r"\theta", r"\text{Area}", "y'", "S_{10}"])
def test_names(side):
    assert is_name(side)


@pytest.mark.parametrize("side", ["2x", "x + 1", "|x|", r"\pi", "x^2", "5", "ABCD"])
def test_what_is_no_name(side):
    assert not is_name(side)


@pytest.mark.parametrize(
    "side", ["x", "a + b", "xy", r"\frac{a}{b}", "m - n", r"\tan A", "2 + 3", "|AB|", r"\log_2 8", "f(3)"]
)
def test_quantities_that_may_be_asked_for(side):
    assert is_quantity(side)


@pytest.mark.parametrize("side", ["x + 2", "2x", "|x|", "x^2", "3x + 4y", "n!", r"\sqrt{x}", "2a + b"])
def test_sides_that_tell_an_unknown(side):
    assert not is_quantity(side)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x = 5", "5"),
        ("5 = x", "5"),
        ("S = 2 + 2 = 4", "4"),
        ("2 + 2 = 4", "4"),
        ("2 + 2 = 5", None),
        ("x + 2 = 5", None),
        ("2x = 5", None),
        ("x > 5", None),
        ("x = ", None),
        ("3x + 4y + 14 = 0", None),
    ],
)
def test_the_value_that_an_equation_tells(text, value):
    assert told_value(read_relation(text)) == value


def region(text: str):
    found = read_region(tidy(text))
    return found and found.region


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x > 2", r"(2, \infty)", True),
        (r"x \ge 2", r"(2, \infty)", False),
        (r"1 < x \le 3", "(1, 3]", True),
        ("2x > 4", "x > 2", True),
        ("-x < -2", "x > 2", True),
        ("|x| < 2", "(-2, 2)", True),
        ("|x - 1| > 2", r"(-\infty, -1) \cup (3, \infty)", True),
        (r"x \ne 2", r"\mathbb{R} \setminus \{2\}", True),
        (r"(0, 1) \cup (1, 2)", r"(0, 2) \setminus \{1\}", True),
        (r"[0, 2) \cap [1, 3)", "[1, 2)", True),
        (r"(0, 1] \cup (1, 2)", "(0, 2)", True),
        (r"\{1, 2\}", r"\{2, 1\}", True),
        (r"\mathbb{R}^+", r"(0, \infty)", True),
        (r"\{x : x > 2\}", r"\{y \mid y > 2\}", True),
        (r"\left(\frac12, \sqrt2\right)", r"\frac{1}{2} < t < \sqrt{2}", True),
    ],
)
def test_sets_of_real_numbers(one, other, same):
    assert same_region(region(one), region(other)) is same


@pytest.mark.parametrize("text", ["(a, b)", "x^2 > 4", "x > y", "(3, 1)", "7", "A", r"\{1, a\}", ""])
def test_what_is_no_set_of_real_numbers_here(text):
    assert read_region(text) is None


ENDS = st.integers(-9, 9)
INTERVALS = st.tuples(ENDS, ENDS, st.sampled_from("(["), st.sampled_from(")]")).map(
    lambda t: f"{t[2]}{min(t[:2])}, {max(t[:2]) + 1}{t[3]}"
)
REGIONS = st.lists(INTERVALS, min_size=1, max_size=4).map(r" \cup ".join)


def holds_at(found, place: float) -> bool:
    return any(
        (low < place or (low == place and has_low)) and (place < high or (place == high and has_high))
        for low, has_low, high, has_high in found
    )


@pytest.mark.slow
@given(REGIONS, REGIONS)
def test_unions_intersections_and_complements_hold_what_they_should(one, other):
    a, b = region(one), region(other)
    for half in range(-22, 24):
        place = half / 2
        assert holds_at(union(a, b), place) == (holds_at(a, place) or holds_at(b, place))
        assert holds_at(intersection(a, b), place) == (holds_at(a, place) and holds_at(b, place))
        assert holds_at(complement(a), place) != holds_at(a, place)
    assert same_region(complement(complement(a)), a)
    assert same_region(union(a, complement(a)), everything())
