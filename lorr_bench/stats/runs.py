"""Aggregates over runs and tasks after Agarwal et al. (2021), with intervals for few runs.

A run is one trained model with its scores on all tasks; the tasks are taken as they are. So runs are what is
resampled, whole rows.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from lorr_bench.stats.components import Table, complete
from lorr_bench.stats.estimates import Interval
from lorr_bench.stats.wilson import wilson_ends

DRAWS = 2000


def interquartile_mean(scores: ArrayLike, level: float = 0.95, seed: int = 0) -> Interval:
    """Scores (runs, tasks) to the mean of the middle half of them all.

    The interval is Student's around it. Its standard error is that of a bootstrap over runs, times the root
    of R/(R - 1): R runs drawn from R have (R - 1)/R of their variance. The percentiles of that bootstrap
    would cover about 50 % with two runs and 65 to 76 % with three.

    Args:
        scores: Between 0 and 1, one row a run, one column a task. Rows of NaN only are left out, then
            columns with a NaN.
        level: Confidence level.
        seed: Of the bootstrap.

    Returns:
        The interval, ``seeds`` runs and ``problems`` tasks; NaN ends with one run.

    Raises:
        ValueError: If the scores are not two-dimensional.
    """
    (table,) = complete([np.asarray(scores, dtype=np.float64)])
    runs, tasks = table.shape
    if table.size == 0:
        return Interval(math.nan, math.nan, math.nan, runs, tasks)
    mean = float(_middle_half(table.ravel()))
    if runs == 1:
        return Interval(mean, math.nan, math.nan, runs, tasks)
    drawn = table[_drawn_rows(runs, seed)].reshape(DRAWS, -1)
    error = float(_middle_half(drawn).std()) * math.sqrt(runs / (runs - 1))
    half = error * float(special.stdtrit(runs - 1, (1 + level) / 2))
    return Interval(mean, max(mean - half, 0.0), min(mean + half, 1.0), runs, tasks)


def probability_of_improvement(treatment: ArrayLike, baseline: ArrayLike, level: float = 0.95) -> Interval:
    """Chance that a run of the treatment beats one of the baseline on a task, ties counted half.

    The mean over tasks of Mann-Whitney's statistic. Its variance is that of the rows' shares of wins on
    either side (DeLong et al. 1988) with Student's quantile, laid around it as Wilson's interval. It is at
    least that of as many independent comparisons as were made, and where all of them came out alike that of
    one comparison a run: a few runs that all win don't prove that all would.

    Args:
        treatment: Scores (runs, tasks). Rows of NaN only are left out, then tasks with a NaN in either arm.
        baseline: Scores (runs, tasks) of the same tasks; runs are not paired and may differ in number.
        level: Confidence level.

    Returns:
        The interval, with the smaller number of runs as ``seeds``; NaN ends with one run on a side.

    Raises:
        ValueError: If the arms are not two-dimensional or have other numbers of tasks.
    """
    left, right = _same_tasks(treatment, baseline)
    runs, tasks = min(len(left), len(right)), left.shape[1]
    if runs * tasks == 0:
        return Interval(math.nan, math.nan, math.nan, runs, tasks)
    wins = (np.sign(left[:, None] - right[None]) / 2 + 0.5).mean(axis=2)
    share = float(wins.mean())
    if runs == 1:
        return Interval(share, math.nan, math.nan, runs, tasks)
    student = float(special.stdtrit(len(left) + len(right) - 2, (1 + level) / 2))
    low, high = wilson_ends(share, student**2 * _relative_variance(wins, share, tasks))
    return Interval(share, low, high, runs, tasks)


def _middle_half(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(…, values) to the mean (…,) without the lowest and the highest quarter, rounded down."""
    cut = values.shape[-1] // 4
    return np.asarray(np.sort(values)[..., cut : values.shape[-1] - cut].mean(axis=-1))


def _relative_variance(wins: Table, share: float, tasks: int) -> float:
    """Wins (runs, baseline runs) to the variance of their mean, over share · (1 - share)."""
    spread = share * (1 - share)
    if spread == 0:
        return float(1 / min(wins.shape))
    treatment, baseline = wins.mean(axis=1), wins.mean(axis=0)
    variance = float(treatment.var(ddof=1)) / treatment.size + float(baseline.var(ddof=1)) / baseline.size
    return float(max(variance / spread, 1 / (wins.size * tasks)))


def _same_tasks(treatment: ArrayLike, baseline: ArrayLike) -> tuple[Table, Table]:
    """Both arms without empty runs and without tasks that miss a score on either side."""
    left, right = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise ValueError(f"treatment {left.shape} and baseline {right.shape} must be (runs, the same tasks)")
    left, right = (table[~np.isnan(table).all(axis=1)] for table in (left, right))
    known = ~(np.isnan(left).any(axis=0) | np.isnan(right).any(axis=0))
    return left[:, known], right[:, known]


@functools.lru_cache(maxsize=32)
def _drawn_rows(runs: int, seed: int) -> NDArray[np.int64]:
    """Indices (draws, runs) of rows drawn with replacement."""
    return np.random.default_rng([seed, runs]).integers(runs, size=(DRAWS, runs))
