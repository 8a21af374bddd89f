"""The tables of a report as pandas frames: numbers only, nothing formatted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, astuple
from typing import Any

import pandas as pd

from lorr_bench.report.arms import compared_arms, methods, plugin_of, plugins
from lorr_bench.report.measures import (
    Cells,
    Measure,
    all_measures,
    measure_of,
    model_rows,
    score_cells,
    stack,
)
from lorr_bench.stats import crossed_interval, holm, paired_difference
from lorr_bench.values import Point, Results, Spend

SIGNIFICANCE = 0.05
SCORE_COLUMNS = ("arm", "unique_pairs", "seed", "benchmark", "kind", "metric", "value", "n")
COMPARISON_COLUMNS = (
    "arm", "unique_pairs", "benchmark", "kind", "metric", "mean", "low", "high", "seeds", "problems",
    "difference", "difference_low", "difference_high", "p_value", "paired_seeds", "paired_problems",
)  # fmt: skip
METHOD_COLUMNS = ("benchmark", "kind", "metric", "unique_pairs", "method")
PLUGIN_COLUMNS = ("mean", "difference", "difference_low", "difference_high", "p_holm", "significant")
DIAGNOSTIC_COLUMNS = ("arm", "unique_pairs", "seed", "replay", "name", "value")
QUANTITIES = tuple(Spend().to_dict())


def score_table(results: Results) -> pd.DataFrame:
    """Every metric of every model, one a row.

    Returns:
        Columns ``arm, unique_pairs, seed, benchmark, kind, metric, value, n``; ``n`` counts problems with a
        value.
    """
    rows = [
        (*_point(score.point), *astuple(measure_of(score)), score.value, _counted(score.per_problem))
        for score in results.scores
    ]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def comparison(results: Results) -> pd.DataFrame:
    """Each arm at each budget on each measure, and its paired difference to its own baseline there.

    Returns:
        One row an arm, budget and measure, the start model first, as shares between 0 and 1. ``p_holm`` is
        corrected over all tests of the table, ``significant`` where it is below 0.05. ``problems`` is 0 for
        scores known only as totals.
    """
    cells = score_cells(results)
    rows = [
        {
            **{"arm": arm, "unique_pairs": budget, **asdict(measure)},
            **_score_columns(cells, measure, arm, budget),
            **_difference_columns(cells, measure, arm, budget, results.baselines.get(arm)),
        }
        for arm, budget in model_rows(results)
        for measure in all_measures(results)
        if (measure, arm, budget) in cells
    ]
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    table["p_holm"] = holm(table["p_value"].to_numpy(dtype=float))
    table["significant"] = table["p_holm"] < SIGNIFICANCE
    return table


def method_table(results: Results, comparison: pd.DataFrame) -> pd.DataFrame:
    """The comparison at the largest budget with the plug-ins of each method beside each other.

    Args:
        results: The results.
        comparison: Their comparison table.

    Returns:
        One row a measure and method: ``benchmark, kind, metric, unique_pairs, method``, then for each plug-in
        its ``_mean`` and, where it is compared with another one, its ``_difference`` with ``_low`` and
        ``_high``, ``_p_holm`` and ``_significant``. Cells of arms that the suite does not have, or that have
        no result, are empty.
    """
    found, budget = largest_rows(comparison), largest_budget(comparison)
    rows = []
    for measure in all_measures(results):
        for method in methods(results):
            row = dict(zip(METHOD_COLUMNS, (*astuple(measure), budget, method), strict=True))
            for plugin in plugins(results):
                row |= _plugin_columns(plugin, found.get((f"{method}+{plugin}", measure)))
            rows.append(row)
    compared = {plugin_of(arm) for arm in compared_arms(results)}
    columns = [
        f"{plugin}_{name}"
        for plugin in plugins(results)
        for name in (PLUGIN_COLUMNS if plugin in compared else PLUGIN_COLUMNS[:1])
    ]
    return pd.DataFrame(rows, columns=[*METHOD_COLUMNS, *columns])


def largest_budget(comparison: pd.DataFrame) -> int:
    """The largest budget at which an arm was evaluated; 0 where none was."""
    return int(comparison["unique_pairs"].max()) if len(comparison) else 0


def largest_rows(comparison: pd.DataFrame) -> dict[tuple[str, Measure], Any]:
    """The rows of the comparison at the largest budget, and the start model's, by arm and measure."""
    shown = comparison[comparison["unique_pairs"].isin([0, largest_budget(comparison)])]
    rows: list[Any] = list(shown.itertuples())
    return {(row.arm, Measure(row.benchmark, row.kind, row.metric)): row for row in rows}


