"""Accuracy against unique pairs, updates or seconds: one line an arm."""

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

from lorr_bench.report.figures.arm_styles import ArmStyles, Selection
from lorr_bench.report.figures.canvas.panels import Grid, Heading, Panel, lay_out, name_axes
from lorr_bench.report.figures.canvas.scales import Scale, keep_to_shares, set_scale
from lorr_bench.report.figures.drawing import (
    AXIS_COLOUR,
    MARK,
    MUTED,
    START_COLOUR,
    START_DASHES,
    STYLE,
    TICK_SIZE,
    Header,
    dress,
)
from lorr_bench.report.figures.figure_data import FigureData
from lorr_bench.report.figures.quantities import NO_COSTS, PAIRS, Multiples, Quantity
from lorr_bench.report.formatting import MISSING, count_range, interval_covers
from lorr_bench.report.frames import measure_of
from lorr_bench.report.study import Study
from lorr_bench.values import START, Measure, Point

MAX_METHODS, MAX_PLUGINS = 30, 8
SEED_SHIFT = 0.012  # of the axis: single seeds stand just beside the mean, not on it
SMALL_MARK = 4.2  # points, on small panels
POINT_COLUMNS = ["arm", "unique_pairs", "x", "place", "low", "mean", "high", "seeds"]


@dataclass(frozen=True)
class Curves:
    """A figure of curves before it is drawn.

    Attributes:
        data: What is drawn: a panel a measure, with several methods a panel a method.
        scores: The frame of scores: the points of single seeds.
        quantity: The horizontal axis.
        costs: What training took, told above the panel of a method.
    """

    data: FigureData
    scores: pd.DataFrame
    quantity: Quantity
    costs: Multiples = NO_COSTS

    @property
    def arm_styles(self) -> ArmStyles:
        """The arms."""
        return self.data.arm_styles

    @cached_property
    def selection(self) -> Selection:
        """The arms that are drawn."""
        return self.arm_styles.first(MAX_METHODS, MAX_PLUGINS)

    @cached_property
    def scale(self) -> Scale:
        """The horizontal axis of all panels."""
        selected = self.selection.arms
        values = [value for (arm, _), value in self.quantity.means.items() if arm in selected]
        return Scale.over(values, log=True if self.quantity.name == PAIRS else None)

    @cached_property
    def single_scores(self) -> dict[tuple[Measure, str, int], list[tuple[int, float]]]:
        """Seed and score of each model, by measure, arm and budget."""
        found: dict[tuple[Measure, str, int], list[tuple[int, float]]] = {}
        rows: list[Any] = list(self.scores.itertuples())
        for row in rows:
            found.setdefault((measure_of(row), row.arm, row.unique_pairs), []).append((row.seed, row.value))
        return found

    @property
    def joined(self) -> bool:
        """Whether thin lines join the arms of a method: of several methods, at a single budget."""
        budgets = {budget for _, budget in self.quantity.means}
        return self.arm_styles.several and self.quantity.name != PAIRS and len(budgets) == 1

    @cached_property
    def panels(self) -> tuple[Panel, ...]:
        """One panel a measure; with several methods one a method, or where they are joined one for all."""
        measures, selection = self.data.measures, self.selection
        if not self.arm_styles.several or self.joined or not measures:
            return tuple(
                Panel(Heading(measure.title, self.data.problems(measure)), measure, selection.arms)
                for measure in measures
            )
        return tuple(
            Panel(Heading(method, self.cost_of(arms)), measures[0], tuple(arms))
            for method, arms in selection.by_method.items()
        )

    def cost_of(self, arms: Sequence[str]) -> str:
        """What the arms of a method took: ``2.8× seconds``, ``1.0–2.8× seconds``; empty where unknown."""
        known = [f"{self.costs.by_arm[arm]:.1f}" for arm in arms if arm in self.costs.by_arm]
        if not known:
            return ""
        ends = dict.fromkeys((min(known, key=float), max(known, key=float)))
        return f"{MISSING.join(ends)}× {self.costs.unit}"

    def points(self, panel: Panel) -> pd.DataFrame:
        """The points of a panel, a row an arm and budget, in per cent; ``place`` is where they are drawn."""
        table = self.data.comparison.of(panel.measure)
        table = table[table["arm"].isin(panel.arms)]
        keys = zip(table["arm"], table["unique_pairs"], strict=True)
        table = table.assign(x=[self.quantity.means.get(key, math.nan) for key in keys])
        table = table[table["x"].notna()].sort_values("unique_pairs", kind="stable")
        percents = {name: 100 * table[name].astype(float) for name in ("low", "mean", "high")}
        place = self.scale.side_by_side([float(x) for x in table["x"]])
        return table.assign(place=place, **percents)[POINT_COLUMNS]

    @property
    def count(self) -> int:
        """How many arms at how many budgets there are to draw."""
        found = [self.points(panel) for panel in self.panels]
        return len(
            {pair for points in found for pair in zip(points["arm"], points["unique_pairs"], strict=True)}
        )


