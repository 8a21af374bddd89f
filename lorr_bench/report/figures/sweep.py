"""Accuracy against a setting that the suite varies: a line for all that is otherwise equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.figures.canvas.panels import Grid, Heading, lay_out, name_axes
from lorr_bench.report.figures.canvas.scales import Scale, keep_to_shares, set_scale
from lorr_bench.report.figures.drawing import (
    COLOURS,
    DASHES,
    MARK,
    MARKERS,
    START_COLOUR,
    START_DASHES,
    STYLE,
    Drawing,
    Header,
    dress,
    legend_label,
    start_handle,
)
from lorr_bench.report.figures.figure_data import FigureData
from lorr_bench.report.formatting import count_range, interval_covers, plural
from lorr_bench.stats import spans_factors
from lorr_bench.values import START, Measure, Sweep, SweepLine

MAX_LINES: Final = 8
MAX_PANELS: Final = 12


@dataclass(frozen=True)
class Swept:
    """The figure before it is drawn: a panel a budget.

    Attributes:
        data: What figures of scores are drawn from.
        sweep: The setting and its lines.
        measure: What is drawn.
    """

    data: FigureData
    sweep: Sweep
    measure: Measure

    @cached_property
    def points(self) -> dict[int, dict[str, list[tuple[float, Any]]]]:
        """By budget and line, the value and the row of the comparison of each arm with a score."""
        rows = self.data.comparison.rows
        budgets = sorted({budget for _, budget, _ in rows if budget})
        found = {
            budget: {
                line.name: [
                    (value, rows[arm, budget, self.measure])
                    for value, arm in zip(line.values, line.arms, strict=True)
                    if (arm, budget, self.measure) in rows
                ]
                for line in self.lines
            }
            for budget in budgets
        }
        return {
            budget: lines for budget, lines in found.items() if any(len(line) > 1 for line in lines.values())
        }

    @property
    def lines(self) -> tuple[SweepLine, ...]:
        """Those that are drawn."""
        return self.sweep.lines[:MAX_LINES]

    @property
    def budgets(self) -> list[int]:
        """Those that are drawn, rising: the largest ones where there are too many."""
        return sorted(self.points)[-MAX_PANELS:]

    @cached_property
    def scale(self) -> Scale:
        """The horizontal axis of all panels."""
        values = [value for lines in self.points.values() for line in lines.values() for value, _ in line]
        return Scale.over(values, log=spans_factors(values))

    @cached_property
    def rows(self) -> list[Any]:
        """The rows of all points."""
        return [row for lines in self.points.values() for line in lines.values() for _, row in line]

    def style(self, name: str) -> dict[str, Any]:
        """Colour, marker and dash of a line."""
        number = [line.name for line in self.lines].index(name)
        return {
            "color": COLOURS[number % len(COLOURS)],
            "marker": MARKERS[number % len(MARKERS)],
            "linestyle": DASHES[number % len(DASHES)],
        }

    @property
    def start(self) -> float | None:
        """The start model's score in per cent; None where it has none."""
        row = self.data.comparison.rows.get((START.arm, START.unique_pairs, self.measure))
        return None if row is None else 100 * float(row.mean)


def draw_sweep(data: FigureData) -> Drawing | None:
    """Draws the score against the setting that the suite sweeps, on the primary measure.

    Args:
        data: What figures of scores are drawn from.

    Returns:
        The drawing; None where the suite sweeps nothing, or no line has two values with a score.
    """
    sweep, measure = data.study.analysis.sweep, data.study.primary_measure
    if sweep is None or measure is None:
        return None
    swept = Swept(data, sweep, measure)
    if not swept.points:
        return None
    lines = plural(str(len(swept.lines)), "line")
    return Drawing(
        name="sweep",
        title=_title(swept),
        description=f"Accuracy on {measure.title} against {sweep.setting}: {lines}",
        figure=_draw(swept),
    )


def _title(swept: Swept) -> str:
    return f"Accuracy against {swept.sweep.setting}"


def _draw(swept: Swept) -> Figure:
    budgets = swept.budgets
    grid = Grid.for_panels(len(budgets), shared=len(budgets) > 1)
    headings = [
        Heading(f"{swept.measure.title}, {budget:,} pairs", swept.data.problems(swept.measure))
        for budget in budgets
    ]
    with mpl.rc_context(STYLE):
        figure, axes = lay_out(
            headings, grid, Header(_title(swept), tuple(_notes(swept)), tuple(_handles(swept)))
        )
        for axis, budget in zip(axes, budgets, strict=True):
            _draw_panel(axis, swept, swept.points[budget], grid.width)
        for axis in axes:  # not before all are drawn: panels share their limits
            keep_to_shares(axis)
        log = " (log scale)" if swept.scale.log else ""
        name_axes(axes, grid.columns, x=f"{swept.sweep.setting}{log}", y="accuracy (%)")
    return figure


def _draw_panel(axis: Axes, swept: Swept, lines: dict[str, list[tuple[float, Any]]], width: float) -> None:
    """The start model, and each line with the intervals of its points."""
    dress(axis, "y")
    if swept.start is not None:
        axis.axhline(swept.start, color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, zorder=1)
    every = [value for line in lines.values() for value, _ in line]
    places = iter(swept.scale.side_by_side(every))
    for name, line in lines.items():
        style = swept.style(name)
        own = [float(next(places)) for _ in line]
        low, mean, high = ([100 * getattr(row, end) for _, row in line] for end in ("low", "mean", "high"))
        axis.vlines(own, low, high, color=style["color"], linewidth=1.1, alpha=0.75, zorder=2)
        axis.plot(own, mean, **style, **MARK, linewidth=1.6, zorder=3, clip_on=False)
    set_scale(axis, swept.scale, width, sorted(set(every)))


def _handles(swept: Swept) -> Iterator[Line2D]:
    for line in swept.lines:
        yield Line2D([], [], **swept.style(line.name), **MARK, linewidth=1.6, label=legend_label(line.name))
    if swept.start is not None:
        yield start_handle()


def _notes(swept: Swept) -> Iterator[str]:
    """On how many seeds points rest, what the bars are, and what is left out."""
    seeds = count_range(row.seeds for row in swept.rows)
    one_seed = seeds == "1"
    over = "One seed" if one_seed else f"Mean of {seeds} seeds"
    covers = interval_covers(one_seed=one_seed)
    yield f"{over}; bars: 95 % interval over {covers}. Along a line all else that the suite sets is equal."
    if len(swept.sweep.lines) > len(swept.lines):
        yield f"Drawn: the first {len(swept.lines)} of {len(swept.sweep.lines):,} lines."
    if len(swept.points) > len(swept.budgets):
        yield f"Drawn: the largest {len(swept.budgets)} of {len(swept.points):,} budgets."
