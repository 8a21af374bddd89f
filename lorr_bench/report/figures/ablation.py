"""Ablation: a bar for each arm of a method at the largest budget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lorr_bench.report.arms import method_of, plugin_of
from lorr_bench.report.cells import count_range, percent, plural
from lorr_bench.report.figures.arm_styles import Selection, Shown
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
from lorr_bench.report.figures.panels import Grid, Heading, lay_out, name_axes
from lorr_bench.report.figures.text_fit import shortened_apart, text_width, widest
from lorr_bench.report.measures import Measure
from lorr_bench.report.tables.comparison import largest_budget, largest_rows
from lorr_bench.values import START

MIN_ARMS = 3
"""Of a method: with two, plain and LoRR, nothing was taken out."""
MAX_PLUGINS, MAX_PANELS, MAX_COLUMNS, MAX_HEIGHT, BETWEEN_ROWS = 12, 12, 3, 7.5, 0.7
BAR_LINE, BAR_HEIGHT, LABEL_ROOM, NUMBER_SIZE = 0.2, 0.64, 1.5, 7.0
INTERVAL_COLOUR = "#222222"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: the plug-ins of one method on one measure."""

    heading: Heading
    method: str
    measure: Measure


@dataclass(frozen=True)
class Ablation:
    """The figure before it is drawn: a panel a measure, with several ablated methods a panel a method."""

    shown: Shown

    @cached_property
    def found(self) -> Mapping[tuple[str, Measure], Any]:
        """Scores at the largest budget and of the start model."""
        return largest_rows(self.shown.comparison)

    @cached_property
    def selection(self) -> Selection:
        """The arms with a score of methods that have at least three of them."""
        scored = {arm for arm, measure in self.found if measure in self.shown.measures}
        arms = [arm for arm in self.shown.results.arms if arm in scored]
        counts = Counter(method_of(arm) for arm in arms)
        ablated = [arm for arm in arms if counts[method_of(arm)] >= MIN_ARMS]
        bars = min(MAX_PLUGINS, len({plugin_of(arm) for arm in ablated}))
        return self.shown.arm_styles.first(max_panels(bars), MAX_PLUGINS, ablated)

    @property
    def several(self) -> bool:
        """Whether there is a panel a method."""
        return len(self.selection.methods) > 1

    @property
    def plugins(self) -> list[str]:
        """The bars of each panel, from above to below."""
        shown = {plugin_of(arm) for arm in self.selection.arms}
        return [name for name in self.shown.arm_styles.plugins if name in shown]

    @property
    def panels(self) -> list[Panel]:
        """One a method, or of a single method one a measure."""
        if self.several:
            return [Panel(Heading(name), name, self.shown.measures[0]) for name in self.selection.methods]
        return [
            Panel(Heading(measure.title, self.shown.problems(measure)), self.selection.methods[0], measure)
            for measure in self.shown.measures
            if any((arm, measure) in self.found for arm in self.selection.arms)
        ][: max_panels(len(self.plugins))]

    def rows(self, panel: Panel) -> dict[int, Any]:
        """The scores of a panel by the number of their bar."""
        arms = [f"{panel.method}+{name}" for name in self.plugins]
        found = {line: self.found.get((arm, panel.measure)) for line, arm in enumerate(arms)}
        return {line: row for line, row in found.items() if row is not None}

    def start(self, panel: Panel) -> float:
        """The start model's score in per cent; NaN where it has none."""
        row = self.found.get((START.arm, panel.measure))
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
    budget = f"{largest_budget(ablation.shown.comparison):,}"
    of = "each method" if ablation.several else ablation.selection.methods[0]
    arms = plural(f"{len(ablation.selection.arms)}", "arm")
    return Drawing(
        "ablation",
        f"Arms of {of} at {budget} unique pairs",
        f"Bars: accuracy of {arms} at {budget} unique pairs with intervals, beside that of the start model",
        _draw(ablation),
    )


def _draw(ablation: Ablation) -> Figure:
    panels = ablation.panels
    labels = shortened_apart(ablation.plugins, LABEL_ROOM, TICK_SIZE)
    grid = Grid.for_panels(len(panels), shared=ablation.several)
    grid = replace(
        grid, columns=min(MAX_COLUMNS, grid.columns), height=BAR_LINE * len(labels) + 0.08,
        left=MARGIN + widest(labels, TICK_SIZE) + 0.08, between=0.22,
    )  # fmt: skip
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
    for line, row in ablation.rows(panel).items():
        colour = ablation.shown.arm_styles.style(row.arm)["color"]
        low, mean, high = 100 * row.low, 100 * row.mean, 100 * row.high
        axis.barh(line, mean, height=BAR_HEIGHT, color=colour, alpha=0.8, zorder=2)
        axis.hlines(line, low, high, color=INTERVAL_COLOUR, linewidth=1.2, zorder=4)
        axis.annotate(
            percent(row.mean), (mean if math.isnan(high) else max(mean, high), line), (3, 0),
            textcoords="offset points", va="center_baseline", fontsize=NUMBER_SIZE, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip


def _end(reach: float, width: float) -> float:
    """Where an axis from 0 ends, so that a number fits behind what reaches furthest."""
    return reach / (1 - (text_width("100.0", NUMBER_SIZE) + 0.1) / width)


def _measures_note(ablation: Ablation) -> str:
    return "" if ablation.several else ablation.shown.note(len(ablation.panels))


def _header(ablation: Ablation) -> Header:
    drawn = [row for panel in ablation.panels for row in ablation.rows(panel).values()]
    notes = tuple(filter(None, (*_notes(ablation, drawn), _measures_note(ablation), ablation.selection.note)))
    started = any(not math.isnan(ablation.start(panel)) for panel in ablation.panels)
    return Header(ablation.shown.results.suite, notes, (start_handle(),) if started else ())


def _notes(ablation: Ablation, drawn: Sequence[Any]) -> Iterator[str]:
    """Which arms on what, and what the bars cover."""
    measure = ablation.shown.measures[0]
    what = (
        ", ".join(filter(None, [measure.title, ablation.shown.problems(measure)]))
        if ablation.several
        else ablation.selection.methods[0]
    )
    yield f"{what}; accuracy at {largest_budget(ablation.shown.comparison):,} unique pairs."
    seeds = count_range([row.seeds for row in drawn])
    if seeds == "1":
        yield "One seed; lines: 95 % interval over problems only, not over training runs."
    else:
        yield f"Mean of {seeds} seeds; lines: 95 % interval over seeds and problems."
