"""Cells: numbers as printed, and texts that must not become anything else."""

from __future__ import annotations

import math

import pytest

from lorr_bench.report import cells


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (cells.percent(0.6134), "61.3"),
        (cells.percent(math.nan), "–"),
        (cells.with_deviation(0.613, 0.012), "61.3 ± 1.2"),
        (cells.with_deviation(0.613, math.nan), "61.3"),
        (cells.with_deviation(math.nan, 0.1), "–"),
        (cells.points(0.123), "+12.3"),
        (cells.points(-0.04), "\N{MINUS SIGN}4.0"),
        (cells.points(-0.0001), "0.0"),
        (cells.points(math.nan), "–"),
        (cells.span("1.0", "2.0"), "[1.0, 2.0]"),
        (cells.span("–", "–"), ""),
        (cells.ratio(3), "3.00×"),
        (cells.quantity("prompts", 1248.0), "1,248"),
        (cells.quantity("wall_seconds", 3.36), "3.4"),
        (cells.quantity("peak_memory_bytes", 3 * 2**30), "3.00 GiB"),
        (cells.quantity("flops", 9.216e10), "9.22e+10"),
        (cells.quantity("flops", math.nan), "–"),
        (cells.decimals(2)(-33.456), "\N{MINUS SIGN}33.46"),
        (cells.decimals(2)(math.nan), "–"),
        (cells.either("1", "1"), "1"),
        (cells.either("1", "2"), "1 to 2"),
        (cells.seconds(1234.56), "1,234.6"),
        (cells.count_range([3, 3]), "3"),
        (cells.count_range([3, 2, 0]), "2–3"),
        (cells.count_range([0]), "–"),
        (cells.plural("1", "seed"), "1 seed"),
        (cells.plural("2–3", "seed"), "2–3 seeds"),
    ],
)
def test_numbers(found: str, expected: str) -> None:
    assert found == expected


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_shielded(text: str) -> None:
    assert cells.csv_text(text) == f"'{text}"


def test_other_texts_are_left_alone() -> None:
    assert cells.csv_text("dpo+plain") == "dpo+plain"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("two\nlines", "two lines"),
        ("<script>", "&lt;script&gt;"),
        ("dpo+no_reset", "dpo+no_reset"),
        ("_x_ *y* `z`", r"\_x\_ \*y\* \`z\`"),
        ("[a](b)", r"\[a\](b)"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("\\|", r"\\\|"),
    ],
)
def test_markdown_is_shown_as_it_is(text: str, expected: str) -> None:
    assert cells.markdown_text(text) == expected


def test_a_cell_does_not_begin_a_line() -> None:
    assert cells.markdown_cell("+6.4") == "+6.4"
    assert cells.markdown_cell("# |") == r"# \|"


def test_control_characters_are_made_visible_in_markdown() -> None:
    shown = cells.markdown_text("a\x07b\u202ec")
    assert (shown[0], shown[-1]) == ("a", "c")
    assert shown.isprintable()