def draw_curves(curves: Curves) -> Figure:
    """Draws accuracy against a quantity of the ledger.

    Args:
        curves: What to draw.

    Returns:
        The figure, for ``png_bytes``, ``svg_text`` and ``pdf_bytes``.
    """
    panels = curves.panels
    grid = Grid.for_panels(len(panels), shared=curves.arm_styles.several)
    points = [curves.points(panel) for panel in panels]
    handles = tuple(curve_handles(curves, points))
    header = Header(
        f"Accuracy against {curves.quantity.title}", tuple(_notes(curves, panels, points)), handles
    )
    with mpl.rc_context(STYLE):
        figure, axes = lay_out([panel.heading for panel in panels], grid, header)
        for axis, panel, found in zip(axes, panels, points, strict=True):
            draw_curve_panel(axis, curves, panel, found, grid.width)
        # Panels that share an axis share its limits: what the first sets would cut what the others draw.
        for axis in axes:
            keep_to_shares(axis)
        name_axes(axes, grid.columns, x=_axis_name(curves, grid), y="accuracy (%)")
    return figure


def draw_curve_panel(axis: Axes, curves: Curves, panel: Panel, points: pd.DataFrame, width: float) -> None:
    """One panel of curves, of so many inches: start model, and each arm's points."""
    dress(axis, "y")
    start = curves.data.comparison.of(panel.measure)
    for value in start.loc[start["arm"] == START.arm, "mean"]:
        axis.axhline(100 * value, color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, zorder=1)
    if points.empty:
        _say_empty(axis, curves)
        return
    if curves.joined:
        _join(axis, curves.data.study, points)
    for arm in panel.arms:
        _draw_arm(axis, curves, panel, points[points["arm"] == arm], arm)
    budgets = sorted(set(curves.quantity.means.values())) if curves.quantity.name == PAIRS else None
    set_scale(axis, curves.scale, width, budgets)


def _say_empty(axis: Axes, curves: Curves) -> None:
    """Words instead of an axis without meaning; panels with the same axes keep theirs."""
    axis.text(
        0.5,
        0.2,
        "no score",
        transform=axis.transAxes,
        ha="center",
        va="center",
        fontsize=TICK_SIZE,
        color=MUTED,
    )
    if not curves.arm_styles.several:
        axis.set_xticks([])


def _draw_arm(axis: Axes, curves: Curves, panel: Panel, points: pd.DataFrame, arm: str) -> None:
    """Line, intervals and single seeds of one arm."""
    style = curves.arm_styles.style(arm)
    size = SMALL_MARK if curves.arm_styles.several else MARK["markersize"]
    if not curves.joined:
        axis.vlines(
            points["place"],
            points["low"],
            points["high"],
            color=style["color"],
            linewidth=1.1,
            alpha=0.75,
            zorder=2,
        )
    axis.plot(
        points["place"],
        points["mean"],
        **{**style, **MARK, "markersize": size},
        linewidth=1.6,
        zorder=3,
        clip_on=False,
    )
    if not curves.arm_styles.several and any(points["seeds"] > 1):
        seeds = list(_seeds(curves, panel, points))
        axis.plot(
            [x for x, _ in seeds],
            [y for _, y in seeds],
            linestyle="",
            marker=style["marker"],
            markersize=3,
            markerfacecolor="white",
            markeredgecolor=style["color"],
            markeredgewidth=0.7,
            clip_on=False,
            zorder=4,
        )


