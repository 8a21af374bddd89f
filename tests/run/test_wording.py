"""Texts and numbers as a terminal or a log may show them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.run.wording import indented, one_line, roughly, spoken, spoken_speed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (75, "1 min 15 s"), (3600, "1 h 0 min"), (7322, "2 h 2 min")],
)
def test_spoken(seconds, text):
    assert spoken(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"),
        (42.4, "42 s"),
        (59.9, "60 s"),
        (100, "2 min"),
        (3599, "1 h 0 min"),
        (7800, "2 h 10 min"),
        (172800, "2 d 0 h"),
        (273600, "3 d 4 h"),
    ],
)
def test_an_estimate_is_as_exact_as_it_deserves(seconds, text):
    assert roughly(seconds) == text


@pytest.mark.parametrize(("speed", "text"), [(5432.1, "5,432"), (10, "10"), (9.96, "10.0"), (0.31, "0.3")])
def test_a_slow_speed_has_a_decimal(speed, text):
    assert spoken_speed(speed) == text


@given(st.text())
def test_a_line_holds_no_control_character(text):
    assert {"Cc", "Cs", "Zl", "Zp"}.isdisjoint(map(unicodedata.category, one_line(text)))


def test_a_terminal_escape_is_seen():
    assert one_line("a\x1b[31m\r\nb") == "a⟨U+001B⟩[31m b"


def test_further_lines_of_a_reason_are_indented():
    assert indented("it broke\n\n  see the log\x07\n") == "it broke\n      see the log⟨U+0007⟩"
