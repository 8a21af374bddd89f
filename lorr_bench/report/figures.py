"""The figure of a report: curves over several budgets, dumbbells at a single one."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from lorr_bench.report.arms import methods
from lorr_bench.report.curves import draw_curves
from lorr_bench.report.drawing import inline_svg, png_bytes, svg_text
from lorr_bench.report.dumbbells import draw_dumbbells
from lorr_bench.report.measures import GENERAL, MATH, Measure, all_measures, primary_measure
from lorr_bench.values import Results

__all__ = ["Drawing", "draw", "figure_measures", "inline_svg", "png_bytes", "svg_text"]

MOST_MEASURES = 6


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with its heading and what a reader who can't see it is told."""

    title: str
    description: str
    figure: Figure


def figure_measures(results: Results) -> tuple[Measure, ...]:
    """The measures of the figure: math, or general reasoning where there is no math.

    With several methods it is the headline's alone: each method takes a panel or a row.
    """
    measures = all_measures(results)
    primary = primary_measure(results)
    if primary is not None and len(methods(results)) > 1:
        return (primary,)
    math_measures = [measure for measure in measures if measure.kind == MATH]
    general_measures = [measure for measure in measures if measure.kind == GENERAL]
    return tuple((math_measures or general_measures)[:MOST_MEASURES])


def draw(results: Results, comparison: pd.DataFrame, scores: pd.DataFrame) -> Drawing:
    """The figure that suits the suite.

    Args:
        results: The results.
        comparison: Their comparison table.
        scores: Their score table.

    Returns:
        Curves, unless there is a single budget: then dumbbells.
    """
    measures = figure_measures(results)
    budgets = sorted(int(budget) for budget in set(comparison["unique_pairs"]) if budget > 0)
    if len(budgets) == 1:
        return Drawing(
            f"Accuracy at {budgets[0]:,} unique pairs",
            "Accuracy of each arm, joined to that of its baseline, and their difference",
            draw_dumbbells(results, comparison, measures),
        )
    return Drawing(
        "Accuracy against unique pairs",
        "Accuracy against unique pairs, one line an arm",
        draw_curves(results, comparison, scores, measures),
    )
