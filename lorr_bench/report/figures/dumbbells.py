"""Scores at a single budget: a row a method, its baseline joined to each of its other arms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.arms import baseline_name, compared_arms, is_baseline, method_of
from lorr_bench.report.cells import NONE, count_range, plural
from lorr_bench.report.figures.arm_styles import ArmStyles, Selection, Shown
from lorr_bench.report.figures.drawing import (
    AXIS_COLOUR,
    GRID_COLOUR,
    MARGIN,
    MARK,
    START_COLOUR,
    START_DASHES,
    STYLE,
    TICK_SIZE,
    WIDTH,
    Header,
    add_header,
    blank_figure,
    dress,
)
from lorr_bench.report.figures.text_fit import shortened_apart, widest
from lorr_bench.report.measures import Measure
from lorr_bench.report.tables.comparison import largest_budget, largest_rows
from lorr_bench.values import START

LINE_HEIGHT, ROW_GAP, MAX_HEIGHT, MAX_PLUGINS = 0.15, 0.08, 7.5, 8
LABEL_ROOM, RIGHT, BOTTOM, TOP, BETWEEN = 2.0, 0.15, 0.46, 0.08, 0.25

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


def draw_dumbbells(shown: Shown) -> Figure:
    """Draws the scores of each method at the largest budget, and beside them the differences.

    Args:
        shown: What to draw: with several methods a row a method, otherwise a row a measure.

    Returns:
        The figure, for ``png_bytes``, ``svg_text`` and ``pdf_bytes``.
    """
    results, found, selection = shown.results, largest_rows(shown.comparison), shown_arms(shown)
    rows = dumbbell_rows(shown, found, selection)
    notes = (*_notes(shown, found, rows), shown.note(len(shown.measures)), selection.note)
    handles = tuple(_handles(shown, found, selection.arms))
    header = Header(results.suite, tuple(filter(None, notes)), handles)
    with mpl.rc_context(STYLE):
        figure, scores, differences = _lay_out(rows, header)
        for row in rows:
            _draw_scores(scores, shown.arm_styles, row, found)
            _draw_differences(differences, shown.arm_styles, row, found)
        if not differences.collections:
            differences.set_axis_off()
        add_header(figure, header)
    return figure


def shown_arms(shown: Shown) -> Selection:
    """As many arms as a page has lines for: of the first methods, or of one method fewer plug-ins."""
    results = shown.results
    if not shown.arm_styles.several:
        lines_each = int((MAX_HEIGHT / len(shown.measures) - ROW_GAP) / LINE_HEIGHT)
        return shown.arm_styles.first(1, min(MAX_PLUGINS, 1 + lines_each))
    others = Counter(method_of(arm) for arm in compared_arms(results))
    lines = (max(1, min(MAX_PLUGINS, others[name])) for name in shown.arm_styles.methods)
    heights = accumulate(LINE_HEIGHT * count + ROW_GAP for count in lines)
    return shown.arm_styles.first(sum(height <= MAX_HEIGHT for height in heights), MAX_PLUGINS)


def dumbbell_rows(shown: Shown, found: Found, selection: Selection) -> list[DumbbellRow]:
    """The rows in the order of the suite, one under the other."""
    results, measures = shown.results, shown.measures
    if shown.arm_styles.several:
        plans = [(name, measures[0], selection.of_method(name)) for name in selection.methods]
    else:
        plans = [(measure.title, measure, selection.arms) for measure in measures]
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
    top = header.height + TOP
    height = top + panel + BOTTOM
    labels = shortened_apart([row.label for row in rows], LABEL_ROOM, TICK_SIZE)
    left = MARGIN + widest(labels, TICK_SIZE) + 0.08
    figure = blank_figure(height)
    scores, differences = figure.subplots(
        1, 2, sharey=True,
        gridspec_kw={
            "left": left / WIDTH, "right": 1 - RIGHT / WIDTH, "bottom": BOTTOM / height,
            "top": 1 - top / height, "width_ratios": (3, 2),
            "wspace": 2 * BETWEEN / (WIDTH - left - RIGHT - BETWEEN),
        },
    )  # fmt: skip
    scores.set_ylim(panel, 0)
    scores.set_yticks([row.middle for row in rows], labels=labels)
    scores.set_xlabel("accuracy (%)", labelpad=3)
    differences.set_xlabel("difference (points)", labelpad=3)
    differences.axvline(0, color=AXIS_COLOUR, linewidth=0.9, zorder=1)
    for axis in (scores, differences):
        dress(axis, "x")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.margins(x=0.06)
        for row in rows[1:]:
            axis.axhline(row.top - ROW_GAP / 2, color=GRID_COLOUR, linewidth=0.6, zorder=0)
    return figure, scores, differences


def _draw_scores(axis: Axes, arm_styles: ArmStyles, row: DumbbellRow, found: Found) -> None:
    """The baseline's mark on each line, joined to the mark of another arm; and the start model's tick."""
    start = found.get((START.arm, row.measure))
    if start is not None:
        ends = row.top - ROW_GAP / 2, row.bottom - ROW_GAP / 2
        axis.vlines(
            100 * start.mean, *ends, color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, zorder=1
        )
    base = None if row.baseline is None else 100 * found[row.baseline, row.measure].mean
    for arm, y in zip(row.others, row.lines, strict=False):
        score, style = 100 * found[arm, row.measure].mean, arm_styles.style(arm)
        if base is not None:
            axis.plot([base, score], [y, y], color=style["color"], linewidth=1.8, alpha=0.6, zorder=2)
        axis.plot([score], [y], **{**style, **MARK, "linestyle": ""}, zorder=4)
    if base is not None and row.baseline is not None:
        places = [base] * len(row.lines)
        axis.plot(places, row.lines, **{**arm_styles.style(row.baseline), **MARK, "linestyle": ""}, zorder=3)


def _draw_differences(axis: Axes, arm_styles: ArmStyles, row: DumbbellRow, found: Found) -> None:
    """Each arm's paired difference to the baseline with its interval, in points."""
    for arm, y in zip(row.others, row.lines, strict=False):
        cell, style = found[arm, row.measure], arm_styles.style(arm)
        if math.isnan(cell.difference):
            continue
        axis.hlines(
            y, 100 * cell.difference_low, 100 * cell.difference_high, color=style["color"], linewidth=1.3,
            alpha=0.75, zorder=2,
        )  # fmt: skip
        axis.plot([100 * cell.difference], [y], **{**style, **MARK, "linestyle": ""}, zorder=3)


