"""Sample-efficiency curves: accuracy against unique pairs, one panel a measure."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.cells import NONE, count_range, plural
from lorr_bench.report.measures import GENERAL, MATH, Measure, all_measures
from lorr_bench.values import START, Results

# Okabe & Ito's palette, readable with any colour vision, without the yellow that is faint on white; black
# is the start model's. Marker and dash tell arms apart without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
START_COLOUR = "#333333"
MUTED = "#595959"
MOST_PANELS = 6
SEED_SHIFT = 1.025  # on x: single seeds stand just beside the mean, not on it
# Inches. The page of a figure is laid out by hand, so that header and legend never meet the data.
PANEL_WIDTH, PANEL_HEIGHT, SINGLE_WIDTH, SINGLE_HEIGHT = 4.0, 2.7, 6.4, 3.4
LEFT, RIGHT, BOTTOM, BETWEEN_ROWS, BETWEEN_COLUMNS = 0.58, 0.12, 0.5, 0.6, 0.5
TITLE_LINE, NOTE_LINE, LEGEND_LINE, PANEL_TITLE = 0.34, 0.24, 0.2, 0.32
LEGEND_HANDLE, LEGEND_LETTER = 0.72, 0.072
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.parse_math": False,
    "svg.hashsalt": "lorr-bench",
    "svg.fonttype": "path",
    "axes.unicode_minus": True,
}


def curve_measures(results: Results) -> tuple[Measure, ...]:
    """The measures a figure shows unless told: math, or general reasoning where there is no math."""
    measures = all_measures(results)
    math_measures = [measure for measure in measures if measure.kind == MATH]
    return tuple(
        (math_measures or [measure for measure in measures if measure.kind == GENERAL])[:MOST_PANELS]
    )


def draw_curves(
    results: Results, comparison: pd.DataFrame, scores: pd.DataFrame, measures: Sequence[Measure] = ()
) -> Figure:
    """Draws accuracy against unique pairs, one panel a measure and one line an arm.

    Args:
        results: The results.
        comparison: Their comparison table: lines and intervals.
        scores: Their score table: the points of single seeds.
        measures: The panels; those of ``curve_measures`` if empty.

    Returns:
        The figure, for ``png_bytes`` and ``svg_text``.
    """
    panels = tuple(measures) or curve_measures(results)
    with mpl.rc_context(STYLE):
        handles = list(_handles(results, comparison))
        figure, axes, spare = _lay_out(len(panels), handles)
        for axis, measure in zip(axes, panels, strict=False):
            _draw_panel(axis, results, _only(comparison, measure), _only(scores, measure), measure)
        _add_header(figure, results, comparison)
        _add_legend(figure, handles, spare)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG at 200 dots per inch, the same bytes each time."""
    target = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(target, format="png", dpi=200, metadata={"Software": None}, facecolor="white")
    return target.getvalue()


def svg_text(figure: Figure) -> str:
    """The figure as an SVG file, the same text each time."""
    target = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    return target.getvalue()


def inline_svg(text: str) -> str:
    """The ``<svg>`` element of an SVG file alone, to stand inside a page.

    Declaration, metadata and comments go: they name addresses and repeat texts. The fixed size goes too, so
    that the page can scale it.
    """
    element = text[text.index("<svg") :]
    element = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    return re.sub(r'(<svg[^>]*?) width="[^"]*"| height="[\d.]+pt"', r"\1", element, count=2)


