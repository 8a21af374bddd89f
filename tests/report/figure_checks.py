"""What tests of figures share: tables without the rest of a report, and what a reader can see on a figure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
from computed import comparison_of, contrasts_of
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lorr_bench.report.figures.draw import draw_against, draw_all, draw_main
from lorr_bench.report.figures.drawing import Drawing
from lorr_bench.report.figures.figure_data import figure_data
from lorr_bench.report.study import Study
from lorr_bench.report.tables.costs.ledger import ledger_frame
from lorr_bench.report.tables.diagnostics import diagnostic_frame
from lorr_bench.report.tables.scores import score_frame
from lorr_bench.values import Results


def frames(results: Results) -> SimpleNamespace:
    """The frames that figures are drawn from."""
    return SimpleNamespace(
        contrasts=contrasts_of(results),
        scores=score_frame(results),
        ledger=ledger_frame(Study(results)),
        diagnostics=diagnostic_frame(results),
    )


def drawings(results: Results) -> dict[str, Drawing]:
    return {
        drawing.name: drawing for drawing in draw_all(Study(results), comparison_of(results), frames(results))
    }


def main_drawing(results: Results) -> Drawing:
    return draw_main(figure_data(Study(results), comparison_of(results)), frames(results))


def cost_figure(results: Results, quantity: str) -> Figure:
    data = figure_data(Study(results), comparison_of(results))
    drawing = draw_against(data, frames(results), name=quantity, quantity=quantity)
    assert drawing is not None
    return drawing.figure


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def heights(axis: Axes) -> list[list[float]]:
    """The vertical values of each line of a panel."""
    return [np.asarray(line.get_ydata(), dtype=float).tolist() for line in axis.get_lines()]


def segments(axis: Axes) -> list[list[list[float]]]:
    """The ends of each interval of a panel."""
    return [path.vertices.tolist() for item in axis.collections for path in item.get_paths()]


def visible_texts(figure: Figure) -> list[Any]:
    """Every text that is drawn: of tick labels those within the limits of their axis."""
    figure.draw_without_rendering()
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for panel in figure.axes:
        if not panel.axison:
            continue
        found += [panel.xaxis.label, panel.yaxis.label, *panel.texts]
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            found += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text for text in found if text.get_visible() and text.get_text()]


@dataclass(frozen=True)
class Legibility:
    """What is wrong with the texts of a figure, and its measures.

    Attributes:
        overlapping: Pairs of texts that cover each other.
        cut_off: Texts that leave the figure.
        smallest: Points of the smallest text.
        size: Width and height in inches.
    """

    overlapping: tuple[tuple[str, str], ...]
    cut_off: tuple[str, ...]
    smallest: float
    size: tuple[float, float]


def legibility(figure: Figure) -> Legibility:
    found = visible_texts(figure)
    boxes = [(text.get_text(), mpl.text.Text.get_window_extent(text)) for text in found]  # without arrows
    edge = figure.bbox
    return Legibility(
        tuple((one, two) for (one, box), (two, other) in combinations(boxes, 2) if box.overlaps(other)),
        tuple(
            name
            for name, box in boxes
            if box.x0 < edge.x0 or box.x1 > edge.x1 or box.y0 < edge.y0 or box.y1 > edge.y1
        ),
        min(text.get_fontsize() for text in found),
        tuple(figure.get_size_inches().tolist()),
    )
