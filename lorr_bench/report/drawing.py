"""What all figures share: style of the plug-ins, header and legend, files of the same bytes each time."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lorr_bench.report.arms import plugin_of, plugins
from lorr_bench.values import Results

# Okabe & Ito's palette, readable with any colour vision, without the yellow that is faint on white; black
# is the start model's. Marker and dash tell plug-ins apart without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
START_COLOUR = "#333333"
START_DASHES = (0, (4, 3))
MUTED = "#595959"
AXIS_COLOUR = "#8C8C8C"
GRID_COLOUR = "#E3E3E3"
# Inches. The page of a figure is laid out by hand, so that header and legend never meet the data.
TITLE_LINE, NOTE_LINE, LEGEND_LINE = 0.34, 0.24, 0.2
LEGEND_HANDLE, LEGEND_LETTER = 0.72, 0.072
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.parse_math": False,
    "svg.hashsalt": "lorr-bench",
    "svg.fonttype": "path",
    "axes.unicode_minus": True,
}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the panels.

    Attributes:
        title: The suite's name.
        notes: What the marks are, and on how many seeds: one line each.
        handles: Legend entries that stand in the header.
    """

    title: str
    notes: tuple[str, ...]
    handles: tuple[Line2D, ...]

    def height(self, width: float) -> float:
        """Inches it takes on a figure of that width."""
        lines = math.ceil(len(self.handles) / _legend_columns(self.handles, width)) if self.handles else 0
        return TITLE_LINE + NOTE_LINE * len(self.notes) + LEGEND_LINE * lines


def add_header(figure: Figure, header: Header) -> None:
    """Write the header at the top of the figure."""
    width, height = figure.get_size_inches()
    figure.text(0.1 / width, 1 - 0.1 / height, header.title, fontsize=11.5, fontweight="bold", va="top")
    for number, note in enumerate(header.notes):
        y = 1 - (TITLE_LINE + NOTE_LINE * number) / height
        figure.text(0.1 / width, y, note, fontsize=8.5, color=MUTED, va="top")
    if header.handles:
        top = TITLE_LINE + NOTE_LINE * len(header.notes) - 0.04
        figure.legend(
            **legend_look(header.handles), loc="upper left", bbox_to_anchor=(0.05 / width, 1 - top / height),
            ncols=_legend_columns(header.handles, width), borderaxespad=0, labelspacing=0.35,
        )  # fmt: skip


def legend_look(handles: Sequence[Line2D]) -> dict[str, Any]:
    """Arguments that every legend of a report has."""
    return {"handles": list(handles), "frameon": False, "fontsize": 9, "handlelength": 2.8}


def plugin_style(results: Results, arm: str) -> dict[str, Any]:
    """Colour, marker and dash of an arm: those of its plug-in, with every method the same."""
    names = plugins(results)
    number = names.index(plugin_of(arm)) if plugin_of(arm) in names else len(names)
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
    }


def dress(axis: Axes, grid: Literal["x", "y"]) -> None:
    """The look of every panel: quiet axes, and grid lines for the values of one axis."""
    axis.grid(axis=grid, color=GRID_COLOUR, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(AXIS_COLOUR)
    axis.tick_params(color=AXIS_COLOUR, labelsize=8.5)


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
    return target.getvalue()


def inline_svg(text: str) -> str:
    """The ``<svg>`` element of an SVG file alone, to stand inside a page.

    Declaration, metadata and comments go: they name addresses and repeat texts. The fixed size goes too, so
    that the page can scale it.
    """
    element = text[text.index("<svg") :]
    element = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    return re.sub(r'(<svg[^>]*?) width="[^"]*"| height="[\d.]+pt"', r"\1", element, count=2)


def _legend_columns(handles: Sequence[Line2D], width: float) -> int:
    """How many entries fit beside each other, by the longest of them."""
    longest = max(len(str(handle.get_label())) for handle in handles)
    return max(1, min(len(handles), int(width / (LEGEND_HANDLE + LEGEND_LETTER * longest))))
