"""Accuracy against unique pairs, updates and seconds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from computed import comparison_of
from figure_checks import cost_figure, frames, heights, main_drawing, segments, texts
from matplotlib.figure import Figure
from synthetic_results import BUDGETS, METHODS, make_methods_results, make_results

from lorr_bench.report.figures.curves import Curves
from lorr_bench.report.figures.draw import draw_against
from lorr_bench.report.figures.figure_data import figure_data
from lorr_bench.report.figures.quantities import Multiples, Quantity
from lorr_bench.report.study import Study
from lorr_bench.values import START, Point, Results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def figures(results: Results) -> dict[str, Figure]:
    return three_figures(results)


@pytest.fixture(scope="module")
def method_results() -> Results:
    return make_methods_results((128, 1024))


@pytest.fixture(scope="module")
def method_figures(method_results: Results) -> dict[str, Figure]:
    return three_figures(method_results)


def three_figures(results: Results) -> dict[str, Figure]:
    return {
        "curves": main_drawing(results).figure,
        "updates": cost_figure(results, "optimizer_steps"),
        "seconds": cost_figure(results, "wall_seconds"),
    }


def rows(results: Results, arm: str, benchmark: str = "nano_easy"):
    table = comparison_of(results).frame
    same = (table["arm"] == arm) & (table["benchmark"] == benchmark) & (table["metric"] == "greedy")
    return table[same]


def places(axis, y: list[float]) -> list[float]:
    """The horizontal values of the line that has these vertical ones."""
    return next(
        np.asarray(line.get_xdata(), dtype=float).tolist()
        for line in axis.get_lines()
        if np.array_equal(np.asarray(line.get_ydata(), dtype=float), y)
    )


def test_lines_are_the_means(results: Results, figures: dict[str, Figure]) -> None:
    expected = (100 * rows(results, "dpo+lorr")["mean"]).tolist()
    assert expected in heights(figures["curves"].axes[0])
    assert expected in heights(figures["updates"].axes[0])
    assert expected in heights(figures["seconds"].axes[0])


def test_bars_are_the_intervals(results: Results, figures: dict[str, Figure]) -> None:
    row = rows(results, "dpo+lorr").iloc[-1]
    ends = [[low[1], high[1]] for low, high in segments(figures["curves"].axes[0])]
    assert [100 * row["low"], 100 * row["high"]] in ends


def test_small_points_are_the_single_seeds(results: Results, figures: dict[str, Figure]) -> None:
    values = [
        100 * line.value
        for budget in BUDGETS
        for line in results.scores
        if (line.point.arm, line.point.unique_pairs) == ("dpo+plain", budget)
        and (line.benchmark, line.metric) == ("nano_easy", "greedy")
    ]
    assert sorted(values) in [sorted(line) for line in heights(figures["curves"].axes[0])]


def test_budgets_are_numbered(figures: dict[str, Figure]) -> None:
    panel = figures["curves"].axes[0]
    assert list(panel.get_xticks()) == list(BUDGETS)
    assert [label.get_text() for label in panel.get_xticklabels()] == ["128", "384", "1,024"]


def test_arms_stand_side_by_side_around_their_budget(results: Results, figures: dict[str, Figure]) -> None:
    panel = figures["curves"].axes[0]
    first = [places(panel, (100 * rows(results, arm)["mean"]).tolist())[0] for arm in results.arms]
    assert first == sorted(first)
    assert math.prod(first) == pytest.approx(128**3)


def test_updates_are_those_of_the_ledger(results: Results, figures: dict[str, Figure]) -> None:
    # One replay of 128, 384 and 1,024 pairs, 32 at a time. LoRR's first point, 3 × 128 pairs, has 12 updates
    # too, and so has that of the third arm: three points around 12 of which plain, with more pairs, is last.
    panel = figures["updates"].axes[0]
    found = {arm: places(panel, (100 * rows(results, arm)["mean"]).tolist()) for arm in results.arms}
    assert found["dpo+plain"][0] == pytest.approx(4)
    assert found["dpo+plain"][2] == pytest.approx(32)
    together = [found["dpo+lorr"][0], found["dpo+no_reset"][0], found["dpo+plain"][1]]
    assert together == sorted(together)
    assert math.prod(together) == pytest.approx(12**3)
    assert "Points of equal cost stand side by side." in texts(figures["updates"])


def test_seconds_are_the_mean_of_the_seeds(results: Results, figures: dict[str, Figure]) -> None:
    panel = figures["seconds"].axes[0]
    found = places(panel, (100 * rows(results, "dpo+plain")["mean"]).tolist())
    # The middle one is as long as LoRR's first, and stands beside it.
    first, last = (np.mean([0.8 + pairs / (148 + 2 * seed) for seed in (0, 1, 2)]) for pairs in (128, 1024))
    assert [found[0], found[2]] == pytest.approx([first, last])


def test_a_point_against_a_cost_is_called_a_finished_run(figures: dict[str, Figure]) -> None:
    told = "A point is a finished training run, not a moment in one"
    assert all(told in texts(figures[name]) for name in ("updates", "seconds"))
    assert told not in texts(figures["curves"])


def test_numbers_of_seeds_and_problems_are_stated(results: Results, figures: dict[str, Figure]) -> None:
    shown = texts(figures["curves"])
    assert "Mean of 3 seeds" in shown
    assert "300 problems" in shown
    assert all(arm in shown for arm in (*results.arms, "start model"))


def test_one_seed_is_said_to_leave_training_noise_out() -> None:
    results = make_results()
    kept = [line for line in results.scores if line.point.seed < 1]
    shown = texts(main_drawing(replace(results, scores=kept)).figure)
    assert "95 % interval over problems only, not over training runs" in shown


def test_the_start_model_is_a_line_across(results: Results, figures: dict[str, Figure]) -> None:
    start = 100 * rows(results, START.arm)["mean"].iloc[0]
    assert [start, start] in heights(figures["curves"].axes[0])


def test_runs_without_a_ledger_line_are_left_out(results: Results) -> None:
    spends = {p: s for p, s in results.spends.items() if (p.arm, p.unique_pairs) != ("dpo+lorr", 384)}
    panel = cost_figure(replace(results, spends=spends), "wall_seconds").axes[0]
    expected = (100 * rows(results, "dpo+lorr")["mean"]).tolist()
    assert [expected[0], expected[2]] in heights(panel)
    assert expected not in heights(panel)


def test_a_spend_of_zero_was_not_recorded(results: Results) -> None:
    spends = {point: replace(spend, wall_seconds=0.0) for point, spend in results.spends.items()}
    unknown = replace(results, spends=spends)
    data, found = figure_data(Study(unknown), comparison_of(unknown)), frames(unknown)
    assert draw_against(data, found, name="seconds", quantity="wall_seconds") is None
    assert draw_against(data, found, name="updates", quantity="optimizer_steps") is not None


def test_a_measure_without_trained_arms_says_so(results: Results) -> None:
    kept = [line for line in results.scores if line.point == START or line.benchmark != "nano_hard"]
    figure = main_drawing(replace(results, scores=kept)).figure
    panel = next(
        axis for axis in figure.axes if "nano_hard · greedy" in [text.get_text() for text in axis.texts]
    )
    assert "no score" in [text.get_text() for text in panel.texts]
    assert list(panel.get_xticks()) == []


def test_several_methods_have_a_panel_each(method_figures: dict[str, Figure]) -> None:
    for name in ("curves", "updates", "seconds"):
        panels = [axis for axis in method_figures[name].axes if axis.axison]
        headings = [
            text.get_text() for axis in panels for text in axis.texts if text.get_fontweight() == "bold"
        ]
        assert headings == list(METHODS)
        assert len({axis.get_ylim() for axis in panels}) == len({axis.get_xlim() for axis in panels}) == 1


def test_a_panel_holds_the_arms_of_its_method_alone(
    method_results: Results, method_figures: dict[str, Figure]
) -> None:
    panel = method_figures["curves"].axes[METHODS.index("ipo")]
    shown = [line for line in heights(panel) if line[0] != line[-1]]
    arms = ("ipo+plain", "ipo+lorr")
    assert shown == [(100 * rows(method_results, arm, "nano_1")["mean"]).tolist() for arm in arms]


@pytest.mark.parametrize("name", ["curves", "updates"])
def test_every_panel_holds_what_it_draws(method_figures: dict[str, Figure], name: str) -> None:
    """Panels share their axes: the limits are not those of the first method."""
    for axis in method_figures[name].axes[: len(METHODS)]:
        low, high = axis.get_ylim()
        assert all(low <= y <= high for line in heights(axis) for y in line)


def test_above_each_method_stands_what_its_other_arms_took(method_figures: dict[str, Figure]) -> None:
    # Seconds of spend() at 1,024 pairs, seed 0: (0.8 + 3 · 1024 / 148) / (0.8 + 1024 / 148) = 2.79.
    panels = method_figures["curves"].axes[: len(METHODS)]
    assert {axis.texts[0].get_text() for axis in panels} == {"2.8× seconds"}
    told = "Above a panel: training seconds at 1,024 pairs, as multiples of those of its method's plain arm."
    assert told in texts(method_figures["curves"])


def test_of_several_arms_the_lowest_and_the_highest_cost_are_told(method_results: Results) -> None:
    data = figure_data(Study(method_results), comparison_of(method_results))
    costs = Multiples("optimizer_steps", {"dpo+a": 1.04, "dpo+b": 12.0, "dpo+c": 3.0})
    curves = Curves(data, frames(method_results).scores, Quantity("unique_pairs", {}, {}), costs)
    assert curves.cost_of(["dpo+plain", "dpo+a", "dpo+b", "dpo+c"]) == "1.0–12.0× updates"
    assert curves.cost_of(["dpo+plain", "dpo+a"]) == "1.0× updates"
    assert curves.cost_of(["dpo+plain"]) == ""


def test_a_method_without_scores_keeps_the_axes_of_the_others(method_results: Results) -> None:
    kept = [line for line in method_results.scores if not line.point.arm.startswith("dpo+")]
    figure = main_drawing(replace(method_results, scores=kept)).figure
    assert "no score" in [text.get_text() for text in figure.axes[0].texts]
    assert list(figure.axes[1].get_xticks()) == [128, 1024]


def test_at_one_budget_thin_lines_join_the_arms_of_each_method() -> None:
    results = make_methods_results()
    figure = cost_figure(results, "wall_seconds")
    (panel,) = figure.axes
    table = rows(results, "ipo+plain", "nano_1"), rows(results, "ipo+lorr", "nano_1")
    assert [100 * row["mean"].iloc[0] for row in table] in heights(panel)
    assert sum(len(line) == 2 for line in heights(panel)) == len(METHODS) + 1  # and the start model's
    assert "thin lines join the arms of a method" in texts(figure)


def test_points_at_one_budget_stay_within_the_axis() -> None:
    # 25 points have the same number of updates.
    (panel,) = cost_figure(make_methods_results(), "optimizer_steps").axes
    low, high = panel.get_xlim()
    found = [x for line in panel.get_lines() if len(line.get_xdata()) == 1 for x in line.get_xdata()]
    assert len(found) == 2 * len(METHODS)
    assert low < min(found) < max(found) < high


def test_a_single_arm_at_a_single_budget_is_a_point_with_its_interval() -> None:
    results = make_results()
    kept = [line for line in results.scores if line.point in (START, Point("dpo+plain", 128, 0))]
    drawing = main_drawing(replace(results, scores=kept))
    assert drawing.title == "Accuracy against unique pairs"
    assert [label.get_text() for label in drawing.figure.axes[0].get_xticklabels()] == ["128"]
