"""Aggregates over all benchmarks: interquartile mean, and how often an arm beats its baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lorr_bench.report import cells
from lorr_bench.report.measures import Cells, Measure, largest_points, primary_measures, score_cells
from lorr_bench.report.rows import AggregateRow
from lorr_bench.stats import interquartile_mean, probability_of_improvement
from lorr_bench.values import Results

AGGREGATE_COLUMNS = (
    "arm", "unique_pairs", "runs", "tasks", "iqm", "iqm_low", "iqm_high", "baseline", "improvement",
    "improvement_low", "improvement_high",
)  # fmt: skip


def aggregate_table(results: Results) -> pd.DataFrame:
    """Interquartile mean and probability of improvement of each arm over all benchmarks.

    A run is a trained model, a task a benchmark with one measure: ``greedy`` where there is one, its first
    otherwise. Agarwal et al. 2021, arXiv 2108.13264.

    Returns:
        One row an arm, at its largest budget, as shares; none with fewer than two benchmarks.
    """
    found, tasks = score_cells(results), primary_measures(results)
    if len(tasks) < 2:
        return pd.DataFrame(columns=list(AGGREGATE_COLUMNS))
    rows = [_row(found, tasks, arm, budget, results.baselines) for arm, budget in largest_points(results)]
    return pd.DataFrame([row for row in rows if row], columns=list(AGGREGATE_COLUMNS))


def aggregate_rows(table: pd.DataFrame) -> tuple[AggregateRow, ...]:
    """That table as text."""
    rows: list[Any] = list(table.itertuples())
    return tuple(
        AggregateRow(
            row.arm,
            f"{row.unique_pairs:,}",
            f"{row.runs}",
            f"{row.tasks}",
            cells.percent(row.iqm),
            cells.span(cells.percent(row.iqm_low), cells.percent(row.iqm_high)),
            cells.percent(row.improvement),
            cells.span(cells.percent(row.improvement_low), cells.percent(row.improvement_high)),
        )
        for row in rows
    )


def _row(
    found: Cells, tasks: Sequence[Measure], arm: str, budget: int, baselines: Mapping[str, str]
) -> dict[str, Any]:
    scores = _runs(found, tasks, arm, budget)
    if not scores.size:
        return {}
    middle = interquartile_mean(scores)
    row = {
        "arm": arm, "unique_pairs": budget, "runs": middle.seeds, "tasks": middle.problems,
        "iqm": middle.mean, "iqm_low": middle.low, "iqm_high": middle.high, "baseline": "",
        "improvement": math.nan, "improvement_low": math.nan, "improvement_high": math.nan,
    }  # fmt: skip
    baseline = baselines.get(arm, arm)
    reference = _runs(found, tasks, baseline, budget)
    if baseline == arm or not reference.size:
        return row
    better = probability_of_improvement(scores, reference)
    return {
        **row, "baseline": baseline, "improvement": better.mean, "improvement_low": better.low,
        "improvement_high": better.high,
    }  # fmt: skip


def _runs(found: Cells, tasks: Sequence[Measure], arm: str, budget: int) -> NDArray[np.float64]:
    """Scores (runs, tasks) of the seeds that have any; NaN where one is missing."""
    by_task = [found.get((task, arm, budget), {}) for task in tasks]
    seeds = sorted(set().union(*by_task))
    return np.array(
        [[of_task[seed].value if seed in of_task else math.nan for of_task in by_task] for seed in seeds]
    )
