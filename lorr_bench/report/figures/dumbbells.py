"""Scores at a single budget: a row a method, its baseline joined to each of its other arms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lorr_bench.report.figures.arm_styles import Selection
from lorr_bench.report.figures.canvas.scales import within_points
from lorr_bench.report.figures.canvas.text_fit import truncated_apart, widest
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
from lorr_bench.report.figures.figure_data import FigureData
from lorr_bench.report.figures.quantities import Multiples
from lorr_bench.report.formatting import counted, interval_covers
from lorr_bench.values import START, Measure

LINE_HEIGHT, ROW_GAP, MAX_HEIGHT, MAX_PLUGINS = 0.15, 0.08, 7.5, 8
MAX_COST_TICKS = 4
LABEL_WIDTH, RIGHT, BOTTOM, TOP, BETWEEN = 2.0, 0.15, 0.46, 0.08, 0.25


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
    def centre(self) -> float:
        """Where the label lies, in inches from the upper edge of the panel."""
        return (self.lines[0] + self.lines[-1]) / 2

    @property
    def bottom(self) -> float:
        """Where the next row begins."""
        return self.lines[-1] + LINE_HEIGHT / 2 + ROW_GAP


def draw_dumbbells(data: FigureData, title: str, costs: Multiples) -> Figure:
    """Draws the scores of each method at the largest budget, beside them the differences, and costs.

    Args:
        data: What to draw: with several methods a row a method, otherwise a row a measure.
        title: What is seen.
        costs: What training took; where none is known there is no panel for it.

    Returns:
        The figure, for ``png_bytes``, ``svg_text`` and ``pdf_bytes``.
    """
    selection = selected_arms(data)
    rows = dumbbell_rows(data, selection)
    costs = costs.of({arm for row in rows for arm in row.others})
    notes = (*_notes(data, rows, costs), data.note(len(data.measures)), selection.note)
    header = Header(title, tuple(filter(None, notes)), tuple(_handles(data, selection.arms)))
    with mpl.rc_context(STYLE):
        figure, scores, differences, *others = _lay_out(rows, header, costs)
        for row in rows:
            _draw_scores(scores, data, row)
            _draw_differences(differences, data, row)
            for axis in others:
                _draw_costs(axis, data, row, costs)
        if not differences.collections:
            differences.set_axis_off()
        add_header(figure, header)
    return figure


def selected_arms(data: FigureData) -> Selection:
    """As many arms as a page has lines for: of the first methods, or of one method fewer plug-ins."""
    study = data.study
    if not data.arm_styles.several:
        lines_each = int((MAX_HEIGHT / len(data.measures) - ROW_GAP) / LINE_HEIGHT)
        return data.arm_styles.first(1, min(MAX_PLUGINS, 1 + lines_each))
    others = Counter(map(study.method_of, study.compared_arms))
    lines = (max(1, min(MAX_PLUGINS, others[name])) for name in study.methods)
    heights = accumulate(LINE_HEIGHT * count + ROW_GAP for count in lines)
    return data.arm_styles.first(sum(height <= MAX_HEIGHT for height in heights), MAX_PLUGINS)


def dumbbell_rows(data: FigureData, selection: Selection) -> list[DumbbellRow]:
    """The rows in the order of the suite, one under the other."""
    scores, study = data.comparison.at_largest_budget, data.study
    plans: list[tuple[str, Measure, Sequence[str]]]
    if data.arm_styles.several:
        plans = [(method, data.measures[0], arms) for method, arms in selection.by_method.items()]
    else:
        plans = [(measure.title, measure, selection.arms) for measure in data.measures]
    rows: list[DumbbellRow] = []
    for label, measure, arms in plans:
        present = [arm for arm in arms if (arm, measure) in scores]
        rows.append(
            DumbbellRow(
                label,
                measure,
                baseline=next(filter(study.is_baseline, present), None),
                others=tuple(arm for arm in present if not study.is_baseline(arm)),
                top=rows[-1].bottom if rows else ROW_GAP / 2,
            )
        )
    return rows


def _lay_out(
    rows: Sequence[DumbbellRow], header: Header, costs: Multiples
) -> tuple[Figure, Axes, Axes, *tuple[Axes, ...]]:
    """A figure with panels for scores, differences and known costs, their rows side by side."""
    ratios = (3, 2, 1) if costs.name else (3, 2)
    panel = rows[-1].bottom - ROW_GAP / 2
    top = header.height + TOP
    height = top + panel + BOTTOM
    labels = truncated_apart([row.label for row in rows], LABEL_WIDTH, TICK_SIZE)
    left = MARGIN + widest(labels, TICK_SIZE) + 0.08
    figure = blank_figure(height)
    spaces = {
        "left": left / WIDTH,
        "right": 1 - RIGHT / WIDTH,
        "bottom": BOTTOM / height,
        "top": 1 - top / height,
        "width_ratios": ratios,
        # Matplotlib counts it in mean widths of the panels.
        "wspace": len(ratios) * BETWEEN / (WIDTH - left - RIGHT - BETWEEN * (len(ratios) - 1)),
    }
    scores, differences, *others = figure.subplots(1, len(ratios), sharey=True, gridspec_kw=spaces)
    scores.set_ylim(panel, 0)
    scores.set_yticks([row.centre for row in rows], labels=labels)
    scores.set_xlabel("accuracy (%)", labelpad=3)
    differences.set_xlabel("difference (points)", labelpad=3)
    differences.axvline(0, color=AXIS_COLOUR, linewidth=0.9, zorder=1)
    for axis in others:
        axis.set_xlim(0, 1.1 * max(1.0, *costs.by_arm.values()))
        axis.xaxis.set_major_locator(MaxNLocator(MAX_COST_TICKS, steps=[1, 2, 5, 10]))
        axis.axvline(1, color=AXIS_COLOUR, linewidth=0.9, zorder=1)
        axis.set_xlabel(f"{costs.unit} (×)", labelpad=3)
    for axis in (scores, differences, *others):
        dress(axis, "x")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.margins(x=0.06)
        for row in rows[1:]:
            axis.axhline(row.top - ROW_GAP / 2, color=GRID_COLOUR, linewidth=0.6, zorder=0)
    return figure, scores, differences, *others


def _draw_scores(axis: Axes, data: FigureData, row: DumbbellRow) -> None:
    """The baseline's mark on each line, joined to the mark of another arm; and the start model's tick."""
    scores, style_of = data.comparison.at_largest_budget, data.arm_styles.style
    start = scores.get((START.arm, row.measure))
    if start is not None:
        ends = row.top - ROW_GAP / 2, row.bottom - ROW_GAP / 2
        axis.vlines(
            100 * start.mean, *ends, color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, zorder=1
        )
    base = None if row.baseline is None else 100 * scores[row.baseline, row.measure].mean
    for arm, y in zip(row.others, row.lines, strict=False):
        score, style = 100 * scores[arm, row.measure].mean, style_of(arm)
        if base is not None:
            axis.plot([base, score], [y, y], color=style["color"], linewidth=1.8, alpha=0.6, zorder=2)
        axis.plot([score], [y], **{**style, **MARK, "linestyle": ""}, zorder=4)
    if base is not None and row.baseline is not None:
        places = [base] * len(row.lines)
        axis.plot(places, row.lines, **{**style_of(row.baseline), **MARK, "linestyle": ""}, zorder=3)


def _draw_differences(axis: Axes, data: FigureData, row: DumbbellRow) -> None:
    """Each arm's paired difference to the baseline with its interval, in points."""
    for arm, y in zip(row.others, row.lines, strict=False):
        found, style = data.comparison.at_largest_budget[arm, row.measure], data.arm_styles.style(arm)
        if math.isnan(found.difference):
            continue
        axis.hlines(
            y,
            within_points(found.difference_low),
            within_points(found.difference_high),
            color=style["color"],
            linewidth=1.3,
            alpha=0.75,
            zorder=2,
        )
        axis.plot([100 * found.difference], [y], **{**style, **MARK, "linestyle": ""}, zorder=3)


