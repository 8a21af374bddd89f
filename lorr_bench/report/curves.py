"""Sample-efficiency curves: accuracy against unique pairs, one line an arm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.arms import method_of, methods, plugin_of
from lorr_bench.report.cells import NONE, count_range, plural
from lorr_bench.report.drawing import (
    MUTED,
    START_COLOUR,
    START_DASHES,
    STYLE,
    Header,
    add_header,
    dress,
    legend_look,
    plugin_style,
)
from lorr_bench.report.measures import Measure, rows_of
from lorr_bench.values import START, Results

SEED_SHIFT = 1.025  # on x: single seeds stand just beside the mean, not on it
LEFT, RIGHT, BOTTOM, PANEL_TITLE = 0.58, 0.12, 0.5, 0.32
TICK_WIDTH, TITLE_SIZE = 0.42, 10.0
LETTER_WIDTH = 0.7 / 72  # inches a point: of a bold letter on average, with room to spare


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: some arms on one measure."""

    title: str
    arms: tuple[str, ...]
    measure: Measure


@dataclass(frozen=True, slots=True)
class Grid:
    """How panels are laid out; lengths in inches.

    Attributes:
        columns: Panels beside each other.
        width: Of a panel, with the space to its neighbour.
        height: Of a panel, without the space to its neighbours.
        between_columns: Space between panels.
        between_rows: Space between panels, for the title of the lower one.
    """

    columns: int
    width: float
    height: float
    between_columns: float = 0.5
    between_rows: float = 0.6

    def title_size(self, longest: int) -> float:
        """Points at which a title of so many letters stays on its panel."""
        room = self.width - self.between_columns
        return min(TITLE_SIZE, room / (LETTER_WIDTH * max(1, longest)))

    @classmethod
    def for_panels(cls, panels: int) -> Grid:
        """Few panels are drawn large, many small."""
        if panels <= 1:
            return cls(1, 6.4, 3.4)
        if panels <= 6:
            return cls(2, 4.0, 2.7)
        return cls(4, 2.2, 1.45, between_columns=0.2, between_rows=0.42)


def panels_of(results: Results, measures: Sequence[Measure]) -> tuple[Panel, ...]:
    """One panel a measure; with several methods one panel a method, on the first measure."""
    names = methods(results)
    if len(names) <= 1:
        return tuple(Panel(measure.title, results.arms, measure) for measure in measures)
    return tuple(
        Panel(name, tuple(arm for arm in results.arms if method_of(arm) == name), measure)
        for measure in measures[:1]
        for name in names
    )


def draw_curves(
    results: Results, comparison: pd.DataFrame, scores: pd.DataFrame, measures: Sequence[Measure]
) -> Figure:
    """Draws accuracy against unique pairs, a panel a measure; with several methods a panel a method.

    Args:
        results: The results.
        comparison: Their comparison table: lines and intervals.
        scores: Their score table: the points of single seeds.
        measures: The panels; with several methods the first of them is drawn, for each method.

    Returns:
        The figure, for ``png_bytes`` and ``svg_text``.
    """
    panels = panels_of(results, measures)
    several = len(methods(results)) > 1
    grid = Grid.for_panels(len(panels))
    handles = tuple(_handles(results, comparison))
    spare = -len(panels) % grid.columns > 0 and len(panels) <= 2 * grid.columns
    notes = _notes(comparison, measures[0] if several and measures else None)
    header = Header(results.suite, notes, () if spare else handles)
    title_size = grid.title_size(max((len(panel.title) for panel in panels), default=0))
    with mpl.rc_context(STYLE):
        figure, axes = _lay_out(len(panels), grid, header, shared=several)
        for axis, panel in zip(axes, panels, strict=False):
            axis.set_title(panel.title, loc="left", fontsize=title_size, fontweight="bold")
            _draw_panel(axis, results, comparison, panel)
            _set_budget_ticks(
                axis, _budgets(comparison), max(len(panel.arms) for panel in panels), grid.width
            )
            if not several:
                _draw_seeds(axis, results, comparison, scores, panel)
                problems = _problems(comparison, panel.measure)
                axis.set_title(problems, loc="right", fontsize=8.5, color=MUTED)
        add_header(figure, header)
        if spare and handles:
            axes[-1].legend(
                **legend_look(handles), loc="center left", labelspacing=0.9, ncols=1 + len(handles) // 9
            )
    return figure


def _lay_out(panels: int, grid: Grid, header: Header, shared: bool) -> tuple[Figure, list[Axes]]:
    """A figure with that many panels; what the last row leaves over is blank."""
    rows = max(1, math.ceil(panels / grid.columns))
    width = grid.columns * grid.width
    top = header.height(width) + PANEL_TITLE
    height = top + grid.height * rows + grid.between_rows * (rows - 1) + BOTTOM
    cell = (width - LEFT - RIGHT - grid.between_columns * (grid.columns - 1)) / grid.columns
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        rows, grid.columns, squeeze=False, sharex=shared, sharey=shared,
        gridspec_kw={
            "left": LEFT / width, "right": 1 - RIGHT / width, "bottom": BOTTOM / height,
            "top": 1 - top / height,
            "hspace": grid.between_rows / grid.height, "wspace": grid.between_columns / cell,
        },
    ).flatten().tolist()  # fmt: skip
    for axis in axes[panels:]:
        axis.set_axis_off()
    _label_outside(axes[:panels], grid.columns)
    return figure, axes


