"""Numbers as printed, and texts that must not become anything else."""

from __future__ import annotations

import math

import pytest

from lorr_bench.report import formatting


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (formatting.percent(0.6134), "61.3"),
        (formatting.percent(0.9614999999999998), "96.2"),  # 0.9615, added up in another order
        (formatting.points(0.01250000000000002), "+1.2"),  # likewise 0.0125
        (formatting.points(0.0125), "+1.2"),
        (formatting.percent(math.nan), "–"),
        (formatting.with_deviation(0.613, 0.012), "61.3 ± 1.2"),
        (formatting.with_deviation(0.613, math.nan), "61.3"),
        (formatting.with_deviation(math.nan, 0.1), "–"),
        (formatting.points(0.123), "+12.3"),
        (formatting.points(-0.04), "\N{MINUS SIGN}4.0"),
        (formatting.points(-0.0001), "0.0"),
        (formatting.points(math.nan), "–"),
        (formatting.interval("1.0", "2.0"), "[1.0, 2.0]"),
        (formatting.interval("–", "–"), ""),
        (formatting.ratio(3), "3.00×"),
        (formatting.quantity("prompts", 1248.0), "1,248"),
        (formatting.quantity("wall_seconds", 3.36), "3.4"),
        (formatting.quantity("peak_memory_bytes", 3 * 2**30), "3.00 GiB"),
        (formatting.quantity("flops", 9.216e10), "9.22e+10"),
        (formatting.quantity("flops", math.nan), "–"),
        (formatting.decimals(2)(-33.456), "\N{MINUS SIGN}33.46"),
        (formatting.decimals(2)(math.nan), "–"),
        (formatting.value_range("1", "1"), "1"),
        (formatting.value_range("1", "2"), "1 to 2"),
        (formatting.seconds(1234.56), "1,234.6"),
        (formatting.count_range([3, 3]), "3"),
        (formatting.count_range([3, 2, 0]), "2–3"),
        (formatting.count_range([0]), "–"),
        (formatting.counted([2, 3, 0], "seed"), "2–3 seeds"),
        (formatting.counted([1.0], "seed"), "1 seed"),
        (formatting.counted([0], "seed"), ""),
        (formatting.p_value(0.0004), "< 0.001"),
        (formatting.p_value(0.0124), "0.012"),
        (formatting.p_value(0.0995), "0.10"),
        (formatting.p_equation(0.0124), "p = 0.012"),
        (formatting.p_equation(0.0004), "p < 0.001"),
        (formatting.detectable(0.25), "25.0"),
        (formatting.detectable(1.0), "100.0"),
        (formatting.detectable(1.01), "over 100"),
        (formatting.first_of(["a", "b", "c"], 2), "a; b; and 1 more"),
        (formatting.first_of(["a", "b"], 2), "a; b"),
        (formatting.cut("abcde", 5), "abcde"),
        (formatting.cut("abcdef", 5), "abcd…"),
        (formatting.plural("1", "seed"), "1 seed"),
        (formatting.plural("2–3", "seed"), "2–3 seeds"),
    ],
)
def test_numbers(found: str, expected: str) -> None:
    assert found == expected


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_shielded(text: str) -> None:
    assert formatting.csv_text(text) == f"'{text}"


def test_other_texts_are_left_alone() -> None:
    assert formatting.csv_text("dpo+plain") == "dpo+plain"


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
    assert formatting.markdown_text(text) == expected


def test_a_cell_does_not_begin_a_line() -> None:
    assert formatting.markdown_cell("+6.4") == "+6.4"
    assert formatting.markdown_cell("# |") == r"# \|"


def test_control_characters_are_made_visible_in_markdown() -> None:
    shown = formatting.markdown_text("a\x07b\u202ec")
    assert (shown[0], shown[-1]) == ("a", "c")
    assert shown.isprintable()
