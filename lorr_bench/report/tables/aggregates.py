"""Aggregates over all benchmarks: the middle half of their gains, and how often an arm beats its baseline."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lorr_bench.report.formatting import interval, percent, points
from lorr_bench.report.study import Study
from lorr_bench.report.table import ARM, Cell, Column, Table, text_cells
from lorr_bench.stats import interquartile_gain, probability_of_improvement

COLUMNS = (
    "arm",
    "baseline",
    "unique_pairs",
    "runs",
    "tasks",
    "gain",
    "gain_low",
    "gain_high",
    "improvement",
    "improvement_low",
    "improvement_high",
)
MIN_TASKS = 8
"""With fewer benchmarks the middle half is three or less of them, chosen after the numbers are seen."""


def aggregate_frame(study: Study) -> pd.DataFrame:
    """Interquartile mean of the gains and probability of improvement of each arm over all benchmarks.

    A run is a trained model, a task a benchmark with one measure: ``greedy`` where there is one, its first
    otherwise. After Agarwal et al. 2021, arXiv 2108.13264, who bring tasks on one scale before they cut any:
    here by the gain over the baseline's mean.

    Returns:
        One row a compared arm, at its largest budget, as shares; none with fewer than eight benchmarks that
        the arm and its baseline share.
    """
    largest = study.largest_budgets
    rows = [_row(study, arm, largest[arm]) for arm in study.compared_arms if arm in largest]
    return pd.DataFrame([row for row in rows if row], columns=list(COLUMNS))


def aggregate_table(study: Study, frame: pd.DataFrame) -> Table:
    """That frame for reading."""
    return Table(
        section="aggregates",
        heading="Arms over all benchmarks",
        caption=(
            "Gain: mean over runs minus that of the baseline on each benchmark, then the mean of the middle "
            f"half of the benchmarks. Improvement: the chance that a run beats one of {study.baseline_name} "
            "on a benchmark; 50 is neither. In brackets 95 % intervals over training runs. Not tested."
        ),
        columns=(
            ARM,
            Column("baseline", "text"),
            Column("pairs", choice=True),
            Column("runs"),
            Column("benchmarks"),
            Column("gain (points)"),
            Column("improvement (%)"),
        ),
        rows=tuple(map(_cells, frame.itertuples())),
        file="aggregates.csv",
        main=True,
    )


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *text_cells(row.arm, row.baseline, f"{row.unique_pairs:,}", f"{row.runs}", f"{row.tasks}"),
        Cell(points(row.gain), interval(points(row.gain_low), points(row.gain_high))),
        Cell(percent(row.improvement), interval(percent(row.improvement_low), percent(row.improvement_high))),
    )


def _row(study: Study, arm: str, budget: int) -> dict[str, Any]:
    """The row of an arm beside its baseline; nothing where they share too few benchmarks."""
    baseline = study.results.baselines.get(arm, "")
    scores, reference = (_runs(study, name, budget) for name in (arm, baseline))
    if not scores.size or not reference.size:
        return {}
    gain, better = interquartile_gain(scores, reference), probability_of_improvement(scores, reference)
    if gain.problems < MIN_TASKS:
        return {}
    return {
        "arm": arm,
        "baseline": baseline,
        "unique_pairs": budget,
        "runs": gain.seeds,
        "tasks": gain.problems,
        "gain": gain.mean,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "improvement": better.mean,
        "improvement_low": better.low,
        "improvement_high": better.high,
    }


def _runs(study: Study, arm: str, budget: int) -> NDArray[np.float64]:
    """Scores (runs, tasks) of the seeds that have any; NaN where one is missing."""
    by_task = [study.scores.get((task, arm, budget), {}) for task in study.benchmark_measures]
    seeds = sorted(set().union(*by_task))
    return np.array(
        [[of_task[seed].value if seed in of_task else math.nan for of_task in by_task] for seed in seeds]
    )
