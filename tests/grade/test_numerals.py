from __future__ import annotations

from fractions import Fraction

import math_verify
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lorr_bench.grade import Policy, worker
from lorr_bench.grade.notation.tidy import tidy
from lorr_bench.grade.quantities.numerals import Number, read_number, same_number, split_percent, split_unit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("+2", 2),
        ("- 7", -7),
        ("007", 7),
        ("1,234,567", 1_234_567),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("-0.875", Fraction(-7, 8)),
        ("1e3", 1000),
        ("1.6e-4", Fraction(16, 100_000)),
        (r"1.6 \times 10^{4}", 16_000),
        (r"1.6 \cdot 10^4", 16_000),
        ("10^{-2}", Fraction(1, 100)),
        ("-10^3", -1000),
        ("2 5", 25),
        ("- 1 0", -10),
        ("12 345", 12_345),
        ("7/12", Fraction(7, 12)),
        (r"-\frac{5}{4}", Fraction(-5, 4)),
        (r"\frac{-5}{4}", Fraction(-5, 4)),
        (r"\frac43", Fraction(4, 3)),
        (r"\frac 59", Fraction(5, 9)),
        (r"1\frac{4}{5}", Fraction(9, 5)),
        (r"-1\frac{1}{2}", Fraction(-3, 2)),
        ("3 1/4", Fraction(13, 4)),
        (r"0.\overline{6}", Fraction(2, 3)),
        (r"-1.2\overline{3}", Fraction(-37, 30)),
        (r"\text{three}", 3),
    ],
)
def test_numbers_that_are_read_exactly(text, value):
    assert read_number(text) == Number(Fraction(value), *_shown(text))


def _shown(text):
    """Step and digits of the decimals above, by hand."""
    by_hand = {
        ".5": ("0.1", 1),
        "5.": ("0", 0),
        "-0.875": ("0.001", 3),
        "1e3": ("1000", 1),
        "1.6e-4": ("0.00001", 2),
        r"1.6 \times 10^{4}": ("1000", 2),
        r"1.6 \cdot 10^4": ("1000", 2),
    }
    step, digits = by_hand.get(text, ("0", 0))
    return Fraction(step), digits


@pytest.mark.parametrize(
    "text",
    ["", "-", ".", "x", "2x", "1,23", "1.2.3", "1/0", r"\frac{1}{0}", r"1\frac{-1}{2}", "10^{9999}", "9" * 61, "2^3", "3:4", "52_8", "1e9999", r"\pi", "1 " * 20 + "1"],
)  # fmt: skip
def test_what_is_left_to_algebra(text):
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "value", "percent", "unit"),
    [
        (r"5\text{ cm}", 5, False, "cm"),
        (r"864 \mbox{ inches}^2", 864, False, "inches^2"),
        (r"1.5 \mathrm{~kg}", Fraction(3, 2), False, "kg"),
        ("5 cm", 5, False, "cm"),
        ("5cm", 5, False, "cm"),
        ("72 apples", 72, False, "apples"),
        (r"90^\circ", 90, False, "degree"),
        (r"90^{\circ}", 90, False, "degree"),
        (r"\$18.90", Fraction(189, 10), False, "dollar"),
        ("50%", 50, True, None),
        ("50 percent", 50, True, None),
        (r"8 \text{ percent}", 8, True, None),
    ],
)
def test_a_number_keeps_its_sign_and_unit(text, value, percent, unit):
    number = read_number(tidy(text))
    assert number is not None
    assert (number.value, number.percent, number.unit) == (value, percent, unit)


def test_a_lone_letter_is_a_unit_only_where_that_is_asked_for():
    assert read_number("5 m") is None
    assert read_number("5m", letter_units=True).unit == "m"
    assert read_number("5x", letter_units=True) is None


@pytest.mark.parametrize(
    ("text", "core", "unit"),
    [
        (r"12\pi \text{ cm}^2", r"12\pi", "cm^2"),
        (r"600 \text{ km}/\text{h}", "600", "km/h"),
        (r"\text{Evelyn}", r"\text{Evelyn}", None),
        (r"52_{\text{eight}}", r"52_{\text{eight}}", None),
        (r"\sin 30^\circ", r"\sin 30^\circ", None),
    ],
)
def test_a_unit_is_split_off(text, core, unit):
    assert split_unit(text) == (core, unit)


