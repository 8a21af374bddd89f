"""Scores at a single budget: a row a method, its baseline joined to each of its other arms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.arms import baseline_name, is_baseline, method_of, methods, plugin_of
from lorr_bench.report.cells import NONE, count_range, plural
from lorr_bench.report.drawing import (
    AXIS_COLOUR,
    GRID_COLOUR,
    START_COLOUR,
    STYLE,
    Header,
    add_header,
    dress,
    plugin_style,
)
from lorr_bench.report.measures import Measure
from lorr_bench.report.tables import largest_budget, largest_rows
from lorr_bench.values import START, Results

WIDTH, LINE_HEIGHT, ROW_GAP = 8.0, 0.17, 0.1
LABEL_LETTER, LABEL_MARGIN, RIGHT, BOTTOM, TOP, BETWEEN = 0.075, 0.25, 0.15, 0.5, 0.12, 0.25
MARK: dict[str, Any] = {"markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.6, "linestyle": ""}

Found = Mapping[tuple[str, Measure], Any]
"""Rows of the comparison by arm and measure."""


@dataclass(frozen=True, slots=True)
class DumbbellRow:
    """One row of the figure.

    Attributes:
        label: Its name: the method, or with a single method the measure.
        measure: What it shows.
        baseline: The baseline, or None where it has no score.
        others: The other arms that have a score.
        top: Inches from the upper edge of the panel to its first line; each arm has a line.
    """

    label: str
    measure: Measure
    baseline: str | None
    others: tuple[str, ...]
    top: float

    @property
    def lines(self) -> tuple[float, ...]:
        """Where the lines lie, in inches from the upper edge of the panel."""
        return tuple(self.top + LINE_HEIGHT * (number + 0.5) for number in range(max(1, len(self.others))))

    @property
    def middle(self) -> float:
        """Where the label lies."""
        return (self.lines[0] + self.lines[-1]) / 2

    @property
    def bottom(self) -> float:
        """Where the next row begins."""
        return self.lines[-1] + LINE_HEIGHT / 2 + ROW_GAP


def draw_dumbbells(results: Results, comparison: pd.DataFrame, measures: Sequence[Measure]) -> Figure:
    """Draws the scores of each method at the largest budget, and beside them the differences.

    Args:
        results: The results.
        comparison: Their comparison table.
        measures: With several methods the first of them is drawn, a row a method; otherwise a row a measure.

    Returns:
        The figure, for ``png_bytes`` and ``svg_text``.
    """
    found = largest_rows(comparison)
    rows = dumbbell_rows(results, found, measures)
    notes = _notes(results, found, rows, largest_budget(comparison))
    header = Header(results.suite, notes, tuple(_handles(results, found)))
    with mpl.rc_context(STYLE):
        figure, scores, differences = _lay_out(rows, header)
        for row in rows:
            _draw_scores(scores, results, row, found)
            _draw_differences(differences, results, row, found)
        add_header(figure, header)
    return figure


def dumbbell_rows(results: Results, found: Found, measures: Sequence[Measure]) -> list[DumbbellRow]:
    """The rows in the order of the suite, one under the other."""
    names = methods(results)
    if len(names) > 1:
        plans = [
            (name, measures[0], [arm for arm in results.arms if method_of(arm) == name]) for name in names
        ]
    else:
        plans = [(measure.title, measure, list(results.arms)) for measure in measures]
    rows: list[DumbbellRow] = []
    for label, measure, arms in plans:
        present = [arm for arm in arms if (arm, measure) in found]
        baseline = next((arm for arm in present if is_baseline(results, arm)), None)
        others = tuple(arm for arm in present if not is_baseline(results, arm))
        rows.append(DumbbellRow(label, measure, baseline, others, rows[-1].bottom if rows else ROW_GAP / 2))
    return rows


def _lay_out(rows: Sequence[DumbbellRow], header: Header) -> tuple[Figure, Axes, Axes]:
    """A figure with a panel for scores and one for differences, their rows side by side."""
    panel = rows[-1].bottom - ROW_GAP / 2
    top = header.height(WIDTH) + TOP
    height = top + panel + BOTTOM
    left = LABEL_MARGIN + LABEL_LETTER * max(len(row.label) for row in rows)
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    scores, differences = figure.subplots(
        1, 2, sharey=True,
        gridspec_kw={
            "left": left / WIDTH, "right": 1 - RIGHT / WIDTH, "bottom": BOTTOM / height,
            "top": 1 - top / height, "width_ratios": (3, 2),
            "wspace": 2 * BETWEEN / (WIDTH - left - RIGHT - BETWEEN),
        },
    )  # fmt: skip
    scores.set_ylim(panel, 0)
    scores.set_yticks([row.middle for row in rows], labels=[row.label for row in rows])
    scores.set_xlabel("accuracy (%)")
    differences.set_xlabel("difference (points)")
    differences.axvline(0, color=AXIS_COLOUR, linewidth=0.9, zorder=1)
    for axis in (scores, differences):
        dress(axis, "x")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0, labelsize=9)
        axis.margins(x=0.06)
        for row in rows[1:]:
            axis.axhline(row.top - ROW_GAP / 2, color=GRID_COLOUR, linewidth=0.6, zorder=0)
    return figure, scores, differences


def _draw_scores(axis: Axes, results: Results, row: DumbbellRow, found: Found) -> None:
    """The baseline's mark on each line, joined to the mark of another arm; and the start model's tick."""
    start = found.get((START.arm, row.measure))
    if start is not None:
        ends = row.top - ROW_GAP / 2, row.bottom - ROW_GAP / 2
        axis.vlines(
            100 * start.mean, *ends, color=START_COLOUR, linewidth=1.1, linestyle=(0, (3, 2)), zorder=1
        )
    base = None if row.baseline is None else 100 * found[row.baseline, row.measure].mean
    for arm, y in zip(row.others, row.lines, strict=False):
        score, style = 100 * found[arm, row.measure].mean, plugin_style(results, arm)
        if base is not None:
            axis.plot([base, score], [y, y], color=style["color"], linewidth=1.8, alpha=0.6, zorder=2)
        axis.plot([score], [y], **{**style, **MARK}, zorder=4)
    if base is not None and row.baseline is not None:
        places = [base] * len(row.lines)
        axis.plot(places, row.lines, **{**plugin_style(results, row.baseline), **MARK}, zorder=3)


def _draw_differences(axis: Axes, results: Results, row: DumbbellRow, found: Found) -> None:
    """Each arm's paired difference to the baseline with its interval, in points."""
    for arm, y in zip(row.others, row.lines, strict=False):
        cell, style = found[arm, row.measure], plugin_style(results, arm)
        axis.hlines(
            y, 100 * cell.difference_low, 100 * cell.difference_high, color=style["color"], linewidth=1.3,
            alpha=0.75, zorder=2,
        )  # fmt: skip
        axis.plot([100 * cell.difference], [y], **{**style, **MARK}, zorder=3)


