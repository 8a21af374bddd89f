"""Intervals for scores of several training seeds on the same problems.

Seeds and problems are *crossed*: every trained model answers the same problems, so

    score[s, p] = mean + seed[s] + problem[p] + residual[s, p]

and both the seeds and the problems are samples: another run would draw other seeds, another benchmark of the
same kind other problems. With mean squares A (seeds), B (problems) and E (residual) of the two-way table of
S seeds and P problems, two parts make up the variance of the overall mean:

    from training    A / (S·P)        variance of the seed means, over S; S - 1 degrees of freedom
    from problems    (B - E) / (S·P)  variance between problems, over P, residual taken off; P - 1

Their sum is unbiased, but with three seeds its first part is a guess of two degrees of freedom. So each
part's variance is multiplied by the square of its own Student quantile before they are added (the method of
variance estimates recovery, Zou & Donner 2008; Graybill & Wang 1980):

    half width² = t(S - 1)² · A / (S·P)  +  t(P - 1)² · max(B - E, 0) / (S·P)

Why this and not something else, as simulated with binary scores, 2 to 5 seeds, 30 to 300 problems and seed
spreads from none to large (95 % asked): this one covers 93 to 99 % (90 % in one corner: two seeds, 30
problems, one right answer in ten). The crossed bootstrap (seeds resampled, and one set of problems shared by
them) falls to 64 % with two seeds and 76 % with three, because a resample of S seeds has (S - 1)/S of their
variance and no heavy tails. One Satterthwaite quantile for the sum falls to 88 %. A permutation of signs at
the seed level can't reach p < 0.25 with three seeds. Problems counted as replications of training ignore the
seeds altogether. ``tests/stats/test_coverage.py`` repeats the cases that decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

SMALLEST_LOG_P = math.log(1e-100)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: Mean over all seeds and problems.
        low: Lower end.
        high: Upper end.
        seeds: Trained models it rests on. With 1 the interval covers the choice of problems only: it says
            nothing about another training run.
        problems: Problems it rests on.
    """

    mean: float
    low: float
    high: float
    seeds: int
    problems: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean paired difference, treatment minus baseline.

    Attributes:
        mean: Mean difference over all seeds and problems.
        low: Lower end of its confidence interval.
        high: Upper end.
        p_value: Two-sided; below ``1 - level`` exactly where the interval leaves out zero. NaN with one
            seed: problems are not replications of training.
        seeds: Seeds that both have.
        problems: Problems that both have.
    """

    mean: float
    low: float
    high: float
    p_value: float
    seeds: int
    problems: int


@dataclass(frozen=True, slots=True)
class _Parts:
    """Mean of a seeds × problems table and the two parts of its variance."""

    mean: float
    training: float
    problem: float
    seeds: int
    problems: int

    def half_width_squared(self, tail: float) -> float:
        """Squared half width of the interval that leaves out ``tail`` on each side."""
        training = self.training * _quantile(tail, self.seeds - 1) ** 2 if self.training else 0.0
        problem = self.problem * _quantile(tail, self.problems - 1) ** 2 if self.problem else 0.0
        return training + problem


def crossed_interval(scores: ArrayLike, level: float = 0.95) -> Interval:
    """Scores (seeds, problems), each between 0 and 1, to their mean and its interval.

    The width is that of the module's formula. It is laid around the mean as Wilson's interval lays a
    binomial one, with the binomial sample size that would give the same width: so it stays between 0 and 1
    and is not empty when every answer is wrong. With equal rows and 0/1 scores it is Wilson's interval for
    the number of problems, up to Student's quantile and the P - 1 of the sample variance.

    Args:
        scores: One row a trained model, one column a problem. Rows of NaN only are left out, then columns
            with a NaN. A single column stands for scores known only as a total: then the interval covers
            the seeds only.
        level: Confidence level.

    Returns:
        The interval; NaN ends where neither seeds nor problems are at least two, all NaN without scores.
    """
    parts = _parts(_complete(np.asarray(scores, dtype=np.float64)))
    tail = (1 - level) / 2
    if math.isnan(parts.training):
        return Interval(parts.mean, math.nan, math.nan, parts.seeds, parts.problems)
    low, high = _wilson(parts, tail)
    return Interval(parts.mean, low, high, parts.seeds, parts.problems)


def paired_difference(treatment: ArrayLike, baseline: ArrayLike, level: float = 0.95) -> Difference:
    """Scores (seeds, problems) of two arms to their mean paired difference, interval and p-value.

    Row s of both was trained with the same seed and column p is the same problem, so the difference of each
    cell is free of the problem's difficulty. The differences get the module's interval, and the p-value is
    the one at which that interval touches zero. The part from problems is at least 1/(P·(P + 2)), as if the
    arms had disagreed on one problem (compare Agresti & Min 2005): thirty problems without a disagreement
    don't prove that there is none.

    Args:
        treatment: Scores between 0 and 1 of the arm in question; NaN and single columns as in
            ``crossed_interval``.
        baseline: Scores of the arm it is compared with, in the same shape.
        level: Confidence level.

    Returns:
        The difference; NaN where it can't be estimated.

    Raises:
        ValueError: If the shapes differ.
    """
    left, right = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"treatment {left.shape} and baseline {right.shape} must have the same shape")
    parts = _with_one_disagreement(_parts(_complete(left - right)))
    half = math.sqrt(parts.half_width_squared((1 - level) / 2))
    p_value = _p_value(parts) if parts.seeds > 1 else math.nan
    return Difference(parts.mean, parts.mean - half, parts.mean + half, p_value, parts.seeds, parts.problems)


def _complete(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """(seeds, problems) to the rows that have a value, then the columns that miss none."""
    if table.ndim != 2:
        raise ValueError(f"scores must have the shape (seeds, problems), not {table.shape}")
    missing = np.isnan(table)
    table = table[~missing.all(axis=1)]
    return table[:, ~np.isnan(table).any(axis=0)]


def _parts(table: NDArray[np.float64]) -> _Parts:
    """(seeds, problems) without NaN to its mean and the variance parts; NaN if there are none."""
    seeds, problems = table.shape
    if seeds * problems <= 1:
        return _Parts(float(table.sum()) if table.size else math.nan, math.nan, math.nan, seeds, problems)
    mean, by_seed, by_problem = float(table.mean()), table.mean(axis=1), table.mean(axis=0)
    residual = table - by_seed[:, None] - by_problem[None, :] + mean
    freedom = (seeds - 1) * (problems - 1)
    error = float((residual**2).sum()) / freedom / (seeds * problems) if freedom else 0.0
    training = float(by_seed.var(ddof=1)) / seeds if seeds > 1 else 0.0
    between = float(by_problem.var(ddof=1)) / problems if problems > 1 else 0.0
    return _Parts(mean, training, max(between - error, 0.0), seeds, problems)


def _with_one_disagreement(parts: _Parts) -> _Parts:
    """The parts with the problem part at least that of one disagreement among the problems."""
    if parts.problems < 2:
        return parts
    least = 1 / (parts.problems * (parts.problems + 2))
    return _Parts(parts.mean, parts.training, max(parts.problem, least), parts.seeds, parts.problems)


def _quantile(tail: float, freedom: int) -> float:
    return float(stats.t.isf(tail, freedom))


def _wilson(parts: _Parts, tail: float) -> tuple[float, float]:
    """Ends of the interval with the parts' width, in Wilson's form."""
    spread = parts.mean * (1 - parts.mean)
    if spread > 0:
        ratio = parts.half_width_squared(tail) / spread
    elif parts.problems > 1:
        ratio = _quantile(tail, parts.problems - 1) ** 2 / parts.problems
    else:
        ratio = 0.0
    centre = (parts.mean + ratio / 2) / (1 + ratio)
    half = math.sqrt(ratio * spread + ratio**2 / 4) / (1 + ratio)
    # Rounding may carry an end past the mean or the edge by one unit of the last place.
    return max(min(centre - half, parts.mean), 0.0), min(max(centre + half, parts.mean), 1.0)


def _p_value(parts: _Parts) -> float:
    """The p at which the interval touches zero; NaN without any variance to judge by."""
    if parts.mean == 0:
        return 1.0
    if not parts.training + parts.problem > 0:
        return math.nan

    def beyond_zero(log_p: float) -> float:
        return parts.half_width_squared(math.exp(log_p) / 2) - parts.mean**2

    if beyond_zero(SMALLEST_LOG_P) <= 0:
        return 0.0
    return math.exp(optimize.brentq(beyond_zero, SMALLEST_LOG_P, 0.0))
