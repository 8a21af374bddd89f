"""The figures of a report, each where its data exist."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from lorr_bench.report.arms import methods
from lorr_bench.report.figures.ablation import Ablation, draw_ablation
from lorr_bench.report.figures.arm_styles import ArmStyles, Shown
from lorr_bench.report.figures.curves import Curves, draw_curves
from lorr_bench.report.figures.drawing import Drawing, pdf_bytes, png_bytes, svg_text
from lorr_bench.report.figures.dumbbells import draw_dumbbells
from lorr_bench.report.figures.forest import Forest, draw_forest
from lorr_bench.report.figures.pareto import Pareto, draw_pareto
from lorr_bench.report.figures.quantities import spent, unique_pairs
from lorr_bench.report.figures.replays import Replays, draw_replays
from lorr_bench.report.measures import MATH, Measure, primary_measure
from lorr_bench.values import Results

__all__ = ["Drawing", "draw_all", "figure_measures", "pdf_bytes", "png_bytes", "svg_text"]

MAX_MEASURES = 12


class Frames(Protocol):
    """The tables that figures are drawn from."""

    @property
    def comparison(self) -> pd.DataFrame:
        """Scores and differences."""

    @property
    def contrasts(self) -> pd.DataFrame:
        """Every difference."""

    @property
    def scores(self) -> pd.DataFrame:
        """Scores of single seeds."""

    @property
    def ledger(self) -> pd.DataFrame:
        """Mean spends."""

    @property
    def diagnostics(self) -> pd.DataFrame:
        """What was measured at the end of each replay."""


def draw_all(results: Results, frames: Frames) -> tuple[Drawing, ...]:
    """Every figure whose data exist.

    Args:
        results: The results.
        frames: Their tables.

    Returns:
        First the main figure, which is always drawn: accuracy against unique pairs, or at a single budget
        scores and differences. Then accuracy against updates and against seconds, the ablation, the forest
        plot, the diagnostics and the Pareto front. Each has another name.
    """
    shown = what_to_show(results, frames.comparison)
    others = (
        draw_against(shown, frames, "updates", "optimizer_steps"),
        draw_against(shown, frames, "seconds", "wall_seconds"),
        draw_ablation(Ablation(shown)),
        draw_forest(Forest(shown.arm_styles, frames.contrasts)),
        draw_replays(Replays(shown.arm_styles, frames.diagnostics)),
        _pareto(shown, frames),
    )
    return (draw_main(shown, frames), *(drawing for drawing in others if drawing is not None))


def what_to_show(results: Results, comparison: pd.DataFrame) -> Shown:
    """Arms and measures of the figures, without what has no score."""
    scored = comparison[comparison["mean"].notna()]
    measures = figure_measures(results, scored)
    return Shown(ArmStyles(results), scored, measures[:MAX_MEASURES], len(measures))


def figure_measures(results: Results, comparison: pd.DataFrame) -> tuple[Measure, ...]:
    """The measures of a figure: math, or general reasoning where there is no math.

    With several methods it is the headline's alone: each method takes a panel or a row.
    """
    rows = zip(comparison["benchmark"], comparison["kind"], comparison["metric"], strict=True)
    measures = [Measure(*row) for row in dict.fromkeys(rows)]
    primary = primary_measure(results)
    if primary in measures and len(methods(results)) > 1:
        return (primary,)
    return tuple([measure for measure in measures if measure.kind == MATH] or measures)


def draw_main(shown: Shown, frames: Frames) -> Drawing:
    """Curves, unless there is a single budget: then dumbbells, if there are arms to set beside each other."""
    quantity = unique_pairs(shown.comparison, frames.scores)
    budgets = set(quantity.means.values())
    if len(budgets) != 1 or not (shown.arm_styles.several or shown.comparison["difference"].notna().any()):
        figure = draw_curves(Curves(shown, frames.scores, quantity))
        title = "Accuracy against unique pairs"
        return Drawing("curves", title, f"{title}, one line an arm", figure)
    return Drawing(
        "curves",
        f"Accuracy at {budgets.pop():,.0f} unique pairs",
        "Accuracy of each arm, joined to that of its baseline, and their difference",
        draw_dumbbells(shown),
    )


def draw_against(shown: Shown, frames: Frames, name: str, quantity: str) -> Drawing | None:
    """Accuracy against a quantity of the ledger, where there are two points or more."""
    curves = Curves(shown, frames.scores, spent(shown.results, frames.ledger, quantity))
    if curves.count < 2:
        return None
    title = f"Accuracy against {curves.quantity.title}"
    return Drawing(name, title, f"{title} of finished training runs", draw_curves(curves))


def _pareto(shown: Shown, frames: Frames) -> Drawing | None:
    """Accuracy against estimated FLOPs; against seconds where they were not estimated."""
    if not shown.measures:
        return None
    costs = (spent(shown.results, frames.ledger, name) for name in ("flops", "wall_seconds"))
    cost = next((quantity for quantity in costs if quantity.means), None)
    if cost is None:
        return None
    return draw_pareto(Pareto(shown.arm_styles, shown.comparison, shown.measures[0], cost))
