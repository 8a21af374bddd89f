"""Scales, texts that fit and the choice of arms: what every figure rests on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from figure_checks import legibility
from hypothesis import given
from hypothesis import strategies as st
from synthetic_results import make_methods_results, make_results

from lorr_bench.report.figures.arm_styles import ArmStyles
from lorr_bench.report.figures.canvas.panels import Grid
from lorr_bench.report.figures.canvas.scales import Scale
from lorr_bench.report.figures.canvas.text_fit import (
    number_text,
    text_width,
    truncated,
    truncated_apart,
    two_lines,
    wrapped,
)
from lorr_bench.report.figures.drawing import Header, add_header, blank_figure
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.study import Study

POSITIVE = st.floats(1e-3, 1e15)
NAMES = st.text("abcdefghij_-+ ", min_size=1, max_size=60)


@pytest.mark.parametrize(("high", "log"), [(5.9, False), (6.0, True), (1e9, True)])
def test_a_scale_is_logarithmic_from_a_factor_of_six(high: float, log: bool) -> None:
    assert Scale.over([high, 2.0, 1.0]).log is log


def test_a_scale_can_be_told_to_be_logarithmic() -> None:
    assert Scale.over([1.0, 2.0], log=True).log


@pytest.mark.slow
@given(st.lists(POSITIVE, min_size=1, max_size=20), st.booleans())
def test_limits_hold_all_values(values: list[float], log: bool) -> None:
    low, high = Scale.over(values, log=log).limits
    assert low < min(values) <= max(values) < high


@pytest.mark.slow
@given(st.lists(POSITIVE, min_size=1, max_size=20), st.floats(1.0, 6.0))
def test_ticks_lie_within_the_limits(values: list[float], width: float) -> None:
    scale = Scale.over(values)
    low, high = scale.limits
    assert all(low <= tick <= high for tick in scale.ticks(width))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (4, 96, [5, 10, 20, 50, 100]),
        (1, 1e6, [1, 10, 100, 1e3, 1e4, 1e5, 1e6]),
        (20, 100, [20, 40, 60, 80, 100]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert Scale.over([low, high]).ticks(4.0) == pytest.approx(ticks)


def test_a_narrow_axis_has_fewer_ticks() -> None:
    scale = Scale.over([1e9, 1e14])
    assert 1 <= len(scale.ticks(1.2)) < len(scale.ticks(6.0))


def test_of_crowded_ticks_the_largest_keep_their_numbers() -> None:
    scale = Scale.over([64.0, 1024.0], log=True)
    assert scale.spaced([64, 128, 1000, 1024], 3.0) == [1024, 128, 64]
    assert scale.spaced([], 3.0) == []


@pytest.mark.slow
@given(st.lists(st.sampled_from([1.0, 2.0, 5.0, 9.0]), min_size=1, max_size=30), st.booleans())
def test_equal_values_stand_beside_each_other_in_their_order(values: list[float], log: bool) -> None:
    scale = Scale.over(values, log=log)
    places = scale.side_by_side(values)
    low, high = scale.limits
    assert all(low <= place <= high for place in places)
    for value in set(values):
        own = [place for place, other in zip(places, values, strict=True) if other == value]
        assert own == sorted(own)
        assert len(set(own)) == len(own)
        assert own[0] <= value * (1 + 1e-9)
        assert own[-1] >= value * (1 - 1e-9)


@pytest.mark.slow
@given(st.lists(POSITIVE, min_size=1, max_size=10, unique=True))
def test_values_that_differ_stay_where_they_are(values: list[float]) -> None:
    assert Scale.over(values, log=False).side_by_side(values).tolist() == values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1500, "1,500"),
        (0.25, "0.25"),
        (-2, f"{MINUS}2"),
        (2e10, "2×10¹⁰"),
        (1e12, "10¹²"),
        (1e-7, "10⁻⁷"),
        (2.5e-4, "2.5×10⁻⁴"),
        (7.37e11, "7.37×10¹¹"),
        (999999, "999,999"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number_text(value) == text


def test_wider_letters_and_larger_sizes_are_wider() -> None:
    assert text_width("mm", 8) > text_width("ii", 8)
    assert text_width("mm", 16) == pytest.approx(2 * text_width("mm", 8))
    assert text_width("mm", 8, bold=True) > text_width("mm", 8)


@pytest.mark.slow
@given(NAMES, st.floats(0.4, 5.0))
def test_a_shortened_text_fits(text: str, max_width: float) -> None:
    cut = truncated(text, max_width, 8)
    assert text_width(cut, 8) <= max_width
    assert cut == text or (text[0] == cut[0] and "…" in cut)


@pytest.mark.slow
@given(NAMES, st.floats(0.6, 5.0))
def test_a_name_takes_at_most_two_lines_that_fit(text: str, max_width: float) -> None:
    lines = two_lines(text, max_width, 8)
    assert 1 <= len(lines) <= 2
    assert all(text_width(line, 8) <= max_width for line in lines)


def test_a_name_is_broken_after_a_sign() -> None:
    max_width = text_width("native_rejection_", 8)
    assert two_lines("native_rejection_sampling", max_width, 8) == ["native_rejection_", "sampling"]


@pytest.mark.slow
@given(st.lists(st.text("abcdef", min_size=1, max_size=12), min_size=1, max_size=20), st.floats(0.5, 5.0))
def test_wrapped_lines_fit_and_keep_the_words(words: list[str], max_width: float) -> None:
    lines = wrapped(" ".join(words), max_width, 8)
    assert all(text_width(line, 8) <= max_width for line in lines)
    assert len(" ".join(lines).split(" ")) == len(words)


def test_a_long_title_is_broken_and_not_cut() -> None:
    arms = "dpo+attention_end 85.0 %, dpo+attention_thirds 84.7 % at 1,024 pairs"
    header = Header(f"{arms}: equivalent within ±2.0 points", ("10 seeds × 1,000 problems",))
    figure = blank_figure(header.height)
    add_header(figure, header)
    first, second, note = (text.get_text() for text in figure.texts)
    assert f"{first} {second}" == header.title
    found = legibility(figure)
    assert (note, found.overlapping, found.cut_off) == (header.notes[0], (), ())


def test_texts_that_differ_in_the_middle_can_be_told_apart() -> None:
    texts = ["long-beginning+plain-and-a-long-end", "long-beginning+lorr-and-a-long-end"]
    max_width = text_width("long-b…ng-end", 8)
    assert len({truncated(text, max_width, 8) for text in texts}) == 1
    first, second = truncated_apart(texts, max_width, 8)
    assert first != second
    assert max(text_width(first, 8), text_width(second, 8)) <= max_width


def test_a_text_is_cut_no_further_than_needed() -> None:
    assert truncated_apart(["abc", "abd"], 1.0, 8) == ["abc", "abd"]
    assert truncated("abcdefghij", 0.0, 8) == "a…"


def test_plugins_differ_in_colour_marker_or_dash() -> None:
    arms = tuple(f"dpo+p{number}" for number in range(24))
    arm_styles = ArmStyles(Study(make_results(arms=arms, baselines=dict.fromkeys(arms, arms[0]))))
    looks = {
        (str(style["color"]), style["marker"], str(style["linestyle"]))
        for style in map(arm_styles.style, arms)
    }
    assert len(looks) == 24


def test_the_first_plugins_differ_without_colour() -> None:
    arms = tuple(f"dpo+p{number}" for number in range(8))
    arm_styles = ArmStyles(Study(make_results(arms=arms, baselines=dict.fromkeys(arms, arms[0]))))
    assert len({arm_styles.style(arm)["marker"] for arm in arms}) == 8
    dashes = [str(arm_styles.style(arm)["linestyle"]) for arm in arms]
    assert all(one != other for one, other in pairwise(dashes))


def test_all_arms_are_chosen_where_there_are_few() -> None:
    results = make_results()
    found = ArmStyles(Study(results)).first(30, 8)
    assert (found.arms, found.note) == (tuple(results.arms), "")


def test_the_first_methods_and_plugins_are_chosen() -> None:
    found = ArmStyles(Study(make_methods_results())).first(2, 1)
    assert found.arms == ("dpo+plain", "ipo+plain")
    assert found.methods == ("dpo", "ipo")
    told = "Drawn: 2 of 52 arms, those of the suite's first 2 methods and first 1 plug-ins."
    assert found.note == told


@pytest.mark.slow
def test_a_legend_names_arms_or_of_several_methods_plugins() -> None:
    assert list(ArmStyles(Study(make_results())).legend(["dpo+plain", "dpo+lorr"])) == [
        "dpo+plain",
        "dpo+lorr",
    ]
    many = ArmStyles(Study(make_methods_results())).legend(["dpo+plain", "ipo+plain", "ipo+lorr"])
    assert many == {"plain": "dpo+plain", "lorr": "ipo+lorr"}


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (12, 3), (13, 5), (30, 5)])
def test_more_panels_stand_in_more_columns(panels: int, columns: int) -> None:
    grid = Grid.for_panels(panels)
    assert grid.columns == columns
    assert grid.width > 0.7