def _label_outside(axes: Sequence[Axes], columns: int) -> None:
    """Names of the axes at the left edge and under each column only."""
    for number, axis in enumerate(axes):
        if number % columns == 0:
            axis.set_ylabel("accuracy (%)")
        if number + columns >= len(axes):
            axis.set_xlabel("unique pairs (log scale)" if columns <= 2 else "unique pairs")
            axis.tick_params(labelbottom=True)


def _draw_panel(axis: Axes, results: Results, comparison: pd.DataFrame, panel: Panel) -> None:
    table = rows_of(comparison, panel.measure)
    dress(axis, "y")
    for value in table.loc[table["arm"] == START.arm, "mean"]:
        axis.axhline(100 * value, color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, zorder=1)
    for number, arm in enumerate(panel.arms):
        dodge = _dodge(number, len(panel.arms), _budgets(comparison))
        _draw_arm(axis, table[table["arm"] == arm], plugin_style(results, arm), dodge)


def _budgets(comparison: pd.DataFrame) -> list[int]:
    return sorted(int(budget) for budget in set(comparison["unique_pairs"]) if budget > 0)


def _dodge(number: int, arms: int, budgets: Sequence[int]) -> float:
    """The factor on x that keeps an arm's points beside those of the others."""
    closest = min((later / earlier for earlier, later in pairwise(budgets)), default=2.0)
    step = min(0.07, 0.5 * math.log(closest) / max(arms, 1))
    return math.exp(step * (number - (arms - 1) / 2))


def _draw_arm(axis: Axes, table: pd.DataFrame, style: Mapping[str, Any], dodge: float) -> None:
    """Line and interval of one arm, in per cent."""
    table = table.sort_values("unique_pairs")
    x = table["unique_pairs"].to_numpy(dtype=float) * dodge
    low, mean, high = 100 * table[["low", "mean", "high"]].to_numpy(dtype=float).T
    ends = np.stack([mean - low, high - mean])
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


def _draw_seeds(
    axis: Axes, results: Results, comparison: pd.DataFrame, scores: pd.DataFrame, panel: Panel
) -> None:
    """The scores of single seeds, of arms that have several."""
    means, scores = rows_of(comparison, panel.measure), rows_of(scores, panel.measure)
    for number, arm in enumerate(panel.arms):
        if not any(means.loc[means["arm"] == arm, "seeds"] > 1):
            continue
        own, style = scores[scores["arm"] == arm], plugin_style(results, arm)
        x = own["unique_pairs"].to_numpy(dtype=float)
        dodge = _dodge(number, len(panel.arms), _budgets(comparison)) * SEED_SHIFT
        axis.plot(
            x * dodge, 100 * own["value"].to_numpy(dtype=float), linestyle="", marker=style["marker"],
            markersize=3.2, markerfacecolor="white", markeredgecolor=style["color"], markeredgewidth=0.7,
            zorder=4,
        )  # fmt: skip


def _problems(comparison: pd.DataFrame, measure: Measure) -> str:
    """``300 problems``; nothing where scores are known as totals only."""
    counts = count_range([int(count) for count in rows_of(comparison, measure)["problems"]])
    return "" if counts == NONE else plural(counts, "problem")


def _set_budget_ticks(axis: Axes, budgets: Sequence[int], arms: int, width: float) -> None:
    """A tick at each budget, with its number where there is room."""
    axis.set_xscale("log")
    labelled = spaced(budgets, width - LEFT)
    axis.set_xticks(list(budgets), labels=[f"{budget:,}" if budget in labelled else "" for budget in budgets])
    axis.minorticks_off()
    if budgets:
        margin = _dodge(arms - 1, arms, budgets) * max((budgets[-1] / budgets[0]) ** 0.06, 1.1)
        axis.set_xlim(budgets[0] / margin, budgets[-1] * margin)


def spaced(budgets: Sequence[int], width: float) -> list[int]:
    """The rising budgets whose numbers fit on a logarithmic axis of that many inches, the largest first."""
    kept: list[int] = []
    decades = math.log(budgets[-1] / budgets[0]) if len(budgets) > 1 else 1.0
    for budget in reversed(budgets):
        if not kept or math.log(kept[-1] / budget) / decades * width >= TICK_WIDTH:
            kept.append(budget)
    return kept


def _notes(comparison: pd.DataFrame, measure: Measure | None) -> tuple[str, ...]:
    """What is drawn and on how many seeds; the measure where no panel names it."""
    seeds = count_range([int(count) for count in comparison.loc[comparison["arm"] != START.arm, "seeds"]])
    if seeds == NONE:
        return ("No trained arm has a score.",)
    if seeds == "1":
        bars = "One seed; bars: 95 % interval over problems only, not over training runs"
    else:
        bars = f"Mean of {seeds} seeds; bars: 95 % interval over seeds and problems"
    if measure is None:
        return (bars if seeds == "1" else f"{bars}; small open points: single seeds",)
    told = [measure.title, _problems(comparison, measure), "one panel per method"]
    return (", ".join(filter(None, told)), bars)


def _handles(results: Results, comparison: pd.DataFrame) -> Iterator[Line2D]:
    """Legend entries of the arms that have a result, with several methods of the plug-ins; and the start."""
    present = set(comparison["arm"])
    several = len(methods(results)) > 1
    labels: dict[str, str] = {}
    for arm in results.arms:
        if arm in present:
            labels.setdefault(plugin_of(arm) if several else arm, arm)
    for label, arm in labels.items():
        yield Line2D([], [], **plugin_style(results, arm), linewidth=1.7, markersize=5.5, label=label)
    if START.arm in present:
        yield Line2D([], [], color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, label="start model")
