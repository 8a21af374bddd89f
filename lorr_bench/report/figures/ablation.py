"""Ablation: a bar for each arm of a method at the largest budget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lorr_bench.report.figures.arm_styles import Selection
from lorr_bench.report.figures.canvas.panels import Grid, Heading, Panel, lay_out, name_axes
from lorr_bench.report.figures.canvas.text_fit import text_width, truncated_apart, widest
from lorr_bench.report.figures.drawing import (
    MARGIN,
    START_COLOUR,
    START_DASHES,
    STYLE,
    TICK_SIZE,
    Drawing,
    Header,
    dress,
    start_handle,
)
from lorr_bench.report.figures.figure_data import FigureData
from lorr_bench.report.formatting import START_MODEL, count_range, interval_covers, percent, plural
from lorr_bench.values import START

MIN_ARMS = 3
"""Of a method: with two, plain and LoRR, nothing was taken out."""
MAX_PLUGINS, MAX_PANELS, MAX_COLUMNS, MAX_HEIGHT, BETWEEN_ROWS = 12, 12, 3, 7.5, 0.7
BAR_LINE, BAR_HEIGHT, LABEL_WIDTH, NUMBER_SIZE = 0.2, 0.64, 1.5, 7.0
INTERVAL_COLOUR = "#222222"


@dataclass(frozen=True)
class Ablation:
    """The figure before it is drawn: a panel a measure, with several ablated methods a panel a method."""

    data: FigureData

    @cached_property
    def selection(self) -> Selection:
        """The arms with a score of methods that have at least three of them."""
        study, rows = self.data.study, self.data.comparison.at_largest_budget
        scored = {arm for arm, measure in rows if measure in self.data.measures}
        arms = [arm for arm in study.results.arms if arm in scored]
        counts = Counter(map(study.method_of, arms))
        ablated = [arm for arm in arms if counts[study.method_of(arm)] >= MIN_ARMS]
        bars = min(MAX_PLUGINS, len(set(map(study.plugin_of, ablated))))
        return self.data.arm_styles.first(max_panels(bars), MAX_PLUGINS, ablated)

    @property
    def several(self) -> bool:
        """Whether there is a panel a method."""
        return len(self.selection.methods) > 1

    @cached_property
    def plugins(self) -> list[str]:
        """The bars of each panel, from above to below."""
        drawn = set(map(self.data.study.plugin_of, self.selection.arms))
        return [name for name in self.data.study.plugins if name in drawn]

    @cached_property
    def panels(self) -> list[Panel]:
        """One a method, or of a single method one a measure."""
        measures, arms = self.data.measures, self.selection.arms
        if self.several:
            return [
                Panel(Heading(method), measures[0], tuple(own))
                for method, own in self.selection.by_method.items()
            ]
        rows = self.data.comparison.at_largest_budget
        return [
            Panel(Heading(measure.title, self.data.problems(measure)), measure, arms)
            for measure in measures
            if any((arm, measure) in rows for arm in arms)
        ][: max_panels(len(self.plugins))]

    def rows(self, panel: Panel) -> dict[int, Any]:
        """The scores of a panel by the number of their bar, from above to below."""
        bars = {self.plugins.index(self.data.study.plugin_of(arm)): arm for arm in panel.arms}
        rows = {
            bar: self.data.comparison.at_largest_budget.get((bars[bar], panel.measure))
            for bar in sorted(bars)
        }
        return {bar: row for bar, row in rows.items() if row is not None}

    def start(self, panel: Panel) -> float:
        """The start model's score in per cent; NaN where it has none."""
        row = self.data.comparison.at_largest_budget.get((START.arm, panel.measure))
        return math.nan if row is None else 100 * float(row.mean)

    def reach(self, panel: Panel) -> float:
        """How far bars, intervals and the start model's line reach, in per cent."""
        ends = [100 * float(end) for row in self.rows(panel).values() for end in (row.mean, row.high)]
        return max([1e-9, *(end for end in (*ends, self.start(panel)) if not math.isnan(end))])


def max_panels(bars: int) -> int:
    """How many panels of so many bars fit on a page."""
    rows = max(1, int(MAX_HEIGHT / (BAR_LINE * bars + BETWEEN_ROWS)))
    return min(MAX_PANELS, MAX_COLUMNS * rows)


