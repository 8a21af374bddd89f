"""The whole story of a method in one figure: scores against data, what was compared, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lorr_bench.report.contrasts import DECLARED, PRIMARY, contrast_of_row, declared_mark
from lorr_bench.report.figures.canvas.panels import Heading, Panel
from lorr_bench.report.figures.canvas.scales import POINTS_LIMIT, keep_to_shares, within_points
from lorr_bench.report.figures.canvas.text_fit import text_width, truncated, truncated_apart, widest
from lorr_bench.report.figures.curves import Curves, curve_handles, draw_curve_panel
from lorr_bench.report.figures.drawing import (
    AXIS_COLOUR,
    GRID_COLOUR,
    MARGIN,
    STYLE,
    TEXT_SIZE,
    TICK_SIZE,
    WIDTH,
    Drawing,
    Header,
    add_header,
    blank_figure,
    dress,
)
from lorr_bench.report.figures.figure_data import FigureData
from lorr_bench.report.figures.quantities import unique_pairs
from lorr_bench.report.formatting import (
    DAGGER,
    MINUS,
    TITLES,
    interval_covers,
    percent,
    plural,
    points,
    ratio,
)
from lorr_bench.report.frames import Frames, rows_of
from lorr_bench.report.sentences.cost import TOLD, Model, multiple, spent
from lorr_bench.report.sentences.verdicts import best_arm, contrast_of, counts, margin_text, sides, verdict
from lorr_bench.values import BUDGET_SIGN

MAX_CONTRASTS: Final = 6
MAX_TICKS: Final = 3
HEIGHT, TOP, BOTTOM, LEFT, SCORES, BETWEEN = 3.3, 0.3, 0.46, 0.5, 2.75, 0.3
"""Inches: of the panels, above and below them, left of the scores, their width, between the panels."""
ROW, HEAD, LABEL_WIDTH, VALUE_WIDTH = 0.24, 0.3, 1.25, 0.62


@dataclass(frozen=True)
class Story:
    """The figure before it is drawn.

    Attributes:
        data: What figures of scores are drawn from.
        frames: The frames of the report.
    """

    data: FigureData
    frames: Frames

    @property
    def rows(self) -> list[Any]:
        """The contrasts that stand under each other: as many as there is space for."""
        return self.placed[:MAX_CONTRASTS]

    @cached_property
    def placed(self) -> list[Any]:
        """The contrasts on the primary measure, at the primary budget or those named; declared ones first."""
        study = self.data.study
        if study.primary_measure is None or self.data.arm_styles.several:
            return []
        found = rows_of(self.frames.contrasts, study.primary_measure)
        placed = (found["unique_pairs"] == study.primary_budget) | found["named_budgets"].astype(bool)
        found = found[placed & found["difference"].notna()]
        return list(found.itertuples())

    @cached_property
    def main(self) -> Any:
        """The contrast of the headline."""
        found = rows_of(self.frames.contrasts, self.data.study.primary_measure or self.data.measures[0])
        declared = found[(found["role"] == PRIMARY) & found["difference"].notna()]
        return contrast_of(declared, best_arm(declared), self.data.study)

    @property
    def drawable(self) -> bool:
        """Whether there is one method with a declared contrast on a measure that is drawn."""
        declared = any(row.role in DECLARED for row in self.rows)
        return declared and self.data.study.primary_measure in self.data.measures

    @property
    def costs(self) -> list[tuple[str, float]]:
        """What the arm of the headline took, as multiples of its baseline; with named budgets, the other."""
        ledger, main = self.frames.ledger, self.main
        own = self.data.study.results.baselines.get(main.treatment, "")
        beside = (main.reference, main.reference_pairs) if main.named_budgets else (own, main.unique_pairs)
        row = spent(ledger, Model(main.treatment, main.unique_pairs))
        base = spent(ledger, Model(*beside))
        known = row is not None and base is not None
        found = [(TITLES[name], multiple(row, base, name)) for name in TOLD] if known else []
        return [(title, value) for title, value in found if not math.isnan(value)]

    @property
    def title(self) -> str:
        """What is seen: both scores, the higher first, and whether it was shown."""
        row = self.main
        means = zip((row.treatment_mean, row.reference_mean), sides(row), strict=True)
        (high, first), (low, second) = sorted(means, key=lambda side: -side[0])
        at = "" if row.named_budgets else f" at {row.unique_pairs:,} pairs"
        told = f"{first} {percent(high)} %, {second} {percent(low)} %{at}"
        return f"{told}: {verdict(row).lower()}"


def draw_story(story: Story) -> Drawing | None:
    """Draws scores against data, the contrasts with their intervals, and cost.

    Args:
        story: What to draw.

    Returns:
        The drawing; None where there are several methods, or nothing was declared.
    """
    if not story.drawable:
        return None
    return Drawing(
        name="story",
        title=story.title,
        description=(
            "Left: accuracy against unique pairs, one line an arm; right: "
            f"{plural(str(len(story.rows)), 'difference')} with intervals, and the cost of "
            f"{story.main.treatment} as multiples of its baseline's"
        ),
        figure=_draw(story),
    )


def _draw(story: Story) -> Figure:
    measure = story.data.study.primary_measure or story.data.measures[0]
    curves = Curves(
        story.data, story.frames.scores, unique_pairs(story.data.comparison.frame, story.frames.scores)
    )
    panel = Panel(Heading(measure.title), measure, curves.selection.arms)
    found = curves.points(panel)
    notes = filter(None, (*_notes(story), curves.selection.note))
    header = Header(story.title, tuple(notes), tuple(curve_handles(curves, [found])))
    names = _in_lines([_name(story, row) for row in story.rows])
    labels = [*(line for name in names for line in name.split("\n")), *(title for title, _ in story.costs)]
    height = header.height + TOP + HEIGHT + BOTTOM
    left = LEFT + SCORES + BETWEEN + widest(labels, TICK_SIZE) + 0.1
    with mpl.rc_context(STYLE):
        figure = blank_figure(height)
        scores = figure.add_axes((LEFT / WIDTH, BOTTOM / height, SCORES / WIDTH, HEIGHT / height))
        draw_curve_panel(scores, curves, panel, found, SCORES)
        keep_to_shares(scores)
        scores.set_xlabel("unique pairs (log scale)", labelpad=3)
        scores.set_ylabel("accuracy (%)", labelpad=3)
        _head(scores, f"Accuracy, {measure.title}", SCORES)
        _draw_right(figure, story, names, left, height)
        add_header(figure, header)
    return figure


def _draw_right(figure: Figure, story: Story, names: list[str], left: float, height: float) -> None:
    """The differences above, the costs below them, as long as the panel of scores is high."""
    width = WIDTH - left - MARGIN - VALUE_WIDTH
    costs = story.costs
    free = HEIGHT - (HEAD + 0.45 if costs else 0)
    unit = min(ROW * 1.6, free / (len(story.rows) + len(costs)))
    upper = unit * len(story.rows)
    top = BOTTOM + HEIGHT
    axis = figure.add_axes((left / WIDTH, (top - upper) / height, width / WIDTH, upper / height))
    _draw_differences(axis, story, names, width)
    if costs:
        lower = unit * len(costs)
        bottom = top - upper - 0.45 - HEAD - lower
        axis = figure.add_axes((left / WIDTH, bottom / height, width / WIDTH, lower / height))
        _draw_costs(axis, story, costs, width)


def _draw_differences(axis: Axes, story: Story, names: list[str], width: float) -> None:
    dress(axis, "x")
    axis.axvline(0, color=AXIS_COLOUR, linewidth=1.0, zorder=1)
    if not math.isnan(story.main.equivalence_margin):
        margin = 100 * story.main.equivalence_margin
        axis.axvspan(-margin, margin, color=GRID_COLOUR, linewidth=0, zorder=0)
    for place, row in enumerate(story.rows):
        style = story.data.arm_styles.style(row.treatment)
        ends = within_points(row.difference_low), within_points(row.difference_high)
        axis.hlines(place, *ends, color=style["color"], linewidth=1.4, zorder=2)
        axis.plot(
            [100 * row.difference],
            [place],
            marker=style["marker"],
            linestyle="",
            markersize=5.5,
            markeredgecolor=style["color"],
            markerfacecolor=style["color"] if row.significant else "white",
            clip_on=False,
            zorder=3,
        )
        _value(axis, place, f"{points(row.difference)}{declared_mark(row)}")
    _label_rows(axis, names)
    axis.xaxis.set_major_locator(MaxNLocator(MAX_TICKS))
    low, high = axis.get_xlim()
    axis.set_xlim(max(low, -POINTS_LIMIT), min(high, POINTS_LIMIT))
    _head(axis, "Difference (points)", width + VALUE_WIDTH)


def _draw_costs(axis: Axes, story: Story, costs: list[tuple[str, float]], width: float) -> None:
    dress(axis, "x")
    colour = story.data.arm_styles.style(story.main.treatment)["color"]
    for place, (_, value) in enumerate(costs):
        axis.barh(place, value, height=0.6, color=colour, alpha=0.8, zorder=2)
        _value(axis, place, ratio(value))
    axis.axvline(1, color=AXIS_COLOUR, linewidth=1.0, zorder=3)
    _label_rows(axis, [title for title, _ in costs])
    axis.xaxis.set_major_locator(MaxNLocator(MAX_TICKS))
    axis.set_xlim(0, 1.05 * max(1.0, *(value for _, value in costs)))
    head = f"Cost of {story.data.study.plugin_of(story.main.treatment)}"
    whole = f"{head} (multiples)"
    fits = text_width(whole, TEXT_SIZE, bold=True) <= width + VALUE_WIDTH
    _head(axis, whole if fits else head, width + VALUE_WIDTH)


def _label_rows(axis: Axes, labels: list[str]) -> None:
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_yticks(range(len(labels)), labels=labels, multialignment="right", linespacing=1.0)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def _value(axis: Axes, place: int, text: str) -> None:
    """The number of a row, right of the panel."""
    axis.annotate(
        text,
        xy=(1, place),
        xycoords=("axes fraction", "data"),
        xytext=(72 * VALUE_WIDTH, 0),
        textcoords="offset points",
        ha="right",
        va="center_baseline",
        fontsize=TICK_SIZE,
        annotation_clip=False,
    )


def _head(axis: Axes, text: str, width: float) -> None:
    """What a panel shows, above its upper left corner, on so many inches."""
    axis.annotate(
        truncated(text, width, TEXT_SIZE, bold=True),
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        fontsize=TEXT_SIZE,
        fontweight="bold",
        annotation_clip=False,
    )


def _name(story: Story, row: Any) -> str:
    return story.data.arm_styles.contrast_name(contrast_of_row(row))


def _in_lines(names: list[str]) -> list[str]:
    """The names of differences, each on two lines where one of them would be too long for one."""
    if widest(names, TICK_SIZE) <= LABEL_WIDTH:
        return names
    parts = [name.partition(f" {MINUS} ") for name in names]
    firsts = truncated_apart([f"{first} {MINUS}" for first, _, _ in parts], LABEL_WIDTH, TICK_SIZE)
    seconds = truncated_apart([second for _, _, second in parts], LABEL_WIDTH, TICK_SIZE)
    return [f"{first}\n{second}" for first, second in zip(firsts, seconds, strict=True)]


def _notes(story: Story) -> Iterator[str]:
    """On what it rests, and what the marks are."""
    row = story.main
    alone = row.paired_seeds == 1
    each = "" if alone else " Small: single seeds."
    yield f"{counts(row)}; bars and lines: 95 % interval over {interval_covers(one_seed=alone)}.{each}"
    tested = "filled: significant after correction, open: not" if not alone else "open: not tested"
    named = f" or those behind the {BUDGET_SIGN}" if any(each.named_budgets for each in story.rows) else ""
    at = f"{story.data.study.primary_budget:,} pairs{named}"
    yield f"Differences at {at}; {tested}; {DAGGER}: declared beforehand."
    if len(story.rows) < len(story.placed):
        drawn = f"the first {len(story.rows)} of {len(story.placed)} differences"
        yield f"Drawn: {drawn}, declared ones before the rest."
    if not math.isnan(row.equivalence_margin):
        yield f"Grey: {margin_text(row.equivalence_margin)}, the declared margin of equivalence."
