"""Aggregates over all benchmarks: the middle half of their gains, and how often an arm beats its baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lorr_bench.report.arms import baseline_name, compared_arms
from lorr_bench.report.cells import percent, points, span
from lorr_bench.report.measures import Cells, Measure, largest_points, primary_measures, score_cells
from lorr_bench.report.sheets import ARM, Cell, Column, Sheet, text_cells
from lorr_bench.stats import interquartile_gain, probability_of_improvement
from lorr_bench.values import Results

AGGREGATE_COLUMNS = (
    "arm", "baseline", "unique_pairs", "runs", "tasks", "gain", "gain_low", "gain_high", "improvement",
    "improvement_low", "improvement_high",
)  # fmt: skip
MIN_TASKS = 8
"""With fewer benchmarks the middle half is three or less of them, chosen after the numbers are seen."""


def aggregate_table(results: Results) -> pd.DataFrame:
    """Interquartile mean of the gains and probability of improvement of each arm over all benchmarks.

    A run is a trained model, a task a benchmark with one measure: ``greedy`` where there is one, its first
    otherwise. After Agarwal et al. 2021, arXiv 2108.13264, who bring tasks on one scale before they cut any:
    here by the gain over the baseline's mean.

    Returns:
        One row a compared arm, at its largest budget, as shares; none with fewer than eight benchmarks that
        the arm and its baseline share.
    """
    found, tasks = score_cells(results), primary_measures(results)
    compared = set(compared_arms(results))
    rows = [
        _row(found, tasks, (arm, results.baselines.get(arm, "")), budget)
        for arm, budget in largest_points(results)
        if arm in compared
    ]
    return pd.DataFrame([row for row in rows if row], columns=list(AGGREGATE_COLUMNS))


def aggregate_sheet(results: Results, table: pd.DataFrame) -> Sheet:
    """That table for reading."""
    columns = (
        ARM, Column("baseline", "text"), Column("pairs", choice=True), Column("runs"), Column("benchmarks"),
        Column("gain (points)"), Column("improvement (%)"),
    )  # fmt: skip
    caption = (
        "Gain: mean over runs minus that of the baseline on each benchmark, then the mean of the middle half "
        f"of the benchmarks. Improvement: the chance that a run beats one of {baseline_name(results)} on a "
        "benchmark; 50 is neither. In brackets 95 % intervals over training runs. Not tested."
    )
    label = "Arms over all benchmarks"
    rows = tuple(map(_cells, table.itertuples()))
    return Sheet("aggregates", label, caption, columns, rows, "aggregates.csv", main=True)


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *text_cells(row.arm, row.baseline, f"{row.unique_pairs:,}", f"{row.runs}", f"{row.tasks}"),
        Cell(points(row.gain), span(points(row.gain_low), points(row.gain_high))),
        Cell(percent(row.improvement), span(percent(row.improvement_low), percent(row.improvement_high))),
    )


def _row(found: Cells, tasks: Sequence[Measure], arms: tuple[str, str], budget: int) -> dict[str, Any]:
    """The row of an arm beside its baseline; nothing where they share too few benchmarks."""
    scores, reference = (_runs(found, tasks, arm, budget) for arm in arms)
    if not scores.size or not reference.size:
        return {}
    gain, better = interquartile_gain(scores, reference), probability_of_improvement(scores, reference)
    if gain.problems < MIN_TASKS:
        return {}
    return {
        "arm": arms[0], "baseline": arms[1], "unique_pairs": budget, "runs": gain.seeds,
        "tasks": gain.problems, "gain": gain.mean, "gain_low": gain.low, "gain_high": gain.high,
        "improvement": better.mean, "improvement_low": better.low, "improvement_high": better.high,
    }  # fmt: skip


def _runs(found: Cells, tasks: Sequence[Measure], arm: str, budget: int) -> NDArray[np.float64]:
    """Scores (runs, tasks) of the seeds that have any; NaN where one is missing."""
    by_task = [found.get((task, arm, budget), {}) for task in tasks]
    seeds = sorted(set().union(*by_task))
    return np.array(
        [[of_task[seed].value if seed in of_task else math.nan for of_task in by_task] for seed in seeds]
    )