def draw_ablation(ablation: Ablation) -> Drawing | None:
    """Draws the scores of the arms of one method, or of several side by side.

    Args:
        ablation: What to draw.

    Returns:
        The drawing; None where no method has three arms with a score.
    """
    if not ablation.selection.arms:
        return None
    budget = f"{ablation.data.comparison.largest_budget:,}"
    arms = plural(f"{len(ablation.selection.arms)}", "arm")
    return Drawing(
        name="ablation",
        title=_title(ablation),
        description=(
            f"Bars: accuracy of {arms} at {budget} unique pairs with intervals, beside that of the "
            f"{START_MODEL}"
        ),
        figure=_draw(ablation),
    )


def _title(ablation: Ablation) -> str:
    of = "each method" if ablation.several else ablation.selection.methods[0]
    return f"Arms of {of} at {ablation.data.comparison.largest_budget:,} unique pairs"


def _draw(ablation: Ablation) -> Figure:
    panels = ablation.panels
    labels = truncated_apart(ablation.plugins, LABEL_WIDTH, TICK_SIZE)
    grid = Grid.for_panels(len(panels), shared=ablation.several)
    grid = replace(
        grid,
        columns=min(MAX_COLUMNS, grid.columns),
        height=BAR_LINE * len(labels) + 0.08,
        left=MARGIN + widest(labels, TICK_SIZE) + 0.08,
        between=0.22,
    )
    reach = max(ablation.reach(panel) for panel in panels)
    with mpl.rc_context(STYLE):
        figure, axes = lay_out([panel.heading for panel in panels], grid, _header(ablation))
        for number, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
            _draw_panel(axis, ablation, panel)
            axis.set_xlim(0, _end(reach if ablation.several else ablation.reach(panel), grid.width))
            axis.set_ylim(len(labels) - 0.4, -0.6)
            axis.set_yticks(range(len(labels)), labels=labels)
            axis.tick_params(axis="y", length=0, labelleft=number % grid.columns == 0)
        name_axes(axes, grid.columns, x="accuracy (%)", y="")
    return figure


def _draw_panel(axis: Axes, ablation: Ablation, panel: Panel) -> None:
    """Bars from above to below, each with its interval and its number, and the start model's line."""
    dress(axis, "x")
    axis.axvline(ablation.start(panel), color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, zorder=3)
    for bar, row in ablation.rows(panel).items():
        colour = ablation.data.arm_styles.style(row.arm)["color"]
        low, mean, high = 100 * row.low, 100 * row.mean, 100 * row.high
        axis.barh(bar, mean, height=BAR_HEIGHT, color=colour, alpha=0.8, zorder=2)
        axis.hlines(bar, low, high, color=INTERVAL_COLOUR, linewidth=1.2, zorder=4)
        axis.annotate(
            percent(row.mean),
            xy=(mean if math.isnan(high) else max(mean, high), bar),
            xytext=(3, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=NUMBER_SIZE,
            zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )


def _end(reach: float, width: float) -> float:
    """Where an axis from 0 ends, so that a number fits behind what reaches furthest."""
    return reach / (1 - (text_width("100.0", NUMBER_SIZE) + 0.1) / width)


def _measures_note(ablation: Ablation) -> str:
    return "" if ablation.several else ablation.data.note(len(ablation.panels))


def _header(ablation: Ablation) -> Header:
    drawn = [row for panel in ablation.panels for row in ablation.rows(panel).values()]
    notes = tuple(filter(None, (*_notes(ablation, drawn), _measures_note(ablation), ablation.selection.note)))
    started = any(not math.isnan(ablation.start(panel)) for panel in ablation.panels)
    return Header(_title(ablation), notes, (start_handle(),) if started else ())


def _notes(ablation: Ablation, drawn: Sequence[Any]) -> Iterator[str]:
    """Which arms on what, and what the bars cover."""
    measure = ablation.data.measures[0]
    what = (
        ", ".join(filter(None, [measure.title, ablation.data.problems(measure)]))
        if ablation.several
        else ablation.selection.methods[0]
    )
    yield f"{what}; accuracy at {ablation.data.comparison.largest_budget:,} unique pairs."
    seeds = count_range([row.seeds for row in drawn])
    over = "One seed" if seeds == "1" else f"Mean of {seeds} seeds"
    yield f"{over}; lines: 95 % interval over {interval_covers(one_seed=seeds == '1')}."
