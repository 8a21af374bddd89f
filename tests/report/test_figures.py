"""Figures: what is drawn, and that the same results give the same bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from synthetic_results import BUDGETS, METHODS, make_methods_results, make_results

from lorr_bench.report.curves import spaced
from lorr_bench.report.figures import draw, figure_measures, inline_svg, png_bytes, svg_text
from lorr_bench.report.tables import comparison, score_table
from lorr_bench.values import START, Results


def drawn(results: Results) -> Figure:
    return draw(results, comparison(results), score_table(results)).figure


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def test_lines_are_the_means_and_points_the_seeds(results: Results) -> None:
    panel = drawn(results).axes[0]
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
    hard = make_results(scores=[s for s in results.scores if s.benchmark != "nano_hard"])
    figure = drawn(hard)  # two panels leave no spare place for the legend
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    assert all(legend.y0 > panel.get_window_extent().y1 for panel in figure.axes)
    assert legend.x1 < figure.bbox.x1


def test_panels_are_math_unless_there_is_none(results: Results) -> None:
    assert {measure.kind for measure in figure_measures(results)} == {"math"}
    general = make_results(scores=[s for s in results.scores if s.kind == "general"])
    assert [measure.benchmark for measure in figure_measures(general)] == [
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


def drawn_texts(figure: Figure) -> list[mpl.text.Text]:
    """Every text that is drawn: of tick labels those within the limits of their axis."""
    figure.canvas.draw()
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for panel in figure.axes:
        found += [panel.xaxis.label, panel.yaxis.label, *panel.findobj(is_title)]
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            found += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text for text in found if text.get_visible() and text.get_text()]


def is_title(artist: Any) -> bool:
    return isinstance(artist, mpl.text.Text) and artist.get_fontweight() == "bold"


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn_texts(figure)]
    return [
        (name, other)
        for number, (name, box) in enumerate(boxes)
        for other, second in boxes[number + 1 :]
        if box.overlaps(second)
    ]


def single_budget(results: Results) -> Results:
    return make_results(scores=[s for s in results.scores if s.point.unique_pairs in (0, 1024)])


def colours_of(figure: Figure) -> dict[str, str]:
    legend = figure.legends[0]
    return {
        text.get_text().rpartition("+")[2]: str(line.get_color())
        for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }


def test_a_single_budget_is_drawn_as_dumbbells(results: Results) -> None:
    one = single_budget(results)
    drawing = draw(one, comparison(one), score_table(one))
    assert drawing.title == "Accuracy at 1,024 unique pairs"
    scores, differences = drawing.figure.axes
    assert [label.get_text() for label in scores.get_yticklabels()] == [
        "nano_easy · greedy", "nano_easy · avg@4", "nano_hard · greedy",
    ]  # fmt: skip
    table = comparison(one).set_index(["arm", "benchmark", "metric"])
    row = table.loc[("dpo+lorr", "nano_easy", "greedy")]
    base = table.loc[("dpo+plain", "nano_easy", "greedy"), "mean"]
    bars = [np.asarray(line.get_xdata(), dtype=float).tolist() for line in scores.get_lines()]
    assert [100 * base, 100 * row["mean"]] in bars
    ends = [path.vertices[:, 0].tolist() for item in differences.collections for path in item.get_paths()]
    assert [100 * row["difference_low"], 100 * row["difference_high"]] in ends


@pytest.fixture(scope="module")
def curve_results() -> Results:
    return make_methods_results((128, 1024), (0, 1))


@pytest.fixture(scope="module")
def curves(curve_results: Results) -> Figure:
    return drawn(curve_results)


def test_several_methods_at_one_budget_have_a_row_each() -> None:
    results = make_methods_results()
    figure = drawn(results)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == list(METHODS)
    assert "problems only, not over training runs" in texts(figure)
    assert "nano_1 · greedy" in texts(figure)


def test_several_methods_at_several_budgets_have_a_panel_each(curves: Figure) -> None:
    panels = [axis for axis in curves.axes if axis.axison]
    assert [axis.get_title(loc="left") for axis in panels] == list(METHODS)
    assert len({axis.get_ylim() for axis in panels}) == len({axis.get_xlim() for axis in panels}) == 1


def test_a_panel_holds_the_arms_of_its_method_alone(curve_results: Results, curves: Figure) -> None:
    table = comparison(curve_results)
    rows = table[(table["benchmark"] == "nano_1")].set_index(["arm", "unique_pairs"])["mean"]
    panel = curves.axes[METHODS.index("ipo")]
    lines = [np.asarray(line.get_ydata(), dtype=float).tolist() for line in panel.get_lines()]
    shown = [line for line in lines if len(line) == 2 and line[0] != line[1]]
    assert [100 * rows["ipo+plain", budget] for budget in (128, 1024)] in shown
    assert [100 * rows["ipo+lorr", budget] for budget in (128, 1024)] in shown
    assert len(shown) == 2 + 2 * 2  # two curves, and the lower and upper ends of two arms' bars


@pytest.mark.parametrize("budgets", [(1024,), (128, 384, 1024), (64, 128, 256, 260, 1024, 1030)])
def test_no_text_covers_another_with_many_methods(budgets: tuple[int, ...]) -> None:
    figure = drawn(make_methods_results(budgets))
    assert {"methods", "lorr", *METHODS} <= {text.get_text() for text in drawn_texts(figure)}
    assert overlaps(figure) == []


def test_long_names_stay_on_their_panels() -> None:
    def renamed(arm: str) -> str:
        return arm.replace("native-dpo", "native-dpo-with-a-longer-name")

    results = make_methods_results((128, 1024))
    scores = [replace(s, point=replace(s.point, arm=renamed(s.point.arm))) for s in results.scores]
    baselines = {renamed(arm): renamed(base) for arm, base in results.baselines.items()}
    figure = drawn(replace(results, arms=tuple(baselines), baselines=baselines, scores=scores))
    assert any(text.get_text() == "native-dpo-with-a-longer-name" for text in drawn_texts(figure))
    assert overlaps(figure) == []


def test_a_plugin_keeps_its_colour_in_every_figure(results: Results, curves: Figure) -> None:
    dumbbells = colours_of(drawn(make_methods_results()))
    panels = colours_of(curves)
    one_method = colours_of(drawn(single_budget(results)))
    assert dumbbells == panels
    assert (dumbbells["plain"], dumbbells["lorr"]) == (one_method["plain"], one_method["lorr"])
    assert len(set(dumbbells.values())) == 4


def test_a_method_without_its_baseline_is_drawn_without_a_bar() -> None:
    results = make_methods_results()
    scores = [s for s in results.scores if s.point.arm not in ("dpo+plain", "ipo+plain", "ipo+lorr")]
    figure = drawn(replace(results, scores=scores))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][:2] == ["dpo", "ipo"]
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_dumbbells_are_the_same_bytes_each_time() -> None:
    assert svg_text(drawn(make_methods_results())) == svg_text(drawn(make_methods_results()))


@pytest.mark.parametrize(
    ("budgets", "width", "kept"),
    [
        ([], 2.0, []),
        ([64], 2.0, [64]),
        ([100, 1000], 1.0, [1000, 100]),
        # 2 inches for a factor of 16: half an inch for a factor of 2, and 0.03 inches from 1000 to 1024.
        ([64, 128, 1000, 1024], 2.0, [1024, 128, 64]),
        ([64, 128, 1000, 1024], 1.0, [1024, 128]),
    ],
)
def test_numbers_of_budgets_are_left_out_where_they_would_touch(
    budgets: list[int], width: float, kept: list[int]
) -> None:
    assert spaced(budgets, width) == kept
