"""Sweeps: best, worst near it and area along a line, differences of areas, by hand; and what is drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from computed import comparison_of
from figure_checks import heights, legibility, segments, texts
from synthetic_results import make_results, score

from lorr_bench.report.contents import compute
from lorr_bench.report.figures.drawing import Drawing
from lorr_bench.report.figures.figure_data import figure_data
from lorr_bench.report.figures.sweep import draw_sweep
from lorr_bench.report.formats.page import html_page
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.study import Study
from lorr_bench.report.tables.sweep import (
    sweep_difference_frame,
    sweep_difference_table,
    sweep_frame,
    sweep_table,
    value_text,
)
from lorr_bench.stats import paired_difference, stratified_interval
from lorr_bench.values import START, Analysis, Contrast, Point, Results, Sweep, SweepLine

pytestmark = pytest.mark.slow

RATES = (1e-4, 2e-4, 8e-4)
RIGHT = {"lorr": (50, 60, 30), "no_reset": (50, 70, 10)}
"""Of 100 problems, with every seed."""


def arm(plugin: str, rate: float) -> str:
    return f"m{rate:g}+{plugin}"


def line(plugin: str, rates: tuple[float, ...] = RATES) -> SweepLine:
    return SweepLine(f"m*+{plugin}", tuple(arm(plugin, rate) for rate in rates), rates)


def answers(right: int, seed: int) -> list[int]:
    """So many right ones, at other problems with each seed."""
    return np.roll([1] * right + [0] * (100 - right), 7 * seed).tolist()


def swept(rates: tuple[float, ...] = RATES, budgets: tuple[int, ...] = (8,), **changes: Any) -> Results:
    arms = tuple(arm(plugin, rate) for rate in rates for plugin in RIGHT)
    points = [Point(name, budget, seed) for name in arms for budget in budgets for seed in range(3)]
    right = {arm(plugin, rate): row[n] for plugin, row in RIGHT.items() for n, rate in enumerate(rates)}
    scores = [score(at, "b", "math", "greedy", answers(right[at.arm], at.seed)) for at in points]
    analysis = Analysis(
        "b",
        "greedy",
        tuple(Contrast(arm("lorr", rate), arm("no_reset", rate)) for rate in rates),
        budgets=budgets,
        sweep=Sweep("learning_rate", (line("lorr", rates), line("no_reset", rates))),
    )
    values = {
        "arms": arms,
        "baselines": {name: f"{name.partition('+')[0]}+lorr" for name in arms},
        "scores": [score(START, "b", "math", "greedy", answers(20, 0)), *scores],
        "spends": {},
        "diagnostics": {},
        "analysis": analysis,
    }
    return make_results(**{**values, **changes})


def test_a_line_by_hand() -> None:
    row = sweep_frame(Study(swept())).iloc[0]
    assert (row["line"], row["setting"], row["unique_pairs"]) == ("m*+lorr", "learning_rate", 8)
    assert (row["values"], row["smallest"], row["largest"], row["log_scale"]) == (3, 1e-4, 8e-4, True)
    # log2 steps 1 and 2: (1 · 0.55 + 2 · 0.45) / 3
    assert row["area"] == pytest.approx((0.55 + 2 * 0.45) / 3)
    assert (row["best_value"], row["best"]) == (2e-4, pytest.approx(0.6))
    # 8e-4 is four times the best value, so only 1e-4 is near it.
    assert (row["worst_near_value"], row["worst_near"]) == (1e-4, pytest.approx(0.5))
    assert (row["seeds"], row["problems"]) == (3, 100)


def test_intervals_are_those_of_the_package() -> None:
    row = sweep_frame(Study(swept())).iloc[0]
    tables = [np.array([answers(right, seed) for seed in range(3)], dtype=float) for right in RIGHT["lorr"]]
    area = stratified_interval([np.tensordot(np.array([1, 3, 2]) / 6, np.array(tables), axes=1)])
    assert [row["area_low"], row["area_high"]] == pytest.approx([area.low, area.high])
    best = stratified_interval([tables[1]])
    assert [row["best_low"], row["best_high"]] == pytest.approx([best.low, best.high])


def test_a_difference_of_areas_by_hand() -> None:
    frame = sweep_difference_frame(Study(swept()))
    assert len(frame) == 1  # three contrasts name the same two lines
    row = frame.iloc[0]
    assert (row["treatment"], row["reference"]) == ("m*+lorr", "m*+no_reset")
    areas = (0.55 + 2 * 0.45) / 3, (0.6 + 2 * 0.4) / 3
    assert (row["treatment_area"], row["reference_area"]) == pytest.approx(areas)
    assert row["difference"] == pytest.approx(areas[0] - areas[1])
    weights = np.array([1, 3, 2]) / 6
    sides = (
        np.tensordot(
            weights, np.array([[answers(n, seed) for seed in range(3)] for n in RIGHT[name]]), axes=1
        )
        for name in ("lorr", "no_reset")
    )
    wanted = paired_difference(*sides)
    ends = [row["difference_low"], row["difference_high"]]
    assert ends == pytest.approx([wanted.low, wanted.high])


def test_lines_are_compared_over_the_values_that_both_have() -> None:
    """Without 8e-4 of the control the areas are the means of two values."""
    results = swept()
    kept = [one for one in results.scores if one.point.arm != arm("no_reset", 8e-4)]
    row = sweep_difference_frame(Study(replace(results, scores=kept))).iloc[0]
    assert (row["values"], row["largest"], row["log_scale"]) == (2, 2e-4, False)
    assert row["difference"] == pytest.approx(0.55 - 0.6)


@pytest.mark.parametrize("change", ["no sweep", "one value", "no shared seed", "no contrast"])
def test_what_has_no_line_has_no_row(change: str) -> None:
    results = swept()
    scores, analysis = results.scores, results.analysis
    assert analysis is not None
    if change == "no sweep":
        analysis = replace(analysis, sweep=None)
    elif change == "one value":
        scores = [one for one in scores if one.point.arm.startswith("m0.0001")]
    elif change == "no shared seed":
        seeds = {f"m{rate:g}": number for number, rate in enumerate(RATES)}
        scores = [one for one in scores if one.point.seed == seeds.get(one.point.arm.partition("+")[0])]
    else:
        analysis = replace(analysis, primary=(Contrast(arm("lorr", 2e-4), arm("lorr", 1e-4)),))
    study = Study(replace(results, scores=scores, analysis=analysis))
    assert sweep_difference_frame(study).empty
    assert sweep_frame(study).empty is (change != "no contrast")


@pytest.mark.parametrize("rates", [(0.0, 0.1, 0.3), (1.0, 10.0, 100.0)])
def test_nothing_is_near_where_no_other_value_is(rates: tuple[float, ...]) -> None:
    row = sweep_frame(Study(swept(rates))).iloc[0]
    assert math.isnan(row["worst_near"])
    assert sweep_table(sweep_frame(Study(swept(rates)))).rows[0][7].text == "–"


def test_three_times_the_best_value_is_near_in_spite_of_rounding() -> None:
    row = sweep_frame(Study(swept((1e-4, 3e-4, 9e-4)))).iloc[0]
    assert (row["worst_near_value"], row["worst_near"]) == (9e-4, pytest.approx(0.3))


def test_the_tables_for_reading() -> None:
    study = Study(swept())
    table = sweep_table(sweep_frame(study))
    assert [cell.text for cell in table.rows[0]] == [
        "m*+lorr",
        "8",
        "b · greedy",
        f"3 from 1e{MINUS}4 to 8e{MINUS}4",
        "48.3",
        f"2e{MINUS}4",
        "60.0",
        f"50.0 at 1e{MINUS}4",
        "3 × 100",
    ]
    (row,) = sweep_difference_table(sweep_difference_frame(study)).rows
    assert [cell.text for cell in row][:1] == [f"m*+lorr {MINUS} m*+no_reset"]
    assert [cell.text for cell in row][4:6] == ["48.3 and 46.7", "+1.7"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.5, "0.5"),
        (0.0, "0"),
        (2e-4, f"2e{MINUS}4"),
        (1.5e-5, f"1.5e{MINUS}5"),
        (3e6, "3e6"),
        (20, "20"),
    ],
)
def test_values_are_written_as_people_do(value: float, text: str) -> None:
    assert value_text(value) == text


def test_page_and_markdown_have_the_sweep() -> None:
    contents = compute(swept())
    assert {"sweep-lines", "sweep-differences"} <= {table.name for table in contents.tables}
    page = html_page(contents)
    assert '<h3 id="sweep" tabindex="-1">Sweep</h3>' in page
    without = compute(swept(analysis=None))
    assert 'id="sweep"' not in html_page(without)


# --- the figure ---------------------------------------------------------------------------------------------


def drawn(results: Results) -> Drawing:
    drawing = draw_sweep(figure_data(Study(results), comparison_of(results)))
    assert drawing is not None
    return drawing


def test_lines_are_the_scores_along_the_setting() -> None:
    figure = drawn(swept()).figure
    (axis,) = figure.axes
    assert [50.0, 60.0, 30.0] in [pytest.approx(found) for found in heights(axis)]
    assert len(segments(axis)) == 6
    assert axis.get_xscale() == "log"
    assert axis.get_xlabel() == "learning_rate (log scale)"
    told = texts(figure)
    for words in (
        "m*+lorr",
        "m*+no_reset",
        "start model",
        "Mean of 3 seeds",
        "100 problems",
        "b · greedy, 8 pairs",
    ):
        assert words in told


def test_a_setting_with_zero_has_a_linear_axis() -> None:
    (axis,) = drawn(swept((0.0, 0.1, 0.3))).figure.axes
    assert axis.get_xscale() == "linear"
    low, high = axis.get_xlim()
    assert low < 0
    assert high > 0.3


def test_each_budget_has_a_panel_in_which_all_intervals_are_seen() -> None:
    results = swept(budgets=(8, 16))
    higher = [
        score(one.point, "b", "math", "greedy", answers(95, one.point.seed))
        if one.point.unique_pairs == 16
        else one
        for one in results.scores
    ]
    figure = drawn(replace(results, scores=higher)).figure
    assert len(figure.axes) == 2
    ends = [end[1] for axis in figure.axes for both in segments(axis) for end in both]
    for axis in figure.axes:
        assert axis.get_ylim()[0] <= min(ends)
        assert axis.get_ylim()[1] >= max(ends)


@pytest.mark.parametrize("budgets", [(8,), (8, 16, 32)])
def test_its_texts_can_be_read(budgets: tuple[int, ...]) -> None:
    found = legibility(drawn(swept(budgets=budgets)).figure)
    assert (found.overlapping, found.cut_off) == ((), ())
    assert found.smallest >= 7


def test_too_many_lines_are_counted() -> None:
    results = swept()
    assert results.analysis is not None
    many = tuple(replace(line("lorr"), name=f"line {number}") for number in range(11))
    results = replace(results, analysis=replace(results.analysis, sweep=Sweep("learning_rate", many)))
    assert "Drawn: the first 8 of 11 lines." in texts(drawn(results).figure)


def test_without_a_sweep_or_scores_there_is_no_figure() -> None:
    for results in (swept(analysis=None), swept(scores=[])):
        assert draw_sweep(figure_data(Study(results), comparison_of(results))) is None


def test_its_text_is_text() -> None:
    svg = drawn(swept()).svg
    assert "m*+no_reset" in svg
    assert "<text" in svg
