from __future__ import annotations

from fractions import Fraction
from math import isclose, pi, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorr_bench.grade import Policy, worker
from lorr_bench.grade.quantities.numerals import same_number
from lorr_bench.grade.quantities.radicals import Radical, read_radical


@pytest.mark.parametrize(
    ("text", "factor", "radicand", "power"),
    [
        ("7", 7, 1, 0),
        (r"\sqrt{8}", 2, 2, 0),
        (r"11\sqrt2", 11, 2, 0),
        (r"-2 \pi", -2, 1, 1),
        (r"\frac{3\sqrt{3}}{4}", "3/4", 3, 0),
        (r"\frac{1}{\sqrt{3}}", "1/3", 3, 0),
        (r"\frac{\sqrt{6}}{\sqrt{3}}", 1, 2, 0),
        (r"-\frac{-\pi}{6}", "1/6", 1, 1),
        (r"\frac{2}{7} \sqrt{53}", "2/7", 53, 0),
        (r"\frac{20000}{\pi}", 20000, 1, -1),
        (r"0\sqrt{5}\pi", 0, 1, 0),
        (r"\sqrt{0}", 0, 1, 0),
        (r"3\sqrt{0}", 0, 1, 0),
    ],
)
def test_products_of_integers_roots_and_pi(text, factor, radicand, power):
    assert read_radical(text) == Radical(Fraction(factor), radicand, power)


@pytest.mark.parametrize(
    "text",
    ["", "-", "x", "2.5", r"\frac{1}{0}", r"\frac{}{2}", r"\frac{1}{}", r"1 + \sqrt{2}", r"\sqrt[3]{2}", r"\sqrt{-4}", r"\sqrt{2}\sqrt{3}", r"\pi^2"],
)  # fmt: skip
def test_what_is_left_to_algebra(text):
    assert read_radical(text) is None


def test_a_surd_is_multiplied_by_surds_only():
    with pytest.raises(TypeError):
        read_radical("2") * "x"


NUMBER = st.integers(1, 60)
PRODUCTS = st.tuples(NUMBER, NUMBER, st.sampled_from(["", r"\pi"])).map(
    lambda p: (rf"{p[0]}\sqrt{{{p[1]}}}{p[2]}", p[0] * sqrt(p[1]) * (pi if p[2] else 1))
)


@pytest.mark.slow
@given(PRODUCTS, PRODUCTS)
def test_the_value_of_a_quotient(over, under):
    radical = read_radical(rf"-\frac{{{over[0]}}}{{{under[0]}}}")
    value = float(radical.factor) * sqrt(radical.radicand) * pi**radical.power
    assert isclose(value, -over[1] / under[1], rel_tol=1e-12)


SURDS = st.tuples(
    st.integers(1, 6), st.integers(1, 12), st.sampled_from(["", r"\pi"]), st.integers(1, 6)
).map(lambda s: rf"\frac{{{s[0]}\sqrt{{{s[1]}}}{s[2]}}}{{{s[3]}}}")


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(SURDS, SURDS)
def test_the_exact_path_agrees_with_algebra(gold, answer):
    values = [worker.read_part(text).number for text in (gold, answer)]
    assert (read_radical(gold) == read_radical(answer)) == same_number(*values, Policy(rounding="none"))
