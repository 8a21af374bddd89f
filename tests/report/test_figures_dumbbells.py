"""Dumbbells: the main figure at a single budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from computed import comparison_of
from figure_checks import main_drawing, segments, texts
from synthetic_results import METHODS, make_methods_results, make_results

from lorr_bench.report.figures.drawing import png_bytes
from lorr_bench.values import Results

pytestmark = pytest.mark.slow


def single_budget() -> Results:
    results = make_results()
    return replace(results, scores=[s for s in results.scores if s.point.unique_pairs in (0, 1024)])


def test_a_single_budget_has_a_row_a_measure() -> None:
    drawing = main_drawing(single_budget())
    assert drawing.title == "Accuracy at 1,024 unique pairs"
    labels = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert labels[:3] == ["nano_easy · greedy", "nano_easy · avg@4", "nano_hard · greedy"]


def test_a_bar_joins_an_arm_to_its_baseline_and_another_is_the_interval() -> None:
    results = single_budget()
    scores, differences = main_drawing(results).figure.axes
    table = comparison_of(results).frame.set_index(["arm", "benchmark", "metric"])
    row = table.loc[("dpo+lorr", "nano_easy", "greedy")]
    base = table.loc[("dpo+plain", "nano_easy", "greedy"), "mean"]
    bars = [np.asarray(line.get_xdata(), dtype=float).tolist() for line in scores.get_lines()]
    assert [100 * base, 100 * row["mean"]] in bars
    ends = [[start[0], end[0]] for start, end in segments(differences)]
    assert [100 * row["difference_low"], 100 * row["difference_high"]] in ends


def test_several_methods_have_a_row_each() -> None:
    figure = main_drawing(make_methods_results()).figure
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(METHODS)
    assert "problems only, not over training runs" in texts(figure)
    assert "nano_1 · greedy" in texts(figure)


def test_of_several_methods_what_training_took_stands_beside() -> None:
    figure = main_drawing(make_methods_results()).figure
    costs = figure.axes[2]
    # Seconds of spend() at 1,024 pairs, seed 0; the baseline's are 1.
    multiple = (0.8 + 3 * 1024 / 148) / (0.8 + 1024 / 148)
    joined = [np.asarray(line.get_xdata(), dtype=float).tolist() for line in costs.get_lines()]
    assert joined.count([1, pytest.approx(multiple)]) == len(METHODS)
    assert costs.get_xlabel() == "seconds (×)"
    assert "Right: training seconds as multiples of those of its method's plain arm." in texts(figure)


def test_where_no_seconds_are_known_it_is_tokens() -> None:
    results = make_methods_results()
    spends = {point: replace(spend, wall_seconds=0.0) for point, spend in results.spends.items()}
    assert main_drawing(replace(results, spends=spends)).figure.axes[2].get_xlabel() == "tokens (×)"


def test_where_no_cost_is_known_there_is_no_panel_for_it() -> None:
    assert len(main_drawing(make_methods_results(spends={})).figure.axes) == 2


def test_a_method_without_its_baseline_is_drawn_without_a_bar() -> None:
    results = make_methods_results()
    gone = ("dpo+plain", "ipo+plain", "ipo+lorr")
    figure = main_drawing(
        replace(results, scores=[s for s in results.scores if s.point.arm not in gone])
    ).figure
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][:2] == ["dpo", "ipo"]
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_without_differences_there_is_no_panel_for_them() -> None:
    results = make_methods_results()
    figure = main_drawing(
        replace(results, scores=[s for s in results.scores if s.point.arm.endswith("+plain")])
    ).figure
    assert [axis.axison for axis in figure.axes] == [True, False]
    assert "difference to" not in texts(figure)
