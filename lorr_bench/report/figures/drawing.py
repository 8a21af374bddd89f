"""What all figures share: style of the plug-ins, header and legend, files of the same bytes each time."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import matplotlib as mpl
from fontTools.subset import Options
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.figures.canvas.text_fit import text_width, truncated, wrapped
from lorr_bench.report.figures.canvas.vector import adapted
from lorr_bench.report.formatting import START_MODEL

FORMS: Final = ("png", "svg", "pdf")
"""Endings of the files that a figure can be written as."""
WIDTH: Final = 6.5
"""Inches, of every figure: a letter page with margins of one inch. Printed so, no text is below 7 pt."""
TITLE_SIZE, TEXT_SIZE, TICK_SIZE = 11.0, 8.0, 7.5
# Okabe & Ito's palette, readable with any colour vision, without the yellow that is faint on white; black
# is the start model's. Marker and dash tell plug-ins apart without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
START_COLOUR = "#333333"
START_DASHES = (0, (4, 3))
MUTED = "#595959"
AXIS_COLOUR = "#8C8C8C"
GRID_COLOUR = "#E3E3E3"
MARK: dict[str, Any] = {"markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.6}
# Inches. The page of a figure is laid out by hand, so that header and legend never meet the data.
MARGIN, TITLE_LINE, NOTE_LINE, LEGEND_LINE, LEGEND_HANDLE = 0.1, 0.2, 0.16, 0.18, 0.62
UNDER_TITLE = 0.13
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT_SIZE,
    "axes.labelsize": TEXT_SIZE,
    "text.parse_math": False,
    "svg.hashsalt": "lorr-bench",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class Drawing:
    """A figure of a report, and its forms.

    Attributes:
        name: Of its files in ``figures/``.
        title: Its heading.
        description: What a reader who can't see it is told.
        figure: The figure.
    """

    name: str
    title: str
    description: str
    figure: Figure

    @cached_property
    def png(self) -> bytes:
        """The figure in points."""
        return png_bytes(self.figure)

    @cached_property
    def svg(self) -> str:
        """The figure in lines."""
        return svg_text(self.figure)

    @cached_property
    def pdf(self) -> bytes:
        """The figure in lines, for print."""
        return pdf_bytes(self.figure)

    def files(self, forms: Sequence[str]) -> dict[str, bytes]:
        """The content of its file in each of these forms, by ending."""
        return {form: self.svg.encode() if form == "svg" else getattr(self, form) for form in forms}


@dataclass(frozen=True)
class Header:
    """What stands above the panels.

    Attributes:
        title: What is seen.
        notes: What the marks are, on how many seeds, and what was left out: a paragraph each.
        handles: Legend entries.
    """

    title: str
    notes: tuple[str, ...]
    handles: tuple[Line2D, ...] = ()

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """The title, broken where the figure ends."""
        return tuple(wrapped(self.title, WIDTH - 2 * MARGIN, TITLE_SIZE, bold=True))

    @property
    def top(self) -> float:
        """Inches to the first note."""
        return TITLE_LINE * len(self.titles) + UNDER_TITLE

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The notes, broken where the figure ends."""
        return tuple(line for note in self.notes for line in wrapped(note, WIDTH - 2 * MARGIN, TEXT_SIZE))

    @cached_property
    def columns(self) -> int:
        """In how many columns the legend stands: as few rows as the longest entry allows, evenly filled."""
        longest = max((text_width(str(handle.get_label()), TEXT_SIZE) for handle in self.handles), default=0)
        fitting = max(1, int(WIDTH / (LEGEND_HANDLE + longest)))
        rows = math.ceil(len(self.handles) / fitting) or 1
        return math.ceil(len(self.handles) / rows) or 1

    @property
    def height(self) -> float:
        """Inches it takes."""
        rows = math.ceil(len(self.handles) / self.columns)
        return self.top + NOTE_LINE * len(self.lines) + (LEGEND_LINE * rows + 0.06 if rows else 0.0)


def blank_figure(height: float) -> Figure:
    """A figure without panels, of the width that all have, that many inches high."""
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    return figure


def add_header(figure: Figure, header: Header) -> None:
    """Write the header at the top of the figure."""
    height, left = figure.get_size_inches()[1], MARGIN / WIDTH
    for number, line in enumerate(header.titles):
        y = 1 - (MARGIN + TITLE_LINE * number) / height
        figure.text(left, y, line, fontsize=TITLE_SIZE, fontweight="bold", va="top")
    for number, line in enumerate(header.lines):
        y = 1 - (header.top + NOTE_LINE * number) / height
        figure.text(left, y, line, fontsize=TEXT_SIZE, color=MUTED, va="top")
    if header.handles:
        top = header.top + NOTE_LINE * len(header.lines) + 0.03
        figure.legend(
            handles=list(header.handles),
            loc="upper left",
            bbox_to_anchor=((MARGIN - 0.02) / WIDTH, 1 - top / height),
            ncols=header.columns,
            frameon=False,
            fontsize=TEXT_SIZE,
            handlelength=2.8,
            borderaxespad=0,
            borderpad=0.2,
            labelspacing=0.35,
            columnspacing=1.4,
        )


def legend_label(text: str) -> str:
    """A name as a legend shows it: in full where it fits on a line."""
    return truncated(text, WIDTH - LEGEND_HANDLE - 2 * MARGIN, TEXT_SIZE)


def start_handle() -> Line2D:
    """The legend entry of the start model's line."""
    return Line2D([], [], color=START_COLOUR, linewidth=1.1, linestyle=START_DASHES, label=START_MODEL)


def dress(axis: Axes, grid: Literal["x", "y"]) -> None:
    """The look of every panel: quiet axes, and grid lines for the values of one axis."""
    axis.grid(axis=grid, color=GRID_COLOUR, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(AXIS_COLOUR)
    axis.tick_params(color=AXIS_COLOUR, labelsize=TICK_SIZE, length=2.5, pad=2.5)


def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG at 200 dots per inch, the same bytes each time."""
    target = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(target, format="png", dpi=200, metadata={"Software": None}, facecolor="white")
    return target.getvalue()


def svg_text(figure: Figure) -> str:
    """The figure as an SVG file, the same text each time."""
    target = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    return adapted(target.getvalue())


def pdf_bytes(figure: Figure) -> bytes:
    """The figure as a PDF file with its fonts embedded, the same bytes each time."""
    target = io.BytesIO()
    metadata = {"CreationDate": None, "Creator": None, "Producer": None}
    with mpl.rc_context(STYLE), _without_layout_tables():
        figure.savefig(target, format="pdf", metadata=metadata, facecolor="white")
    return target.getvalue()


@contextmanager
def _without_layout_tables() -> Iterator[None]:
    """Embed fonts without what places glyphs, which is done by then; reading it takes half of the time."""
    dropped = Options._drop_tables_default
    Options._drop_tables_default = [*dropped, "GDEF", "GPOS", "GSUB"]
    try:
        yield
    finally:
        Options._drop_tables_default = dropped
