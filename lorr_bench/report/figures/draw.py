"""The figures of a report, each where its data exist."""

from __future__ import annotations

from lorr_bench.report.figures.ablation import Ablation, draw_ablation
from lorr_bench.report.figures.curves import Curves, draw_curves
from lorr_bench.report.figures.drawing import Drawing
from lorr_bench.report.figures.dumbbells import draw_dumbbells
from lorr_bench.report.figures.figure_data import FigureData, figure_data
from lorr_bench.report.figures.forest import Forest, draw_forest
from lorr_bench.report.figures.pareto import Pareto, draw_pareto
from lorr_bench.report.figures.quantities import NO_COSTS, multiples, spent, unique_pairs
from lorr_bench.report.figures.replays import Replays, draw_replays
from lorr_bench.report.figures.story import Story, draw_story
from lorr_bench.report.figures.sweep import draw_sweep
from lorr_bench.report.frames import Frames
from lorr_bench.report.study import Study
from lorr_bench.report.tables.comparison import Comparison


def draw_all(study: Study, comparison: Comparison, frames: Frames) -> tuple[Drawing, ...]:
    """Every figure whose data exist.

    Args:
        study: The results.
        comparison: Their comparison.
        frames: Their frames.

    Returns:
        First the main figure: of a single method its whole story. Then, and of several methods first,
        accuracy against unique pairs, or at a single budget scores and differences. Then accuracy against
        updates, against seconds and against a setting that is swept, the ablation, the forest plot, the
        diagnostics and the Pareto front. Each has another name.
    """
    data = figure_data(study, comparison)
    story, scores = draw_story(Story(data, frames)), draw_main(data, frames)
    others = (
        draw_against(data, frames, name="updates", quantity="optimizer_steps"),
        draw_against(data, frames, name="seconds", quantity="wall_seconds"),
        draw_sweep(data),
        draw_ablation(Ablation(data)),
        draw_forest(Forest(data.arm_styles, frames.contrasts)),
        draw_replays(Replays(data.arm_styles, frames.diagnostics)),
        _pareto(data, frames),
    )
    return tuple(drawing for drawing in (story, scores, *others) if drawing is not None)


def draw_main(data: FigureData, frames: Frames) -> Drawing:
    """Curves, unless there is a single budget: then dumbbells, if there are arms to set beside each other.

    Of several methods, which have no story, it tells what training took as well.
    """
    quantity = unique_pairs(data.comparison.frame, frames.scores)
    budgets = set(quantity.means.values())
    several = data.arm_styles.several
    largest = data.comparison.largest_budget
    costs = multiples(data.study, frames.ledger, largest) if several else NO_COSTS
    compared = several or data.comparison.frame["difference"].notna().any()
    if len(budgets) != 1 or not compared:
        title = "Accuracy against unique pairs"
        return Drawing(
            name="curves",
            title=title,
            description=f"{title}, one line an arm",
            figure=draw_curves(Curves(data, frames.scores, quantity, costs)),
        )
    told = ", and what training took" if costs.name else ""
    title = f"Accuracy at {budgets.pop():,.0f} unique pairs"
    return Drawing(
        name="curves",
        title=title,
        description=f"Accuracy of each arm, joined to that of its baseline, and their difference{told}",
        figure=draw_dumbbells(data, title, costs),
    )


def draw_against(data: FigureData, frames: Frames, *, name: str, quantity: str) -> Drawing | None:
    """Accuracy against a quantity of the ledger, where there are two points or more."""
    curves = Curves(data, frames.scores, spent(data.study.results, frames.ledger, quantity))
    if curves.count < 2:
        return None
    title = f"Accuracy against {curves.quantity.title}"
    return Drawing(
        name=name,
        title=title,
        description=f"{title} of finished training runs",
        figure=draw_curves(curves),
    )


def _pareto(data: FigureData, frames: Frames) -> Drawing | None:
    """Accuracy against estimated FLOPs; against seconds where they were not estimated."""
    if not data.measures:
        return None
    costs = (spent(data.study.results, frames.ledger, name) for name in ("flops", "wall_seconds"))
    cost = next((quantity for quantity in costs if quantity.means), None)
    if cost is None:
        return None
    return draw_pareto(Pareto(data.arm_styles, data.comparison, data.measures[0], cost))