def _seeds(curves: Curves, panel: Panel, points: pd.DataFrame) -> Iterator[tuple[float, float]]:
    """The scores of single seeds in per cent; those of the same quantity as their mean stand beside it."""
    scale = curves.scale
    beside = SEED_SHIFT * scale.length
    rows: list[Any] = list(points.itertuples())
    for row in rows:
        for seed, value in curves.single_scores.get((panel.measure, row.arm, row.unique_pairs), ()):
            x = curves.quantity.runs.get(Point(row.arm, row.unique_pairs, int(seed)), row.x)
            yield scale.backward(scale.forward(row.place) + beside) if x == row.x else x, 100 * value


def _join(axis: Axes, study: Study, points: pd.DataFrame) -> None:
    """Thin lines from each method's baseline to its other arms."""
    found = points.set_index("arm")
    for arm in found.index:
        base = study.results.baselines.get(arm)
        if base in found.index and not study.is_baseline(arm):
            axis.plot(
                found.loc[[base, arm], "place"],
                found.loc[[base, arm], "mean"],
                color=AXIS_COLOUR,
                linewidth=0.6,
                alpha=0.7,
                zorder=1,
            )


def _axis_name(curves: Curves, grid: Grid) -> str:
    told = curves.scale.log and grid.columns <= 3
    return f"{curves.quantity.title} (log scale)" if told else curves.quantity.title


def _notes(curves: Curves, panels: Sequence[Panel], points: Sequence[pd.DataFrame]) -> Iterator[str]:
    """What is drawn and on how many seeds; the measure where no panel names it; what is left out."""
    comparison = curves.data.comparison.frame
    seeds = count_range(comparison.loc[comparison["arm"] != START.arm, "seeds"])
    if seeds == MISSING:
        yield "No trained arm has a score."
        return
    if curves.arm_styles.several and not curves.joined:
        told = [panels[0].measure.title, curves.data.problems(panels[0].measure), "one panel per method"]
        yield f"{', '.join(filter(None, told))}."
    if curves.costs.name:
        at = f"at {curves.data.comparison.largest_budget:,} pairs"
        base = curves.data.study.baseline_name
        yield f"Above a panel: {curves.costs.title} {at}, as multiples of those of {base}."
    if curves.quantity.name != PAIRS:
        yield _cost_note(curves.joined)
        if any(found["x"].duplicated().any() for found in points):
            yield "Points of equal cost stand side by side."
    yield _marks_note(seeds, bars=not curves.joined, singles=not curves.arm_styles.several)
    yield from filter(None, (curves.data.note(len(curves.data.measures)), curves.selection.note))


def _cost_note(joined: bool) -> str:
    lines = "thin lines join the arms of a method" if joined else "along a line the budget grows"
    return f"A point is a finished training run, not a moment in one; {lines}."


def _marks_note(seeds: str, *, bars: bool, singles: bool) -> str:
    """On how many seeds points rest, and what the bars and the small points are."""
    one_seed = seeds == "1"
    covered = f"; bars: 95 % interval over {interval_covers(one_seed=one_seed)}" if bars else ""
    if one_seed:
        return f"One seed{covered}."
    return f"Mean of {seeds} seeds{covered}{'; small open points: single seeds' if singles else ''}."


def curve_handles(curves: Curves, points: Sequence[pd.DataFrame]) -> Iterator[Line2D]:
    """Legend entries of the arms that have a point, and of the start model."""
    present = {arm for found in points for arm in found["arm"]}
    arms = [arm for arm in curves.selection.arms if arm in present]
    start = START.arm in set(curves.data.comparison.frame["arm"])
    look = {"linestyle": ""} if curves.joined else {"linewidth": 1.6}
    return curves.arm_styles.handles(arms, start=start, **look)
