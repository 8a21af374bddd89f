"""Quantities in words."""

import pytest

from lorr_bench.quantities import GIB, count_text, duration_text, gibibytes, roughly, size_text, speed_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (75, "1 min 15 s"), (3600, "1 h 0 min"), (7322, "2 h 2 min")],
)
def test_a_duration_has_the_units_that_it_needs(seconds, text):
    assert duration_text(seconds) == text


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
    assert speed_text(speed) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1010 * 2**20, "1010 MiB"),
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1 KiB"),
        (3 * GIB // 2, "1.5 GiB"),
        (1 << 40, "1 TiB"),
    ],
)
def test_sizes_have_units_of_1024(number, text):
    assert size_text(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (999, "999"), (17920, "17.9 k"), (6.39e9, "6.39 B")])
def test_counts_are_short(number, text):
    assert count_text(number) == text


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [(GIB // 2, ".1f", "0.5 GiB"), (2048 * GIB, ".3g", "2.05e+03 GiB"), (140 * GIB, ".0f", "140 GiB")],
)
def test_what_is_compared_has_one_unit(number, form, text):
    assert gibibytes(number, form) == text
