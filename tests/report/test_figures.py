"""Figures: what is drawn, and that the same results give the same bytes."""

from __future__ import annotations

import re
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from synthetic_results import BUDGETS, make_results

from lorr_bench.report.figures import curve_measures, draw_curves, inline_svg, png_bytes, svg_text
from lorr_bench.report.measures import Measure, all_measures
from lorr_bench.report.tables import comparison, score_table
from lorr_bench.values import START, Results


def drawn(results: Results, measures: tuple[Measure, ...] = ()) -> Figure:
    return draw_curves(results, comparison(results), score_table(results), measures)


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def test_lines_are_the_means_and_points_the_seeds(results: Results) -> None:
    panel = drawn(results, (Measure("nano_easy", "math", "greedy"),)).axes[0]
    table = comparison(results)
    rows = table[
        (table["arm"] == "dpo+lorr") & (table["benchmark"] == "nano_easy") & (table["metric"] == "greedy")
    ]
    heights = [np.asarray(line.get_ydata(), dtype=float) for line in panel.get_lines()]
    assert any(np.array_equal(line, 100 * rows["mean"]) for line in heights)
    assert sum(line.size == 9 for line in heights) == 3  # three budgets × three seeds, an arm each
    assert [label.get_text() for label in panel.get_xticklabels()] == ["128", "384", "1,024"]
    assert list(panel.get_xticks()) == list(BUDGETS)


def test_numbers_of_seeds_and_problems_are_stated(results: Results) -> None:
    shown = texts(drawn(results))
    assert "Mean of 3 seeds" in shown
    assert "300 problems" in shown
    assert all(arm in shown for arm in (*results.arms, "start model"))


def test_the_legend_covers_no_panel(results: Results) -> None:
    figure = drawn(results, all_measures(results)[:2])
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    assert all(legend.y0 > panel.get_window_extent().y1 for panel in figure.axes)
    assert legend.x1 < figure.bbox.x1


def test_panels_are_math_unless_there_is_none(results: Results) -> None:
    assert {measure.kind for measure in curve_measures(results)} == {"math"}
    general = make_results(scores=[s for s in results.scores if s.kind == "general"])
    assert [measure.benchmark for measure in curve_measures(general)] == [
        "nano_compare",
        "nano_true_false",
        "nano_order",
    ]


def test_same_results_same_bytes(results: Results) -> None:
    assert png_bytes(drawn(results)) == png_bytes(drawn(make_results()))
    assert svg_text(drawn(results)) == svg_text(drawn(make_results()))


def test_global_settings_are_left_alone(results: Results) -> None:
    before = dict(mpl.rcParams)
    svg_text(drawn(results))
    assert dict(mpl.rcParams) == before


def test_inline_svg_is_the_element_alone(results: Results) -> None:
    element = inline_svg(svg_text(drawn(results)))
    assert element.startswith("<svg")
    assert element.rstrip().endswith("</svg>")
    assert "<!--" not in element
    assert "<metadata" not in element
    head = element[: element.index(">")]
    assert "viewBox" in head
    assert not re.search(r'(?<!-)\b(width|height)="', head)


@pytest.mark.parametrize("keep", ["nothing", "start", "one budget", "one seed", "no start"])
def test_incomplete_results_are_drawn(results: Results, keep: str) -> None:
    keeps: dict[str, Any] = {
        "nothing": lambda point: False,
        "start": lambda point: point == START,
        "one budget": lambda point: point.unique_pairs in (0, 128),
        "one seed": lambda point: point.seed < 1,
        "no start": lambda point: point != START,
    }
    figure = drawn(make_results(scores=[s for s in results.scores if keeps[keep](s.point)]))
    assert png_bytes(figure).startswith(b"\x89PNG")
    if keep == "one seed":
        assert "problems only" in texts(figure)


def test_names_are_not_read_as_formulas(results: Results) -> None:
    figure = drawn(make_results(suite="costs $5 and $\\frac"))
    assert "<svg" in svg_text(figure)