def _only(table: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rows of one measure."""
    same = (table["benchmark"] == measure.benchmark) & (table["metric"] == measure.metric)
    return table[same & (table["kind"] == measure.kind)]


def _draw_panel(
    axis: Axes, results: Results, table: pd.DataFrame, scores: pd.DataFrame, measure: Measure
) -> None:
    _dress(axis, measure, table)
    for _, row in table[table["arm"] == START.arm].iterrows():
        axis.axhline(100 * row["mean"], color=START_COLOUR, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
    budgets = sorted(int(budget) for budget in set(table["unique_pairs"]) if budget > 0)
    for number, arm in enumerate(results.arms):
        dodge = _dodge(number, len(results.arms), budgets)
        _draw_arm(axis, table[table["arm"] == arm], scores[scores["arm"] == arm], number, dodge)
    _set_budget_ticks(axis, budgets, _dodge(len(results.arms) - 1, len(results.arms), budgets))


def _dodge(number: int, arms: int, budgets: Sequence[int]) -> float:
    """The factor on x that keeps an arm's points beside those of the others."""
    closest = min((later / earlier for earlier, later in pairwise(budgets)), default=2.0)
    step = min(0.07, 0.5 * math.log(closest) / max(arms, 1))
    return math.exp(step * (number - (arms - 1) / 2))


def _draw_arm(axis: Axes, table: pd.DataFrame, scores: pd.DataFrame, number: int, dodge: float) -> None:
    """Line, interval and single seeds of one arm, in per cent."""
    table = table.sort_values("unique_pairs")
    x = table["unique_pairs"].to_numpy(dtype=float) * dodge
    low, mean, high = 100 * table[["low", "mean", "high"]].to_numpy(dtype=float).T
    ends = np.stack([mean - low, high - mean])
    style = _style(number)
    if any(table["seeds"] > 1):
        _draw_seeds(axis, scores, style, dodge * SEED_SHIFT)
    axis.errorbar(
        x, mean, yerr=ends, fmt="none", ecolor=style["color"], elinewidth=1.1, capsize=2.2, alpha=0.75
    )
    axis.plot(
        x,
        mean,
        **style,
        linewidth=1.7,
        markersize=5.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=3,
    )


def _draw_seeds(axis: Axes, scores: pd.DataFrame, style: Mapping[str, Any], dodge: float) -> None:
    x, value = scores["unique_pairs"].to_numpy(dtype=float), scores["value"].to_numpy(dtype=float)
    axis.plot(
        x * dodge, 100 * value, linestyle="", marker=style["marker"], markersize=3.2, markerfacecolor="white",
        markeredgecolor=style["color"], markeredgewidth=0.7, zorder=4,
    )  # fmt: skip


def _style(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
    }


def _dress(axis: Axes, measure: Measure, table: pd.DataFrame) -> None:
    problems = count_range([int(count) for count in table["problems"]])
    axis.set_title(measure.title, loc="left", fontsize=10, fontweight="bold")
    if any(table["problems"] > 0):
        axis.set_title(plural(problems, "problem"), loc="right", fontsize=8.5, color=MUTED)
    axis.grid(axis="y", color="#E3E3E3", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color("#8C8C8C")
    axis.tick_params(color="#8C8C8C", labelsize=8.5)


def _set_budget_ticks(axis: Axes, budgets: Sequence[int], widest_dodge: float) -> None:
    axis.set_xscale("log")
    axis.set_xticks(list(budgets), labels=[f"{budget:,}" for budget in budgets])
    axis.minorticks_off()
    if budgets:
        margin = widest_dodge * max((budgets[-1] / budgets[0]) ** 0.06, 1.1)
        axis.set_xlim(budgets[0] / margin, budgets[-1] * margin)


def _lay_out(panels: int, handles: Sequence[Line2D]) -> tuple[Figure, list[Axes], Axes | None]:
    """A figure with that many panels, and the spare place of the grid if an odd number leaves one."""
    columns, rows = (1, 1) if panels <= 1 else (2, math.ceil(panels / 2))
    width, panel_height = (SINGLE_WIDTH, SINGLE_HEIGHT) if columns == 1 else (2 * PANEL_WIDTH, PANEL_HEIGHT)
    spared = columns * rows > panels > 1
    legend_lines = 0 if spared or not handles else math.ceil(len(handles) / _legend_columns(handles, width))
    header = TITLE_LINE + NOTE_LINE + LEGEND_LINE * legend_lines + PANEL_TITLE
    height = header + panel_height * rows + BETWEEN_ROWS * (rows - 1) + BOTTOM
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    cell_width = (width - LEFT - RIGHT - BETWEEN_COLUMNS) / 2
    axes = figure.subplots(
        rows, columns, squeeze=False,
        gridspec_kw={
            "left": LEFT / width, "right": 1 - RIGHT / width, "bottom": BOTTOM / height,
            "top": 1 - header / height,
            "hspace": BETWEEN_ROWS / panel_height, "wspace": BETWEEN_COLUMNS / cell_width,
        },
    ).flatten().tolist()  # fmt: skip
    for axis in axes[panels:]:
        axis.set_axis_off()
    _label_outside(axes[:panels], columns)
    return figure, axes, axes[-1] if spared else None


def _label_outside(axes: Sequence[Axes], columns: int) -> None:
    """Names of the axes at the left edge and under each column only."""
    for number, axis in enumerate(axes):
        if number % columns == 0:
            axis.set_ylabel("accuracy (%)")
        if number + columns >= len(axes):
            axis.set_xlabel("unique pairs (log scale)")


def _add_header(figure: Figure, results: Results, comparison: pd.DataFrame) -> None:
    """The suite's name, and what the marks are and on how many seeds."""
    height, left = figure.get_figheight(), 0.1 / figure.get_figwidth()
    figure.text(left, 1 - 0.1 / height, results.suite, fontsize=11.5, fontweight="bold", va="top")
    figure.text(left, 1 - TITLE_LINE / height, _note(comparison), fontsize=8.5, color=MUTED, va="top")


def _note(comparison: pd.DataFrame) -> str:
    seeds = count_range([int(count) for count in comparison.loc[comparison["arm"] != START.arm, "seeds"]])
    if seeds == NONE:
        return "No trained arm has a score."
    if seeds == "1":
        return "One seed; bars: 95 % interval over problems only, not over training runs"
    return (
        f"Mean of {seeds} seeds; bars: 95 % interval over seeds and problems; small open points: single seeds"
    )


def _legend_columns(handles: Sequence[Line2D], width: float) -> int:
    """How many entries fit beside each other, by the longest of them."""
    longest = max(len(str(handle.get_label())) for handle in handles)
    return max(1, min(len(handles), int(width / (LEGEND_HANDLE + LEGEND_LETTER * longest))))


def _add_legend(figure: Figure, handles: Sequence[Line2D], spare: Axes | None) -> None:
    """The arms: in the spare place of the grid, else under the header; never on the data."""
    look: dict[str, Any] = {"handles": list(handles), "frameon": False, "fontsize": 9, "handlelength": 2.8}
    if not handles:
        return
    if spare is not None:
        spare.legend(**look, loc="center left", labelspacing=0.9, ncols=1 + len(handles) // 9)
        return
    width, height = figure.get_size_inches()
    place = (0.05 / width, 1 - (TITLE_LINE + NOTE_LINE - 0.04) / height)
    columns = _legend_columns(handles, width)
    figure.legend(
        **look, loc="upper left", bbox_to_anchor=place, ncols=columns, borderaxespad=0, labelspacing=0.35
    )


def _handles(results: Results, comparison: pd.DataFrame) -> Iterator[Line2D]:
    """Legend entries of the arms that have a result, and of the start model."""
    present = set(comparison["arm"])
    for number, arm in enumerate(results.arms):
        if arm in present:
            yield Line2D([], [], **_style(number), linewidth=1.7, markersize=5.5, label=arm)
    if START.arm in present:
        yield Line2D([], [], color=START_COLOUR, linewidth=1.1, linestyle=(0, (4, 3)), label="start model")
