"""Pareto front: accuracy against the cost of training, a point an arm and budget."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.figures.arm_styles import ArmStyles
from lorr_bench.report.figures.canvas.scales import Scale, set_scale
from lorr_bench.report.figures.canvas.text_fit import number_text, text_width, truncated_apart, widest
from lorr_bench.report.figures.drawing import (
    AXIS_COLOUR,
    MARGIN,
    MARK,
    MUTED,
    START_COLOUR,
    START_DASHES,
    STYLE,
    TICK_SIZE,
    WIDTH,
    Drawing,
    Header,
    add_header,
    blank_figure,
    dress,
)
from lorr_bench.report.figures.quantities import Quantity
from lorr_bench.report.formatting import counted, percent
from lorr_bench.report.tables.comparison import Comparison
from lorr_bench.values import START, Measure

MAX_POINTS, MAX_LISTED, MAX_PLUGINS = 300, 20, 8
OTHER_LABEL = "other plug-ins"
OTHER: dict[str, Any] = {"color": MUTED, "marker": "h"}
PANEL, LINE, LEFT, BOTTOM, TOP = 3.0, 0.165, 0.55, 0.46, 0.1
LIST_WIDTH, LIST_GAP, COLUMN_GAP = 2.9, 0.2, 0.12
NUMBER_SIZE, NUMBER_HEIGHT = 7.5, 0.1
"""Of the numbers at the points of the front: points, inches."""
FAINT_MARK = {
    "markersize": 4.5,
    "markerfacecolor": "white",
    "markeredgewidth": 0.9,
    "alpha": 0.7,
    "zorder": 3,
}
LEADER = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkA": 4, "shrinkB": 3}
"""The line from a number to a point that is not beside it."""
UNITS = {"flops": "FLOPs", "wall_seconds": "seconds"}


@dataclass(frozen=True)
class Pareto:
    """The figure before it is drawn.

    Attributes:
        arm_styles: The arms.
        comparison: The comparison.
        measure: What accuracy is.
        quantity: What cost is.
    """

    arm_styles: ArmStyles
    comparison: Comparison
    measure: Measure
    quantity: Quantity

    @cached_property
    def points(self) -> pd.DataFrame:
        """Every trained arm with a score and a cost, the cheapest first; accuracy in per cent.

        ``front`` says whether no other arm scores as high for as little.
        """
        table = self.comparison.of(self.measure)
        table = table[table["arm"] != START.arm]
        keys = zip(table["arm"], table["unique_pairs"], strict=True)
        costs = [self.quantity.means.get(key, math.nan) for key in keys]
        table = table.assign(cost=costs, accuracy=100 * table["mean"].astype(float))
        table = table[table["cost"].notna()].sort_values(
            ["cost", "accuracy"], ascending=[True, False], kind="stable"
        )
        best_before = table["accuracy"].cummax().shift(fill_value=-math.inf)
        return table.assign(front=table["accuracy"] > best_before)

    @cached_property
    def front(self) -> list[Any]:
        """The rows of the front, the cheapest first."""
        return list(self.points[self.points["front"]].itertuples())

    @cached_property
    def drawn(self) -> pd.DataFrame:
        """The front, and of the others the first in the order of the suite."""
        others = self.points.index[~self.points["front"]].sort_values()[:MAX_POINTS]
        return self.points[self.points["front"] | self.points.index.isin(others)]

    @property
    def listed(self) -> list[Any]:
        """The points of the front that have a number: the most accurate."""
        return self.front[-MAX_LISTED:]

    @cached_property
    def named(self) -> list[str]:
        """The first plug-ins, as many as can be told apart; the points of others look alike."""
        study = self.arm_styles.study
        present = set(map(study.plugin_of, self.drawn["arm"]))
        return [plugin for plugin in study.plugins if plugin in present][:MAX_PLUGINS]

    @property
    def scale(self) -> Scale:
        """The horizontal axis."""
        return Scale.over([float(cost) for cost in self.drawn["cost"]])


def draw_pareto(pareto: Pareto) -> Drawing | None:
    """Draws accuracy against cost, the Pareto front as steps, its points numbered and listed.

    Args:
        pareto: What to draw.

    Returns:
        The drawing; None with fewer than two points.
    """
    if len(pareto.points) < 2:
        return None
    names = [f"{row.arm} at {row.unique_pairs:,} pairs" for row in pareto.listed]
    return Drawing(
        name="pareto",
        title=_title(pareto),
        description=(
            f"{len(pareto.drawn)} points of {pareto.measure.title}; on the Pareto front: {', '.join(names)}"
        ),
        figure=_draw(pareto),
    )


def _title(pareto: Pareto) -> str:
    return f"Accuracy against {pareto.quantity.title}"


def _draw(pareto: Pareto) -> Figure:
    lines = _table(pareto)
    widths = [widest(column, TICK_SIZE) for column in zip(*lines, strict=True)]
    right = MARGIN + sum(widths) + COLUMN_GAP * (len(widths) - 1) + LIST_GAP
    header = Header(_title(pareto), tuple(_notes(pareto)), tuple(_handles(pareto)))
    panel = max(PANEL, LINE * (len(lines) + 1))
    top = header.height + TOP
    height = top + panel + BOTTOM
    with mpl.rc_context(STYLE):
        figure = blank_figure(height)
        width = WIDTH - LEFT - right
        axis = figure.add_axes((LEFT / WIDTH, BOTTOM / height, width / WIDTH, panel / height))
        _draw_panel(axis, pareto, width, panel)
        _write_list(figure, lines, widths, top)
        add_header(figure, header)
    return figure


def _draw_panel(axis: Axes, pareto: Pareto, width: float, height: float) -> None:
    dress(axis, "y")
    start = pareto.comparison.of(pareto.measure)
    for value in start.loc[start["arm"] == START.arm, "mean"]:
        axis.axhline(100 * value, color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, zorder=1)
    costs, accuracies = ([getattr(row, name) for row in pareto.front] for name in ("cost", "accuracy"))
    end = pareto.scale.limits[1]
    axis.plot(
        [*costs, end],
        [*accuracies, accuracies[-1]],
        drawstyle="steps-post",
        color=AXIS_COLOUR,
        linewidth=1.1,
        zorder=2,
    )
    for row in pareto.front:
        axis.vlines(row.cost, 100 * row.low, 100 * row.high, color=MUTED, linewidth=0.9, zorder=2)
    _draw_points(axis, pareto)
    set_scale(axis, pareto.scale, width)
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.12 * (high - low))  # space for the numbers above the highest points
    _number_points(axis, pareto, width, height)
    log = " (log scale)" if pareto.scale.log else ""
    axis.set_xlabel(f"{pareto.quantity.title}{log}", labelpad=3)
    axis.set_ylabel("accuracy (%)", labelpad=3)


def _draw_points(axis: Axes, pareto: Pareto) -> None:
    """Marks of the plug-ins: filled on the front, open and faint elsewhere."""
    names = map(pareto.arm_styles.study.plugin_of, pareto.drawn["arm"])
    drawn = pareto.drawn.assign(plugin=[name if name in pareto.named else "" for name in names])
    for (plugin, front), rows in drawn.groupby(["plugin", "front"], sort=True):
        arm = rows["arm"].iloc[0]
        style = {**(pareto.arm_styles.style(arm) if plugin in pareto.named else OTHER), "linestyle": ""}
        look = {**MARK, "zorder": 4} if front else {**FAINT_MARK, "markeredgecolor": style["color"]}
        axis.plot(rows["cost"], rows["accuracy"], **style, **look)


def _number_points(axis: Axes, pareto: Pareto, width: float, height: float) -> None:
    """The number of each listed point of the front, above and left of it, where no point can lie."""
    bottom, top = axis.get_ylim()
    first, last = (pareto.scale.forward(limit) for limit in pareto.scale.limits)

    def place(row: Any, accuracy: float) -> tuple[float, float]:
        x = (pareto.scale.forward(row.cost) - first) / (last - first) * width
        return x, (accuracy - bottom) / (top - bottom) * height

    bars = [(*place(row, 100 * row.low), *place(row, 100 * row.high)) for row in pareto.front]
    taken = [Box(x - 0.02, low, x + 0.02, high) for x, low, _, high in bars if not math.isnan(low + high)]
    for number, row in enumerate(pareto.listed, 1):
        x, y = place(row, row.accuracy)
        box = free_box(x, y, text_width(f"{number}", NUMBER_SIZE), taken, Box(0, 0, width, height))
        taken.append(box)
        far = math.dist(box.centre, (x, y)) > 0.22
        axis.annotate(
            f"{number}",
            xy=(x / width, y / height),
            xytext=(box.centre[0] / width, box.centre[1] / height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            ha="center",
            va="center_baseline",
            fontsize=NUMBER_SIZE,
            zorder=5,
            arrowprops=LEADER if far else None,
        )


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a panel, in inches from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def centre(self) -> tuple[float, float]:
        """Across and upwards, in inches."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def meets(self, other: Box) -> bool:
        """Whether they cover a common place."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.top <= other.bottom or other.top <= self.bottom)

    def holds(self, other: Box) -> bool:
        """Whether the other lies within this one."""
        inside = self.left <= other.left and other.right <= self.right
        return inside and self.bottom <= other.bottom and other.top <= self.top


def free_box(x: float, y: float, width: float, taken: Sequence[Box], panel: Box) -> Box:
    """Where a number of that width stands, as near as it can above and left of its point.

    Args:
        x: Of the point, inches.
        y: Of the point, inches.
        width: Of the number, inches.
        taken: What it must not cover.
        panel: Within what it must lie.

    Returns:
        The first free place; the nearest one if none is free.
    """
    steps = [0.085 + 0.04 * step for step in range(25)]
    offsets = sorted(((dx, dy) for dx in steps for dy in steps), key=lambda offset: math.hypot(*offset))
    boxes = [
        Box(x - dx - width / 2, y + dy - NUMBER_HEIGHT / 2, x - dx + width / 2, y + dy + NUMBER_HEIGHT / 2)
        for dx, dy in offsets
    ]
    free = (box for box in boxes if panel.holds(box) and not any(box.meets(other) for other in taken))
    return next(free, boxes[0])


def _table(pareto: Pareto) -> list[tuple[str, ...]]:
    """The list of the numbered points: its head and a line each."""
    rows = pareto.listed
    lines = [
        ("", "on the front", "pairs", "%", UNITS[pareto.quantity.name]),
        *(
            (f"{number}", row.arm, f"{row.unique_pairs:,}", percent(row.mean), _cost_text(row))
            for number, row in enumerate(rows, 1)
        ),
    ]
    columns = [list(column) for column in zip(*lines, strict=True)]
    others = sum(widest(column, TICK_SIZE) + COLUMN_GAP for column in (columns[0], *columns[2:]))
    columns[1][1:] = truncated_apart(columns[1][1:], LIST_WIDTH - others, TICK_SIZE)
    return list(zip(*columns, strict=True))


def _cost_text(row: Any) -> str:
    return number_text(float(f"{row.cost:.3g}"))


def _write_list(figure: Figure, lines: Sequence[Sequence[str]], widths: Sequence[float], top: float) -> None:
    """What the numbers at the points stand for, beside the panel."""
    height = figure.get_size_inches()[1]
    for line, texts in enumerate(lines):
        y = 1 - (top + LINE * (line + 0.5)) / height
        x = WIDTH - MARGIN - sum(widths) - COLUMN_GAP * (len(widths) - 1)
        for column, (text, width) in enumerate(zip(texts, widths, strict=True)):
            place, side = (x, "left") if column == 1 else (x + width, "right")
            figure.text(
                place / WIDTH,
                y,
                text,
                ha=side,
                va="center_baseline",
                fontsize=TICK_SIZE,
                color="black" if line else MUTED,
            )
            x += width + COLUMN_GAP


def _notes(pareto: Pareto) -> Iterator[str]:
    """What is drawn, what the front is, what is left out."""
    drawn, total = len(pareto.drawn), len(pareto.points)
    counts = counted(pareto.drawn["seeds"], "seed"), counted(pareto.drawn["problems"], "problem")
    told = ", ".join(filter(None, (pareto.measure.title, *counts)))
    yield f"{told}; a point is an arm at a budget, its cost that of training alone."
    yield "Steps: Pareto front, no other point scores as high for as little; bars: its 95 % intervals."
    if drawn < total:
        yield f"Drawn: {drawn:,} of {total:,} points, the front and the suite's first {MAX_POINTS} others."
    if len(pareto.listed) < len(pareto.front):
        yield f"Numbered: the {len(pareto.listed)} most accurate of the front's {len(pareto.front):,} points."


def _handles(pareto: Pareto) -> Iterator[Line2D]:
    present = set(pareto.drawn["arm"])
    arms = [arm for arm in pareto.arm_styles.study.results.arms if arm in present]
    named = [arm for arm in arms if pareto.arm_styles.study.plugin_of(arm) in pareto.named]
    start = START.arm in set(pareto.comparison.frame["arm"])
    yield from pareto.arm_styles.handles(named, start=start, linestyle="")
    if len(named) < len(arms):
        yield Line2D([], [], **{**OTHER, **MARK}, linestyle="", label=OTHER_LABEL)
