"""Aggregates over runs and tasks after Agarwal et al. (2021), with intervals for few runs.

There, tasks are brought on one scale before any is cut, and the middle half is one of runs x tasks; here the
scale is that of gains over the baseline, and the middle half one of tasks. A run is one trained model with
its scores on all tasks; the tasks are taken as they are. So runs are what is resampled, whole rows.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from lorr_bench.stats.components import Table
from lorr_bench.stats.estimates import Interval
from lorr_bench.stats.wilson import wilson_ends

DRAWS = 2000


def interquartile_gain(
    treatment: ArrayLike, baseline: ArrayLike, level: float = 0.95, seed: int = 0
) -> Interval:
    """Scores (runs, tasks) of two arms to the mean of the middle half of the tasks' gains.

    A task's gain is the difference of the arms' means on it, so tasks of very different level are on one
    scale before any is cut: of scores, the middle half would be that of the middling tasks, whichever moved.
    And what is cut is tasks, not runs, so an arm that loses on no task can't show a loss.

    The interval is Student's around it. Its variance is that of a bootstrap over the runs of either arm,
    times R/(R - 1): R runs drawn from R have (R - 1)/R of their variance.

    Args:
        treatment: One row a run, one column a task. Rows of NaN only are left out, then tasks with a NaN in
            either arm.
        baseline: Scores (runs, tasks) of the same tasks; runs are not paired and may differ in number.
        level: Confidence level.
        seed: Of the bootstrap.

    Returns:
        The interval, the smaller number of runs as ``seeds`` and tasks as ``problems``; NaN ends with one
        run on a side.

    Raises:
        ValueError: If the arms are not two-dimensional or have other numbers of tasks.
    """
    left, right = _same_tasks(treatment, baseline)
    runs, tasks = min(len(left), len(right)), left.shape[1]
    if runs * tasks == 0:
        return Interval(math.nan, math.nan, math.nan, runs, tasks)
    gains = left.mean(axis=0) - right.mean(axis=0)
    middle = float(_interquartile_mean(gains))
    if runs == 1:
        return Interval(middle, math.nan, math.nan, runs, tasks)
    variance = sum(_variance_of_iqm(gains, arm, seed) for arm in (left, -right))
    student = float(special.stdtrit(len(left) + len(right) - 2, (1 + level) / 2))
    half = student * math.sqrt(variance)
    return Interval(middle, middle - half, middle + half, runs, tasks)


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


def _variance_of_iqm(gains: Table, arm: Table, seed: int) -> float:
    """Variance of the middle half of the gains (tasks,) from the choice of the runs (runs, tasks) of an arm.

    Of the baseline these are its scores with the sign they have in a gain.
    """
    runs = len(arm)
    drawn = arm[_drawn_rows(runs, seed)].mean(axis=1) - arm.mean(axis=0)
    return float(_interquartile_mean(gains + drawn).var()) * runs / (runs - 1)


def _interquartile_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
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