def diagnostic_table(results: Results) -> pd.DataFrame:
    """Everything that was measured at the end of a replay, one value a row.

    Returns:
        Columns ``arm, unique_pairs, seed, replay, name, value``; replays are counted from 1.
    """
    rows = [
        (*_point(point), replay, name, value)
        for point, replays in results.diagnostics.items()
        for replay, values in enumerate(replays, start=1)
        for name, value in values.items()
    ]
    return pd.DataFrame(rows, columns=list(DIAGNOSTIC_COLUMNS))


def ledger(results: Results) -> pd.DataFrame:
    """Mean spend of each arm at each budget, and its ratio to its own baseline at the same budget.

    Returns:
        One row an arm and budget: ``arm, budget_pairs, seeds``, then each quantity of ``Spend`` and its
        ``_ratio``; NaN where the baseline has no spend or spent nothing.
    """
    lines = [
        {"arm": point.arm, "budget_pairs": point.unique_pairs, **spend.to_dict()}
        for point, spend in results.spends.items()
    ]
    spends = pd.DataFrame(lines, columns=["arm", "budget_pairs", *QUANTITIES])
    groups = spends.groupby(["arm", "budget_pairs"])
    means = groups.mean().astype(float)
    order = [row for row in model_rows(results) if row in means.index]
    means = means.reindex(pd.MultiIndex.from_tuples(order, names=["arm", "budget_pairs"])) if order else means
    for quantity in QUANTITIES:
        means[f"{quantity}_ratio"] = _ratios(means[quantity], results.baselines)
    means.insert(0, "seeds", groups.size().reindex(means.index))
    return means.reset_index()


def _point(point: Point) -> tuple[str, int, int]:
    return point.arm, point.unique_pairs, point.seed


def _counted(per_problem: tuple[float, ...]) -> int:
    return sum(not math.isnan(value) for value in per_problem)


def _score_columns(cells: Cells, measure: Measure, arm: str, budget: int) -> dict[str, float]:
    scores, by_problem = stack(list(cells[measure, arm, budget].values()))
    found = crossed_interval(scores)
    problems = found.problems if by_problem else 0
    return {
        "mean": found.mean, "low": found.low, "high": found.high, "seeds": found.seeds, "problems": problems,
    }  # fmt: skip


def _difference_columns(
    cells: Cells, measure: Measure, arm: str, budget: int, baseline: str | None
) -> dict[str, float]:
    """The paired difference over the seeds that both arms have; nothing for start model and baselines."""
    if baseline is None or baseline == arm:
        return {}
    treatment = cells[measure, arm, budget]
    reference = cells.get((measure, baseline, budget), {})
    shared = sorted(treatment.keys() & reference.keys())
    if not shared:
        return {}
    both, by_problem = stack([treatment[seed] for seed in shared] + [reference[seed] for seed in shared])
    found = paired_difference(both[: len(shared)], both[len(shared) :])
    return {
        "difference": found.mean, "difference_low": found.low, "difference_high": found.high,
        "p_value": found.p_value, "paired_seeds": found.seeds,
        "paired_problems": found.problems if by_problem else 0,
    }  # fmt: skip


def _plugin_columns(plugin: str, row: Any) -> dict[str, Any]:
    """The columns of one plug-in from its row of the comparison."""
    return {} if row is None else {f"{plugin}_{name}": getattr(row, name) for name in PLUGIN_COLUMNS}


def _ratios(means: pd.Series[float], baselines: Mapping[str, str]) -> list[float]:
    """Mean spends by (arm, budget) to their ratios to the baseline's at the same budget."""
    references = [means.get((baselines.get(arm, ""), budget), math.nan) for arm, budget in means.index]
    return [
        value / reference if reference else math.nan
        for value, reference in zip(means, references, strict=True)
    ]
