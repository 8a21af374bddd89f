"""Words behind numbers, numerals of other bases, spoken numbers, measures in two units."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.grade.quantities.bases import Numeral, bare_numeral, read_numeral, same_numeral
from lorr_bench.grade.quantities.compound import as_one_measure
from lorr_bench.grade.quantities.scales import Tail, contrary, read_tail, without_counter
from lorr_bench.grade.quantities.spoken import read_spoken


@pytest.mark.parametrize(
    ("text", "numeral"),
    [
        ("413_5", ("413", 5)),
        ("413_{5}", ("413", 5)),
        (r"1011_{\text{two}}", ("1011", 2)),
        ("(413)_5", ("413", 5)),
        ("2A_{16}", ("2A", 16)),
        ("413 base 5", ("413", 5)),
        ("-12_3", ("-12", 3)),
        ("0012_3", ("12", 3)),
        ("x_1", None),
        ("A_1", None),
        ("413", None),
        ("12_1", None),
    ],
)
def test_numerals_of_other_bases(text, numeral):
    assert read_numeral(text) == (numeral and Numeral(*numeral))


@pytest.mark.parametrize(
    ("gold", "answer", "shown", "same"),
    [
        (("413", 5), ("413", 5), True, True),
        (("413", 5), ("413", 6), False, False),
        (("413", 5), ("414", 5), False, False),
        (("413", 5), ("413", None), False, True),
        (("413", 5), ("413", None), True, False),
        (("413", None), ("413", 5), True, True),
    ],
)
def test_numerals_are_the_same_by_digits_and_base(gold, answer, shown, same):
    assert same_numeral(Numeral(*gold), Numeral(*answer), shown=shown) == same


def test_digits_alone_have_no_base():
    assert bare_numeral("0413") == Numeral("413", None)
    assert bare_numeral("4.1.3") is None


@pytest.mark.parametrize(
    ("words", "tail"),
    [
        ("apples", (1, "apples")),
        ("million", (10**6, None)),
        ("thousand dollars", (1000, "dollars")),
        ("dozen eggs", (12, "eggs")),
        ("halves", (Fraction(1, 2), None)),
        ("thirds", (Fraction(1, 3), None)),
        ("hundred thousand", (10**5, None)),
        ("th", (1, None)),
        ("min", (1, "min")),
        ("or more", None),
        ("at least", None),
        ("less than x", None),
        ("remainder", None),
        ("pi", None),
    ],
)
def test_what_the_words_behind_a_number_say(words, tail):
    assert read_tail(words) == (tail and Tail(Fraction(tail[0]), tail[1]))


def test_words_that_exclude_each_other():
    assert contrary("am", "pm")
    assert contrary("km north", "km south")
    assert not contrary("am", None)
    assert not contrary("apples", "pears")


@pytest.mark.parametrize(
    ("text", "number"),
    [("42个", "42"), (r"5\text{元}", "5"), ("5 厘米", "5"), ("5万", r"5 \times 10000"), ("42", "42")],
)
def test_counting_words_of_other_scripts(text, number):
    assert without_counter(text) == number


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("nine", 9),
        ("twenty-five", 25),
        ("three hundred", 300),
        ("two thousand forty", 2040),
        ("one half", Fraction(1, 2)),
        ("three quarters", Fraction(3, 4)),
        ("a third", Fraction(1, 3)),
        ("minus four", -4),
        ("zero", 0),
        ("nine ten", None),
        ("hundred", None),
        ("apples", None),
        ("five apples", None),
        ("", None),
    ],
)
def test_spoken_numbers(words, value):
    assert read_spoken(words) == value


ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@pytest.mark.slow
@given(st.integers(1, 9), st.integers(2, 9), st.integers(1, 9))
def test_a_number_of_three_digits_spoken(hundreds, tens, ones):
    words = f"{ONES[hundreds]} hundred {TENS[tens - 2]}-{ONES[ones]}"
    assert read_spoken(words) == 100 * hundreds + 10 * tens + ones


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("3 hours 30 minutes", r"\frac{210}{1} \text{ minutes}"),
        (r"5\text{ ft }6\text{ in}", r"\frac{66}{1} \text{ in}"),
        ("1 km, 20 m and 5 cm", r"\frac{102005}{1} \text{ cm}"),
        ("3 hours", None),
        ("30 minutes 3 hours", None),
        ("3 hours 30 apples", None),
        ("3 hours 30 cm", None),
        ("x hours", None),
    ],
)
def test_measures_in_several_units(text, measure):
    assert as_one_measure(text) == measure
