"""Pareto front of accuracy against cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from figure_checks import segments, texts
from hypothesis import given
from hypothesis import strategies as st
from synthetic_results import make_results

from lorr_bench.report.figures.arm_styles import ArmStyles
from lorr_bench.report.figures.drawing import Drawing
from lorr_bench.report.figures.pareto import Box, Pareto, draw_pareto, free_box
from lorr_bench.report.figures.quantities import Quantity
from lorr_bench.report.study import Study
from lorr_bench.report.tables.comparison import Comparison
from lorr_bench.values import Measure

pytestmark = pytest.mark.slow

EASY = Measure("easy", "math", "greedy")
ARMS = ("dpo+plain", "dpo+lorr", "dpo+no_reset")


def pareto(points: Iterable[tuple[str, int, float, float]], arms: tuple[str, ...] = ARMS) -> Pareto:
    """Points as arm, budget, accuracy and cost."""
    rows: list[dict[str, Any]] = [
        {
            "arm": arm,
            "unique_pairs": pairs,
            "benchmark": "easy",
            "kind": "math",
            "metric": "greedy",
            "mean": mean,
            "low": mean - 0.02,
            "high": mean + 0.02,
            "seeds": 3,
            "problems": 300,
        }
        for arm, pairs, mean, _ in points
    ]
    costs = {(arm, pairs): cost for arm, pairs, _, cost in points}
    baselines = {arm: f"{arm.partition('+')[0]}+plain" for arm in arms}
    arm_styles = ArmStyles(Study(make_results(arms=arms, baselines=baselines)))
    return Pareto(arm_styles, Comparison(pd.DataFrame(rows)), EASY, Quantity("flops", costs, {}))


def drawn(found: Pareto) -> Drawing:
    drawing = draw_pareto(found)
    assert drawing is not None
    return drawing


FOUR = [
    ("dpo+plain", 64, 0.50, 1e10),
    ("dpo+lorr", 64, 0.60, 3e10),
    ("dpo+no_reset", 64, 0.55, 3e10),  # as dear as LoRR and worse
    ("dpo+plain", 256, 0.58, 4e10),  # dearer than LoRR and worse
    ("dpo+lorr", 256, 0.70, 9e10),
]


def test_the_front_has_what_no_other_point_beats() -> None:
    found = [(row.arm, row.unique_pairs) for row in pareto(FOUR).front]
    assert found == [("dpo+plain", 64), ("dpo+lorr", 64), ("dpo+lorr", 256)]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=2, max_size=30))
def test_every_point_off_the_front_is_beaten_and_none_on_it(points: list[tuple[int, int]]) -> None:
    rows = [("dpo+lorr", number + 1, score / 10, float(cost)) for number, (cost, score) in enumerate(points)]
    found = pareto(rows)
    front = {(row.cost, row.mean) for row in found.front}

    def beaten(cost: float, score: float) -> bool:
        return any(c <= cost and s >= score and (c, s) != (cost, score) for _, _, s, c in rows)

    assert front == {(cost, score) for _, _, score, cost in rows if not beaten(cost, score)}


def test_the_front_is_drawn_as_steps() -> None:
    axis = drawn(pareto(FOUR)).figure.axes[0]
    (line,) = [line for line in axis.get_lines() if line.get_drawstyle() == "steps-post"]
    assert list(line.get_xdata())[:3] == [1e10, 3e10, 9e10]
    assert list(line.get_ydata()) == pytest.approx([50, 60, 70, 70])


def test_points_of_the_front_are_filled_numbered_and_listed() -> None:
    figure = drawn(pareto(FOUR)).figure
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.texts] == ["1", "2", "3"]
    assert "1 dpo+plain 64 50.0 10¹⁰ 2 dpo+lorr 64 60.0 3×10¹⁰ 3 dpo+lorr 256 70.0 9×10¹⁰" in texts(figure)
    filled = [line for line in axis.get_lines() if str(line.get_markerfacecolor()).startswith("#")]
    marks = sorted(float(x) for line in filled for x in line.get_xdata() if line.get_marker() != "None")
    assert marks == [1e10, 3e10, 9e10]


def test_only_the_front_has_intervals() -> None:
    axis = drawn(pareto(FOUR)).figure.axes[0]
    assert sorted(low[1] for low, _ in segments(axis)) == pytest.approx([48, 58, 68])


def test_the_axis_is_logarithmic_where_costs_differ_much() -> None:
    assert drawn(pareto(FOUR)).figure.axes[0].get_xscale() == "log"
    assert drawn(pareto(FOUR[:3])).figure.axes[0].get_xscale() == "linear"


def test_one_point_is_not_drawn() -> None:
    assert draw_pareto(pareto(FOUR[:1])) is None


def test_a_point_without_a_cost_is_left_out() -> None:
    found = pareto(FOUR)
    without = Quantity("flops", {("dpo+plain", 64): 1e10, ("dpo+lorr", 64): 3e10}, {})
    assert len(Pareto(found.arm_styles, found.comparison, EASY, without).points) == 2


def test_of_thousands_of_points_the_front_and_the_first_others_are_drawn() -> None:
    # Accuracy falls with cost, so that the cheapest alone is on the front; it is the last of the suite.
    count = 1000
    points = [("dpo+lorr", number + 1, number / count, float(count - number)) for number in range(count)]
    found = pareto(points)
    assert len(found.drawn) == 301
    figure = drawn(found).figure
    assert "Drawn: 301 of 1,000 points, the front and the suite's first 300 others." in texts(figure)
    marks = [len(line.get_xdata()) for line in figure.axes[0].get_lines() if line.get_marker() != "None"]
    assert sorted(marks) == [1, 300]


def test_of_a_long_front_the_most_accurate_points_are_numbered() -> None:
    points = [("dpo+lorr", number + 1, number / 100, 1.1**number) for number in range(60)]
    figure = drawn(pareto(points)).figure
    assert len(figure.axes[0].texts) == 20
    assert "Numbered: the 20 most accurate of the front's 60 points." in texts(figure)
    assert "20 dpo+lorr 60 59.0" in texts(figure)


def test_more_plugins_than_can_be_told_apart_look_alike() -> None:
    arms = ("dpo+plain", *(f"dpo+p{number}" for number in range(12)))
    points = [(arm, 64, 0.5, 1e9 * (1 + number)) for number, arm in enumerate(arms)]
    names = [text.get_text() for text in drawn(pareto(points, arms)).figure.legends[0].get_texts()]
    assert names == [*arms[:8], "other plug-ins"]


def test_numbers_cover_no_point_and_no_other_number() -> None:
    rng = np.random.default_rng(5)
    points = [
        ("dpo+lorr", number + 1, float(score), float(cost))
        for number, (score, cost) in enumerate(rng.uniform((0.3, 1), (0.7, 90), (200, 2)))
    ]
    figure = drawn(pareto(points)).figure
    figure.canvas.draw()
    axis = figure.axes[0]
    boxes = [text.get_window_extent() for text in axis.texts if text.arrow_patch is None]
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[number + 1 :])
    marks = [
        axis.transData.transform((x, y))
        for line in axis.get_lines()
        if line.get_marker() != "None"
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]
    assert not any(box.contains(*mark) for box in boxes for mark in marks)


PLACES = st.floats(0.3, 2.7)


@given(st.lists(st.tuples(PLACES, PLACES), max_size=12))
def test_a_free_box_meets_nothing_where_there_is_room(others: list[tuple[float, float]]) -> None:
    panel = Box(0, 0, 3, 3)
    taken = [Box(x, y, x + 0.05, y + 0.05) for x, y in others]
    box = free_box(1.5, 1.5, 0.1, taken, panel)
    assert panel.holds(box)
    assert not any(box.meets(other) for other in taken)
    assert box.right < 1.5
    assert box.bottom > 1.5


def test_without_room_the_nearest_box_is_taken() -> None:
    box = free_box(1.0, 1.0, 0.1, [Box(0, 0, 3, 3)], Box(0, 0, 3, 3))
    assert (box.left, box.right) == pytest.approx((0.865, 0.965))


def test_where_no_evaluated_arm_has_a_known_cost_there_is_no_figure() -> None:
    known = pareto(FOUR)
    costs = Quantity("flops", {("dpo+plain", 4096): 1e12}, {})
    assert draw_pareto(replace(known, quantity=costs)) is None