def test_a_percent_sign_alone_is_no_percentage():
    assert split_percent("%") == ("%", False)


PLAIN_NUMBERS = (
    st.integers(-(10**6), 10**6).map(str)
    | st.integers(-(10**9), 10**9).map("{:,}".format)
    | st.decimals(-1000, 1000, places=3).map(str)
    | st.tuples(st.integers(-500, 500), st.integers(1, 9)).map(lambda f: rf"\frac{{{f[0]}}}{{{f[1]}}}")
    | st.tuples(st.integers(-500, 500), st.integers(1, 9)).map(lambda f: f"{f[0]}/{f[1]}")
    | st.tuples(st.integers(1, 50), st.integers(1, 8)).map(lambda f: rf"{f[0]}\frac{{{f[1]}}}{{9}}")
)
NUMBERS = PLAIN_NUMBERS | st.tuples(st.decimals(1, 9, places=2), st.integers(0, 9)).map(
    lambda f: rf"{f[0]} \times 10^{{{f[1]}}}"
)


@st.composite
def writings(draw, numbers):
    """A number as text, and another number or the same one written anew."""
    text = draw(numbers)
    if draw(st.booleans()):
        return text, draw(numbers)
    value = read_number(text).value
    return text, rf"\frac{{{value.numerator}}}{{{value.denominator}}}" if draw(st.booleans()) else f"{text}"


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(NUMBERS)
def test_a_number_is_what_math_verify_reads(text):
    """A decimal is a float there, good to fifteen digits."""
    ours = read_number(text).value
    found = worker.parse(rf"\boxed{{{text}}}")
    theirs = worker._evaluated(found[0]).value
    assert abs(ours - theirs) <= Fraction(1, 10**14) * abs(ours)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(writings(PLAIN_NUMBERS))
def test_the_exact_path_agrees_with_math_verify(pair):
    """Numbers further apart than the sixth decimal, to which Math-Verify rounds floats; none times a power of
    ten, which it multiplies as floats and then takes for another number (1.18 times 10 for 59/5).
    """
    gold, answer = pair
    mine, other = read_number(gold), read_number(answer)
    difference = abs(mine.value - other.value)
    assume(difference == 0 or difference > Fraction(1, 10**6))
    parsed = [math_verify.parse(rf"\boxed{{{text}}}", parsing_timeout=None) for text in pair]
    expected = math_verify.verify(*parsed, timeout_seconds=None)
    assert same_number(mine, other, Policy(rounding="none")) == expected


POLICIES = st.builds(
    Policy,
    percent=st.sampled_from(["either", "fraction", "number"]),
    units=st.sampled_from(["agree", "ignore"]),
    rounding=st.sampled_from(["shown", "none"]),
    tolerance=st.sampled_from([0.0, 0.01]),
)
ENDINGS = st.sampled_from(["", r"\%", r" \text{ cm}", r" \text{ m}", r" \text{ apples}"])


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(writings(NUMBERS), ENDINGS, ENDINGS, POLICIES)
def test_the_exact_path_agrees_with_algebra_under_every_policy(pair, end, other_end, policy):
    r"""``+ \pi - \pi`` changes nothing but that algebra must read the number."""
    gold, answer = tidy(pair[0] + end), tidy(pair[1] + other_end)
    exact = same_number(read_number(gold), read_number(answer), policy)
    assume(read_number(answer).digits == 0)  # algebra does not see how many digits were shown
    by_algebra = worker.judge(gold, rf"{pair[1]} + \pi - \pi{other_end}", policy)
    assert by_algebra[0] == ("equal" if exact else "different")


@pytest.mark.slow
@given(st.fractions(-100, 100), st.integers(3, 8))
def test_a_rounded_gold_number_stands_for_what_rounds_to_it(value, places):
    """Also where it lies half-way between two."""
    gold = f"{float(round(value, places)):.{places}f}"
    assume(len(gold.replace("-", "").replace(".", "").lstrip("0")) >= 3)
    number = Number(value)
    assert same_number(read_number(gold), number, Policy())
    off = Number(value + Fraction(2, 10**places))
    assert not same_number(read_number(gold), off, Policy())