def _draw_costs(axis: Axes, data: FigureData, row: DumbbellRow, costs: Multiples) -> None:
    """What each arm took, joined to its baseline's 1."""
    for arm, y in zip(row.others, row.lines, strict=False):
        if arm in costs.by_arm:
            value, style = costs.by_arm[arm], data.arm_styles.style(arm)
            axis.plot([1, value], [y, y], color=style["color"], linewidth=1.8, alpha=0.6, zorder=2)
            axis.plot([value], [y], **{**style, **MARK, "linestyle": ""}, zorder=3)


def _notes(data: FigureData, rows: Sequence[DumbbellRow], costs: Multiples) -> Iterator[str]:
    """What is drawn, at which budget, and what the bars cover."""
    measures = {row.measure for row in rows}
    found = data.comparison.at_largest_budget.items()
    trained = [row for (arm, measure), row in found if arm != START.arm and measure in measures]
    what = (
        f"{rows[0].measure.title}, one row per method" if data.arm_styles.several else "One row per benchmark"
    )
    counts = (
        counted((row.seeds for row in trained), "seed"),
        counted((row.problems for row in trained), "problem"),
    )
    budget = data.comparison.largest_budget
    yield f"{what}; {', '.join(filter(None, [f'{budget:,} unique pairs', *counts]))}."
    one_seed = all(row.seeds == 1 for row in trained)
    over = interval_covers(one_seed=one_seed)
    if any(not math.isnan(row.difference) for row in trained):
        place = "Middle" if costs.name else "Right"
        yield f"{place}: difference to {data.study.baseline_name}; bars: 95 % interval over {over}."
    if costs.name:
        yield f"Right: {costs.title} as multiples of those of {data.study.baseline_name}."


def _handles(data: FigureData, arms: Sequence[str]) -> Iterator[Line2D]:
    present = {arm for arm, _ in data.comparison.at_largest_budget}
    baselines_first = sorted(arms, key=lambda arm: not data.study.is_baseline(arm))
    named = [arm for arm in baselines_first if arm in present]
    return data.arm_styles.handles(named, start=START.arm in present, linestyle="")