def _notes(results: Results, found: Found, rows: Sequence[DumbbellRow], unique_pairs: int) -> tuple[str, str]:
    """What is drawn, at which budget, and what the bars cover."""
    measures = {row.measure for row in rows}
    trained = [cell for (arm, measure), cell in found.items() if arm != START.arm and measure in measures]
    what = (
        f"{rows[0].measure.title}, one row per method"
        if len(methods(results)) > 1
        else "One row per benchmark"
    )
    seeds = count_range([cell.seeds for cell in trained])
    problems = count_range([cell.problems for cell in trained])
    counts = plural(seeds, "seed") + ("" if problems == NONE else f", {plural(problems, 'problem')}")
    one_seed = all(cell.seeds == 1 for cell in trained)
    over = "problems only, not over training runs" if one_seed else "seeds and problems"
    return (
        f"{what}; {unique_pairs:,} unique pairs, {counts}",
        f"Right: difference to {baseline_name(results)}; bars: 95 % interval over {over}",
    )


def _handles(results: Results, found: Found) -> Iterator[Line2D]:
    """Legend entries: the plug-ins, with a single method its arms; and the start model."""
    present = {arm for arm, _ in found}
    several = len(methods(results)) > 1
    labels: dict[str, str] = {}
    for arm in sorted(results.arms, key=lambda arm: not is_baseline(results, arm)):
        if arm in present:
            labels.setdefault(plugin_of(arm) if several else arm, arm)
    for label, arm in labels.items():
        yield Line2D([], [], **{**plugin_style(results, arm), **MARK}, label=label)
    if START.arm in present:
        yield Line2D([], [], color=START_COLOUR, linewidth=1.1, linestyle=(0, (3, 2)), label="start model")
