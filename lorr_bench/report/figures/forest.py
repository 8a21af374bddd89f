"""Forest plot: paired differences with their intervals, and which of them the corrected test finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lorr_bench.report.contrasts import DECLARED, contrast_of_row, declared_mark, difference_interval
from lorr_bench.report.figures.arm_styles import ArmStyles
from lorr_bench.report.figures.canvas.scales import within_points
from lorr_bench.report.figures.canvas.text_fit import truncated, truncated_apart, widest
from lorr_bench.report.figures.drawing import (
    AXIS_COLOUR,
    MARGIN,
    MUTED,
    STYLE,
    TICK_SIZE,
    WIDTH,
    Drawing,
    Header,
    add_header,
    blank_figure,
    dress,
)
from lorr_bench.report.formatting import DAGGER, MISSING, interval_covers, plural, points
from lorr_bench.report.frames import rows_of
from lorr_bench.values import BUDGET_SIGN, MATH, Contrast, Measure

MAX_HEIGHT = 7.6
LINE, GAP, LABEL_WIDTH, HEADING_WIDTH = 0.165, 0.06, 2.2, 2.1
BOTTOM, COLUMN_GAP, INDENT = 0.46, 0.14, 0.1
DIFFERENCE_HEAD, COUNT_HEAD = "points [95 %]", "seeds × n"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the figure.

    Attributes:
        place: Inches from the upper edge of the panel to the centre of the line.
        text: What stands at its left: an arm, or a measure as the heading of those below it.
        row: The difference; None for a heading.
    """

    place: float
    text: str
    row: Any = None


@dataclass(frozen=True)
class Forest:
    """The figure before it is drawn.

    Attributes:
        arm_styles: The arms.
        contrasts: The frame of contrasts.
    """

    arm_styles: ArmStyles
    contrasts: pd.DataFrame

    @cached_property
    def differences(self) -> pd.DataFrame:
        """All differences at the largest budget that has any, and those that name their budgets."""
        known = self.contrasts[self.contrasts["difference"].notna()]
        drawn: pd.DataFrame = known[
            (known["unique_pairs"] == self.budget) | known["named_budgets"].astype(bool)
        ]
        return drawn

    @cached_property
    def budget(self) -> int:
        """The largest budget that has a difference."""
        known = self.contrasts[self.contrasts["difference"].notna()]
        return int(known[["unique_pairs", "reference_pairs"]].max().max()) if len(known) else 0

    @cached_property
    def measures(self) -> list[Measure]:
        """The measures that have differences, the primary one first, then in the order of the table."""
        rows = self.differences[["benchmark", "kind", "metric"]].itertuples(index=False)
        found = [Measure(*row) for row in dict.fromkeys(rows)]
        primary = self.arm_styles.study.primary_measure
        return sorted(found, key=lambda measure: (measure != primary, measure.kind != MATH))

    @cached_property
    def drawn(self) -> dict[Measure, list[Any]]:
        """Whole measures as many as fit, arms in the order of the suite; of a first too long its largest."""
        drawn: dict[Measure, list[Any]] = {}
        for measure in self.measures:
            rows: list[Any] = list(rows_of(self.differences, measure).itertuples())
            height = sum(GAP + LINE * (1 + len(others)) for others in (rows, *drawn.values()))
            if height > MAX_HEIGHT:
                return drawn or {measure: self._largest(rows)}
            drawn[measure] = rows
        return drawn

    @property
    def rows(self) -> list[Any]:
        """What is drawn, from above to below."""
        return [row for rows in self.drawn.values() for row in rows]

    @cached_property
    def lines(self) -> list[Line]:
        """Each measure as a heading, under it its differences."""
        lines: list[Line] = []
        names = self.names
        for measure, rows in self.drawn.items():
            top = lines[-1].place + LINE + GAP if lines else LINE / 2
            lines.append(Line(top, measure.title))
            for number, row in enumerate(rows, 1):
                lines.append(Line(top + LINE * number, names[contrast_of_row(row)], row))
        return lines

    @property
    def names(self) -> dict[Contrast, str]:
        """What stands for each contrast, shortened to fit: its arm, and the other where it is no baseline.

        Of arms their plug-ins, where all have the same method.
        """
        contrasts = list(dict.fromkeys(map(contrast_of_row, self.rows)))
        texts = list(map(self._name, contrasts))
        return dict(zip(contrasts, truncated_apart(texts, LABEL_WIDTH, TICK_SIZE), strict=True))

    def _name(self, contrast: Contrast) -> str:
        own = self.arm_styles.study.results.baselines.get(contrast.treatment) == contrast.reference
        return self.arm_styles.contrast_name(contrast, alone=own and not contrast.names_budgets)

    @property
    def note(self) -> str:
        """How many differences are drawn of how many, and which; empty where all are."""
        drawn, total = len(self.rows), len(self.differences)
        if drawn == total:
            return ""
        (first, *more) = self.drawn
        if drawn == len(rows_of(self.differences, first)) or more:
            which = f"the first {len(self.drawn)} measures" if more else f"all of {first.title}"
            return f"Drawn: {drawn} of {total:,} differences, {which}."
        return (
            f"Drawn: {drawn} of {total:,} differences, those of {first.title} largest in size; luck is among "
            "what made them so."
        )

    @staticmethod
    def _largest(rows: Sequence[Any]) -> list[Any]:
        """The largest differences in absolute size, in the order they came in."""
        order = sorted(range(len(rows)), key=lambda number: -abs(rows[number].difference))
        return [rows[number] for number in sorted(order[: int((MAX_HEIGHT - GAP) / LINE) - 1])]