def _notes(shown: Shown, found: Found, rows: Sequence[DumbbellRow]) -> Iterator[str]:
    """What is drawn, at which budget, and what the bars cover."""
    measures = {row.measure for row in rows}
    trained = [cell for (arm, measure), cell in found.items() if arm != START.arm and measure in measures]
    what = (
        f"{rows[0].measure.title}, one row per method"
        if shown.arm_styles.several
        else "One row per benchmark"
    )
    seeds = count_range([cell.seeds for cell in trained])
    problems = count_range([cell.problems for cell in trained])
    counts = plural(seeds, "seed") + ("" if problems == NONE else f", {plural(problems, 'problem')}")
    yield f"{what}; {largest_budget(shown.comparison):,} unique pairs, {counts}."
    one_seed = all(cell.seeds == 1 for cell in trained)
    over = "problems only, not over training runs" if one_seed else "seeds and problems"
    if any(not math.isnan(cell.difference) for cell in trained):
        yield f"Right: difference to {baseline_name(shown.results)}; bars: 95 % interval over {over}."


def _handles(shown: Shown, found: Found, arms: Sequence[str]) -> Iterator[Line2D]:
    present = {arm for arm, _ in found}
    baselines_first = sorted(arms, key=lambda arm: not is_baseline(shown.results, arm))
    named = [arm for arm in baselines_first if arm in present]
    return shown.arm_styles.handles(named, start=START.arm in present, linestyle="")
