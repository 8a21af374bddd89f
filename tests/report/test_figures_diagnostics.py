"""Diagnostics over replays."""

from __future__ import annotations

import numpy as np
import pytest
from figure_checks import heights, segments, texts
from matplotlib.figure import Figure
from synthetic_results import make_methods_results, make_results

from lorr_bench.report.figures.arm_styles import ArmStyles
from lorr_bench.report.figures.drawing import Drawing
from lorr_bench.report.figures.replays import Replays, draw_replays
from lorr_bench.report.study import Study
from lorr_bench.report.tables.diagnostics import diagnostic_frame
from lorr_bench.values import Point, Results


@pytest.fixture(scope="module")
def figure(results: Results) -> Figure:
    return drawn_of(results).figure


def panel(figure: Figure, title: str):
    return next(axis for axis in figure.axes if title in [text.get_text() for text in axis.texts])


def drawn_of(results: Results) -> Drawing:
    drawing = draw_replays(Replays(ArmStyles(Study(results)), diagnostic_frame(results)))
    assert drawing is not None
    return drawing


def drawn(measured: dict[Point, list[dict[str, float]]]) -> Drawing | None:
    results = make_results(diagnostics=measured)
    return draw_replays(Replays(ArmStyles(Study(results)), diagnostic_frame(results)))


@pytest.mark.slow
def test_an_arm_is_a_line_over_its_replays(figure: Figure) -> None:
    # The synthetic suite has an effective rank of 21.25 less the number of the replay; plain replays once.
    lines = heights(panel(figure, "Effective rank"))
    assert lines == [[20.25], [20.25, 19.25, 18.25], [20.25, 19.25, 18.25]]


@pytest.mark.slow
def test_shares_are_per_cent(figure: Figure) -> None:
    lines = heights(panel(figure, "Dormant MLP units"))
    assert lines[1] == pytest.approx([1.5, 3.0, 4.5])


def test_training_and_held_out_pairs_have_the_same_axis(figure: Figure) -> None:
    first, second = (panel(figure, title) for title in ("Accuracy, training", "Accuracy, held out"))
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylim() != panel(figure, "Effective rank").get_ylim()


@pytest.mark.slow
def test_lines_are_means_of_the_seeds_and_bars_their_range() -> None:
    measured = {
        Point("dpo+lorr", 64, seed): [{"kl_to_start": 0.1 * (seed + 1)}, {"kl_to_start": 0.5}]
        for seed in (0, 1, 2)
    }
    drawing = drawn(measured)
    assert drawing is not None
    (axis,) = drawing.figure.axes
    assert heights(axis)[0] == pytest.approx([0.2, 0.5])
    ends = [[low[1], high[1]] for low, high in segments(axis)]
    assert ends == [pytest.approx([0.1, 0.3]), pytest.approx([0.5, 0.5])]
    assert "mean of 3 seeds; bars: lowest and highest seed" in texts(drawing.figure)


def test_equal_replays_stand_side_by_side(figure: Figure) -> None:
    lines = panel(figure, "Effective rank").get_lines()
    first = [float(line.get_xdata()[0]) for line in lines]
    assert first == sorted(first)
    assert len(set(first)) == 3
    assert np.mean(first) == pytest.approx(1)


def test_the_largest_budget_is_drawn_and_named(figure: Figure) -> None:
    measured = {
        Point("dpo+lorr", pairs, 0): [{"kl_to_start": pairs / 64}, {"kl_to_start": 2.0}] for pairs in (32, 64)
    }
    drawing = drawn(measured)
    assert drawing is not None
    assert heights(drawing.figure.axes[0]) == [[1.0, 2.0]]
    assert drawing.title == "Diagnostics over replays at 64 unique pairs"
    assert "one seed" in texts(drawing.figure)


def test_it_says_on_how_many_pairs_it_rests() -> None:
    """Of the largest budget; a seed whose answers were fewer held fewer out."""
    measured = {
        Point("dpo+lorr", pairs, seed): [
            {"kl_to_start": 0.1, "train_pairs": pairs // 64, "held_out_pairs": pairs // 64 - seed}
        ]
        * 2
        for pairs in (512, 1024)
        for seed in (0, 1)
    }
    drawing = drawn(measured)
    assert drawing is not None
    assert "On 16 training pairs and 15–16 held-out pairs of each training run." in texts(drawing.figure)


def test_a_single_replay_is_not_drawn() -> None:
    assert drawn({Point("dpo+plain", 64, 0): [{"kl_to_start": 0.1}]}) is None


def test_unknown_names_and_nan_are_not_drawn() -> None:
    assert drawn({Point("dpo+lorr", 64, 0): [{"distance/mlp": 0.1}, {"kl_to_start": float("nan")}]}) is None


def test_very_small_values_are_drawn_in_powers_of_ten() -> None:
    drawing = drawn({Point("dpo+lorr", 64, 0): [{"kl_to_start": 2e-7}, {"kl_to_start": 4e-7}]})
    assert drawing is not None
    (axis,) = drawing.figure.axes
    assert heights(axis)[0] == pytest.approx([2, 4])
    assert "10⁻⁷ nats per token" in texts(drawing.figure)


@pytest.mark.slow
def test_what_shares_an_axis_shares_its_power_of_ten() -> None:
    replay = {"logp_chosen": -2.0, "logp_rejected": -3e6}
    drawing = drawn({Point("dpo+lorr", 64, 0): [replay, replay]})
    assert drawing is not None
    assert heights(drawing.figure.axes[0])[0] == pytest.approx([-2e-6, -2e-6])
    assert texts(drawing.figure).count("10⁶ nats per response") == 2


@pytest.mark.slow
def test_several_methods_are_thin_lines_with_a_median() -> None:
    methods = ("dpo", "ipo", "kto")
    measured = {
        Point(f"{method}+lorr", 64, 0): [{"kl_to_start": float(number)}, {"kl_to_start": 2.0 * number}]
        for number, method in enumerate(methods, 1)
    }
    arms = tuple(f"{method}+{plugin}" for method in methods for plugin in ("plain", "lorr"))
    results = make_results(
        arms=arms, baselines={arm: f"{arm[:3]}+plain" for arm in arms}, diagnostics=measured
    )
    drawing = drawn_of(results)
    (axis,) = drawing.figure.axes
    assert heights(axis) == [[1, 2], [2, 4], [3, 6], [2, 4]]
    widths = [line.get_linewidth() for line in axis.get_lines()]
    assert max(widths[:3]) < widths[3]
    assert "thin: single methods; thick: their median" in texts(drawing.figure)


@pytest.mark.slow
def test_the_legend_names_plugins_of_several_methods(results: Results, figure: Figure) -> None:
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(results.arms)
    many = drawn_of(make_methods_results()).figure
    assert [text.get_text() for text in many.legends[0].get_texts()] == ["plain", "lorr", "replay_reset"]