def draw_forest(forest: Forest) -> Drawing | None:
    """Draws the paired differences of arms to their baselines at the largest budget.

    Args:
        forest: What to draw.

    Returns:
        The drawing; None where no difference is known.
    """
    rows = forest.rows
    if not rows:
        return None
    found = sum(bool(row.significant) for row in rows)
    count = plural(f"{len(rows)}", "paired difference")
    return Drawing(
        name="forest",
        title=_title(forest),
        description=f"{count} with intervals; {found} pass the corrected test",
        figure=_draw(forest),
    )


def _title(forest: Forest) -> str:
    return f"Differences at {forest.budget:,} unique pairs"


def _draw(forest: Forest) -> Figure:
    header = Header(_title(forest), tuple(_notes(forest)))
    panel = forest.lines[-1].place + LINE
    top = header.height + LINE + 0.06
    height = top + panel + BOTTOM
    texts = [(_difference_text(row), _count_text(row)) for row in forest.rows]
    widths = [
        widest([head, *column], TICK_SIZE)
        for head, column in zip((DIFFERENCE_HEAD, COUNT_HEAD), zip(*texts, strict=True), strict=True)
    ]
    right = MARGIN + sum(widths) + 2 * COLUMN_GAP
    # Headings end where the panel begins, so that none lies over the line at zero.
    headings = [_heading(line) for line in forest.lines if line.row is None]
    names = INDENT + widest(forest.names.values(), TICK_SIZE)
    left = MARGIN + max(names, widest(headings, TICK_SIZE, bold=True)) + 0.1
    with mpl.rc_context(STYLE):
        figure = blank_figure(height)
        axis = figure.add_axes(
            (left / WIDTH, BOTTOM / height, (WIDTH - left - right) / WIDTH, panel / height)
        )
        _dress(axis, panel)
        for row, place in ((line.row, line.place) for line in forest.lines if line.row is not None):
            _draw_row(axis, forest.arm_styles, row, place)
        _write(figure, forest, texts, widths)
        add_header(figure, header)
    return figure


def _dress(axis: Axes, panel: float) -> None:
    dress(axis, "x")
    axis.set_ylim(panel, 0)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.axvline(0, color=AXIS_COLOUR, linewidth=1.0, zorder=1)
    axis.set_xlabel("difference (points)", labelpad=3)
    axis.margins(x=0.05)


def _draw_row(axis: Axes, arm_styles: ArmStyles, row: Any, place: float) -> None:
    """Interval and mark, filled where the corrected test finds a difference."""
    style = arm_styles.style(row.treatment)
    axis.hlines(
        place,
        within_points(row.difference_low),
        within_points(row.difference_high),
        color=style["color"],
        linewidth=1.4,
        zorder=2,
    )
    axis.plot(
        [100 * row.difference],
        [place],
        marker=style["marker"],
        linestyle="",
        markersize=5.5,
        zorder=3,
        markeredgecolor=style["color"],
        markeredgewidth=1.1,
        markerfacecolor=style["color"] if row.significant else "white",
    )


def _write(figure: Figure, forest: Forest, texts: Sequence[tuple[str, str]], widths: Sequence[float]) -> None:
    """Names at the left, numbers in two columns at the right, with their heads."""
    height = figure.get_size_inches()[1]
    upper = height - (figure.axes[0].get_position().y1 * height)
    ends = (WIDTH - MARGIN - widths[1] - COLUMN_GAP, WIDTH - MARGIN)

    def write(x: float, place: float, text: str, **look: Any) -> None:
        y = 1 - (upper + place) / height
        figure.text(x / WIDTH, y, text, fontsize=TICK_SIZE, va="center_baseline", **look)

    for end, head in zip(ends, (DIFFERENCE_HEAD, COUNT_HEAD), strict=True):
        write(end, -LINE / 2 - 0.02, head, ha="right", color=MUTED)
    numbers = iter(texts)
    for line in forest.lines:
        if line.row is None:
            write(MARGIN, line.place, _heading(line), fontweight="bold")
            continue
        write(MARGIN + INDENT, line.place, line.text)
        for end, text in zip(ends, next(numbers), strict=True):
            write(end, line.place, text, ha="right")


def _heading(line: Line) -> str:
    return truncated(line.text, HEADING_WIDTH, TICK_SIZE, bold=True)


def _difference_text(row: Any) -> str:
    return f"{points(row.difference)}{declared_mark(row)} {difference_interval(row)}".strip()


def _count_text(row: Any) -> str:
    problems = f"{int(row.paired_problems):,}" if row.paired_problems else MISSING
    return f"{int(row.paired_seeds)} × {problems}"


def _notes(forest: Forest) -> Iterator[str]:
    """What is drawn, what a filled mark says, what is left out."""
    rows, study = forest.rows, forest.arm_styles.study
    alone = all(row.paired_seeds == 1 for row in rows)
    own = all(study.results.baselines.get(row.treatment) == row.reference for row in rows)
    named = "" if own else ", or to the arm named"
    elsewhere = f", or at those behind the {BUDGET_SIGN}" if any(row.named_budgets for row in rows) else ""
    yield f"Difference to {study.baseline_name}{named}, at {forest.budget:,} unique pairs{elsewhere}."
    tests = int(forest.contrasts["p_value"].notna().sum())
    primary = f"; {DAGGER}: primary" if any(row.role in DECLARED for row in rows) else ""
    marks = (
        f"filled: corrected p < 0.05, open: others{primary}"
        if tests
        else "marks are open: none could be tested"
    )
    yield f"Lines: 95 % interval over {interval_covers(one_seed=alone)}; {marks}."
    if forest.note:
        yield forest.note
