"""The tables of a report as pandas frames: numbers only, nothing formatted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from typing import Any

import pandas as pd

from lorr_bench.report.arms import compared_arms, methods, plugin_of, plugins
from lorr_bench.report.contrasts import contrast_table, problem_families
from lorr_bench.report.measures import (
    Measure,
    averages,
    model_rows,
    reported_measures,
    score_cells,
    shared_scores,
    stack,
)
from lorr_bench.stats import stratified_interval
from lorr_bench.values import Point, Results, Score, Spend

SCORE_COLUMNS = (
    "arm", "unique_pairs", "seed", "benchmark", "kind", "metric", "value", "n", "deviation", "reason",
)  # fmt: skip
DIFFERENCE_COLUMNS = (
    "difference", "difference_low", "difference_high", "p_value", "paired_seeds", "paired_problems",
    "paired_families", "pooled", "detectable", "p_permuted_seeds", "role", "family", "tests", "p_holm",
    "significant",
)  # fmt: skip
"""What the comparison takes over from the table of contrasts."""
COMPARISON_COLUMNS = (
    "arm", "unique_pairs", "benchmark", "kind", "metric", "mean", "low", "high", "seeds", "problems",
    "deviation", *DIFFERENCE_COLUMNS,
)  # fmt: skip
METHOD_COLUMNS = ("benchmark", "kind", "metric", "unique_pairs", "method")
PLUGIN_COLUMNS = ("mean", "difference", "difference_low", "difference_high", "role", "p_holm", "significant")
DIAGNOSTIC_COLUMNS = ("arm", "unique_pairs", "seed", "replay", "name", "value")
QUANTITIES = tuple(Spend().to_dict())


def score_table(results: Results) -> pd.DataFrame:
    """Every metric of every model, one a row.

    Returns:
        Columns ``arm, unique_pairs, seed, benchmark, kind, metric, value, n, deviation, reason``: ``n``
        counts problems with a value, ``deviation`` is that of single repeats, and ``reason`` says why a value
        is missing.
    """
    rows = [
        (
            *_point(score.point), score.benchmark, score.kind, score.metric, score.value,
            _counted(score.per_problem), score.deviation, score.reason,
        )
        for score in results.scores
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def comparison(results: Results, contrasts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each arm at each budget on each measure, and its paired difference to its own baseline there.

    Where there are several benchmarks of a kind, their average is a measure too.

    Args:
        results: The results.
        contrasts: Their table of contrasts; made where it is left out.

    Returns:
        One row an arm, budget and measure, the start model first, as shares between 0 and 1. ``deviation`` is
        that of single repeats, pooled over the seeds. ``problems`` is 0 for scores known only as totals. The
        columns of the difference are those of ``contrast_table``.
    """
    differences = _baseline_rows(results, contrast_table(results) if contrasts is None else contrasts)
    cells, several = score_cells(results), averages(results)
    columns = {measure: several.get(measure, (measure,)) for measure in reported_measures(results)}
    rows = []
    for arm, budget in model_rows(results):
        for measure, parts in columns.items():
            found = shared_scores(cells, parts, arm, budget)
            if found:
                rows.append(
                    {"arm": arm, "unique_pairs": budget, **asdict(measure)}
                    | _score_columns(results, parts, found)
                    | differences.get((arm, budget, measure), {})
                )
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    for column in ("significant", "pooled"):
        table[column] = table[column].eq(other=True)
    for column in ("role", "family"):
        table[column] = table[column].astype(object).fillna("")
    return table


def method_table(results: Results, comparison: pd.DataFrame) -> pd.DataFrame:
    """The comparison at the largest budget with the plug-ins of each method beside each other.

    Args:
        results: The results.
        comparison: Their comparison table.

    Returns:
        One row a measure and method: ``benchmark, kind, metric, unique_pairs, method``, then for each plug-in
        its ``_mean`` and, where it is compared with another one, its ``_difference`` with ``_low`` and
        ``_high``, ``_role``, ``_p_holm`` and ``_significant``. Cells of arms that the suite does not have, or
        that have no result, are empty.
    """
    found, budget = largest_rows(comparison), largest_budget(comparison)
    names = plugins(results)
    rows = []
    for measure in reported_measures(results):
        for method in methods(results):
            row = dict(zip(METHOD_COLUMNS, (*astuple(measure), budget, method), strict=True))
            for plugin in names:
                row |= _plugin_columns(plugin, found.get((f"{method}+{plugin}", measure)))
            rows.append(row)
    compared = {plugin_of(arm) for arm in compared_arms(results)}
    columns = [
        f"{plugin}_{name}"
        for plugin in names
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


def _baseline_rows(
    results: Results, contrasts: pd.DataFrame
) -> dict[tuple[str, int, Measure], dict[str, Any]]:
    """Columns of each arm's difference to its own baseline, by arm, budget and measure."""
    rows: list[Any] = list(contrasts.itertuples())
    return {
        (row.treatment, row.unique_pairs, Measure(row.benchmark, row.kind, row.metric)): {
            name: getattr(row, name) for name in DIFFERENCE_COLUMNS
        }
        for row in rows
        if results.baselines.get(row.treatment) == row.reference
    }


def _score_columns(
    results: Results, parts: Sequence[Measure], strata: Mapping[int, Sequence[Score]]
) -> dict[str, float]:
    stacked = [stack(scores) for scores in zip(*strata.values(), strict=True)]
    by_problem = [known for _, known in stacked]
    found = stratified_interval(
        [table for table, _ in stacked], families=problem_families(results, parts, by_problem)
    )
    return {
        "mean": found.mean, "low": found.low, "high": found.high, "seeds": found.seeds,
        "problems": found.problems if all(by_problem) else 0,
        "deviation": _pooled([score.deviation for score, *others in strata.values() if not others]),
    }  # fmt: skip


def _pooled(deviations: Sequence[float]) -> float:
    """Root of the mean variance; NaN where there is none."""
    known = [deviation for deviation in deviations if not math.isnan(deviation)]
    return math.sqrt(sum(deviation**2 for deviation in known) / len(known)) if known else math.nan


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
