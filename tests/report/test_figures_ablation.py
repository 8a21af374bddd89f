"""Ablation bars."""

from __future__ import annotations

from dataclasses import replace

import pytest
from computed import comparison_of
from figure_checks import heights, segments, texts
from matplotlib.figure import Figure
from synthetic_results import make_methods_results, make_results, score

from lorr_bench.report.figures.ablation import Ablation, draw_ablation, max_panels
from lorr_bench.report.figures.figure_data import figure_data
from lorr_bench.report.study import Study
from lorr_bench.values import START, Point, Results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def figure(results: Results) -> Figure:
    return drawn(results)


def drawn(results: Results) -> Figure:
    drawing = draw_ablation(Ablation(figure_data(Study(results), comparison_of(results))))
    assert drawing is not None
    return drawing.figure


def suite(methods: int, plugins: int) -> Results:
    """Arms at one budget; arm number n has n of 100 problems right."""
    arms = tuple(f"m{method}+p{plugin}" for method in range(methods) for plugin in range(plugins))
    points = [Point(arm, 64, 0) for arm in arms]
    scores = [
        score(point, "gsm8k", "math", "greedy", [1] * number + [0] * (100 - number))
        for number, point in enumerate(points)
    ]
    baselines = {arm: f"{arm.partition('+')[0]}+p0" for arm in arms}
    return make_results(arms=arms, baselines=baselines, scores=scores, spends={}, diagnostics={})


def test_bars_run_from_zero_to_the_mean_at_the_largest_budget(results: Results, figure: Figure) -> None:
    panel = figure.axes[0]
    table = comparison_of(results).frame.set_index(["arm", "unique_pairs", "benchmark", "metric"])["mean"]
    expected = [100 * table[arm, 1024, "nano_easy", "greedy"] for arm in results.arms]
    assert [bar.get_width() for bar in panel.patches] == expected
    assert {bar.get_x() for bar in panel.patches} == {0}
    assert panel.get_xlim()[0] == 0


def test_bars_are_named_and_numbered(figure: Figure) -> None:
    panel = figure.axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["plain", "lorr", "no_reset"]
    numbers = [text.get_text() for text in panel.texts[2:]]
    assert numbers == [f"{bar.get_width():.1f}" for bar in panel.patches]


def test_lines_are_the_intervals(results: Results, figure: Figure) -> None:
    table = comparison_of(results).frame
    row = table[(table["arm"] == "dpo+lorr") & (table["unique_pairs"] == 1024)].iloc[0]
    assert [[100 * row["low"], 1], [100 * row["high"], 1]] in segments(figure.axes[0])


def test_the_start_model_is_a_line_down(results: Results, figure: Figure) -> None:
    table = comparison_of(results).frame
    start = 100 * table.loc[table["arm"] == START.arm, "mean"].iloc[0]
    assert list(figure.axes[0].get_lines()[0].get_xdata()) == [start, start]
    assert heights(figure.axes[0]) == [[0, 1]]


def test_each_measure_has_a_panel(figure: Figure) -> None:
    titles = [panel.texts[0].get_text() for panel in figure.axes]
    assert titles[:3] == ["300 problems", "300 problems", "300 problems"]
    assert [panel.texts[1].get_text() for panel in figure.axes][:3] == [
        "nano_easy · greedy",
        "nano_easy · avg@4",
        "nano_hard · greedy",
    ]


def test_with_two_arms_nothing_was_ablated() -> None:
    results = make_methods_results()
    assert draw_ablation(Ablation(figure_data(Study(results), comparison_of(results)))) is None


def test_several_methods_share_an_axis() -> None:
    figure = drawn(suite(3, 4))
    panels = [axis for axis in figure.axes if axis.axison]
    assert [panel.texts[0].get_text() for panel in panels] == ["m0", "m1", "m2"]
    assert len({panel.get_xlim() for panel in panels}) == 1
    assert [bar.get_width() for bar in panels[2].patches] == [8, 9, 10, 11]


def test_an_arm_without_a_score_leaves_its_line_blank() -> None:
    results = suite(2, 4)
    kept = [line for line in results.scores if line.point.arm != "m1+p2"]
    panel = drawn(replace(results, scores=kept)).axes[1]
    assert [round(bar.get_y() + bar.get_height() / 2) for bar in panel.patches] == [0, 1, 3]


def test_a_method_with_too_few_arms_is_left_out() -> None:
    results = suite(2, 3)
    kept = [line for line in results.scores if line.point.arm != "m1+p2"]
    figure = drawn(replace(results, scores=kept))
    assert len([axis for axis in figure.axes if axis.axison]) == 1


def test_methods_and_plugins_are_capped() -> None:
    figure = drawn(suite(7, 14))
    panels = [axis for axis in figure.axes if axis.axison]
    assert [len(panel.patches) for panel in panels] == [12] * 6
    told = "Drawn: 72 of 98 arms, those of the suite's first 6 methods and first 12 plug-ins."
    assert told in " ".join(texts(figure).split())


@pytest.mark.parametrize(("bars", "panels"), [(3, 12), (6, 9), (12, 6), (200, 3)])
def test_fewer_panels_fit_the_more_bars_they_have(bars: int, panels: int) -> None:
    # 7.5 inches of 0.2 a bar and 0.7 between panels, three beside each other, at most twelve.
    assert max_panels(bars) == panels
