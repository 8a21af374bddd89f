"""Small multiples: panels of one size under a header, each with its heading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lorr_bench.report.figures.canvas.text_fit import truncated, two_lines
from lorr_bench.report.figures.drawing import MUTED, TICK_SIZE, WIDTH, Header, add_header, blank_figure
from lorr_bench.values import Measure

RIGHT, BOTTOM = 0.14, 0.46
LAYOUTS = ((1, 1, 3.0), (2, 2, 2.1), (3, 3, 1.9), (4, 2, 1.9), (12, 3, 1.35))
"""Up to how many panels, in how many columns, how many inches high."""
HEADING_SIZE, HEADING_LINE, TICK_LINE = 8.0, 0.155, 0.17


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above a panel: its title, and smaller a detail such as the number of problems."""

    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel of scores.

    Attributes:
        heading: What stands above it.
        measure: What is drawn.
        arms: Of which arms.
    """

    heading: Heading
    measure: Measure
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """How panels are laid out; lengths in inches.

    Attributes:
        columns: Panels beside each other.
        height: Of a panel.
        left: Space for the labels of the vertical axis, left of the first column.
        between: Space between panels beside each other.
        shared: Whether all panels have the same axes, so that only the outer ones have numbers.
    """

    columns: int
    height: float
    left: float = 0.55
    between: float = 0.45
    shared: bool = False

    @classmethod
    def for_panels(cls, panels: int, *, shared: bool = False) -> Grid:
        """Few panels are drawn large, many small."""
        between = 0.2 if shared else 0.48
        for max_panels, columns, height in LAYOUTS:
            if panels <= max_panels:
                return cls(columns, height, between=between, shared=shared)
        return cls(5, 0.86, between=between, shared=shared)

    @property
    def width(self) -> float:
        """Of a panel."""
        return (WIDTH - self.left - RIGHT - self.between * (self.columns - 1)) / self.columns


def lay_out(headings: Sequence[Heading], grid: Grid, header: Header) -> tuple[Figure, list[Axes]]:
    """A figure with a panel a heading, row by row; what the last row leaves over is blank."""
    if not headings:
        figure = blank_figure(header.height + 0.1)
        add_header(figure, header)
        return figure, []
    lines = [_heading_lines(heading, grid.width) for heading in headings]
    above = HEADING_LINE * max((len(title) + bool(detail) for title, detail in lines), default=0) + 0.06
    gap = above + 0.1 + (0.0 if grid.shared else TICK_LINE)
    rows = math.ceil(len(headings) / grid.columns)
    top = header.height + above + 0.04
    height = top + grid.height * rows + gap * (rows - 1) + BOTTOM
    figure = blank_figure(height)
    # Matplotlib wants edges as shares of the figure, spaces as shares of a panel.
    spaces = {
        "left": grid.left / WIDTH,
        "right": 1 - RIGHT / WIDTH,
        "bottom": BOTTOM / height,
        "top": 1 - top / height,
        "hspace": gap / grid.height,
        "wspace": grid.between / grid.width,
    }
    panels = figure.subplots(
        rows, grid.columns, squeeze=False, sharex=grid.shared, sharey=grid.shared, gridspec_kw=spaces
    )
    axes: list[Axes] = panels.flatten().tolist()
    for axis, (title, detail) in zip(axes, lines, strict=False):
        _write_heading(axis, title, detail)
    for axis in axes[len(headings) :]:
        axis.set_axis_off()
    add_header(figure, header)
    return figure, axes[: len(headings)]


def name_axes(axes: Sequence[Axes], columns: int, *, x: str, y: str) -> None:
    """Names of the axes at the left edge and under the last panel of each column only."""
    for number, axis in enumerate(axes):
        if number % columns == 0:
            axis.set_ylabel(y, labelpad=3)
        if number + columns >= len(axes):
            axis.set_xlabel(x, labelpad=3)
            axis.tick_params(labelbottom=True)


def _heading_lines(heading: Heading, max_width: float) -> tuple[list[str], str]:
    return two_lines(heading.title, max_width, HEADING_SIZE, bold=True), truncated(
        heading.detail, max_width, TICK_SIZE
    )


def _write_heading(axis: Axes, title: Sequence[str], detail: str) -> None:
    """Title in bold and detail below it, from the panel's upper edge upwards."""
    lines = [*title, *([detail] if detail else [])]
    for number, line in enumerate(reversed(lines)):
        muted = detail != "" and number == 0
        axis.annotate(
            line,
            xy=(0, 1),
            xytext=(0, 72 * (0.06 + HEADING_LINE * number)),
            xycoords="axes fraction",
            textcoords="offset points",
            va="baseline",
            annotation_clip=False,
            fontsize=TICK_SIZE if muted else HEADING_SIZE,
            color=MUTED if muted else "black",
            fontweight="normal" if muted else "bold",
        )
