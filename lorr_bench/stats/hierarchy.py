"""The hierarchical bootstrap distribution of a mean over seeds and problems, without its Monte Carlo error.

Two levels, drawn one after the other. With few seeds, drawing the seeds themselves with replacement gives too
narrow a distribution: S seeds that were drawn from S have (S - 1)/S of their variance, and no doubt about it.
So the first level draws the *variance* that training may have, given what is known of it with f degrees of
freedom, S - 1 or those of a pool of arms; the second draws the mean of S seeds and P problems with that
variance:

    a  ~  density ∝ χ²-likelihood(training | a) · (1/a + κ·b/a²)      b  ~  problem · (P - 1) / χ²(P - 1)
    mean* ~ Normal(mean, a + b)

With κ = 0 this is the Behrens-Fisher distribution, whose intervals cover too much; κ = 1, after Ghosh & Kim
(2001), covers as it should with many seeds and too little with two or three. Between them, for the interval
of level 1 - α,

    κ = (1 - 4 / 5f) · min(1, 20·α)^(2 / f)

keeps the error near α for every ratio of the two parts, and not above it by more than a quarter at the small
α of Holm's correction with three seeds or more (``docs/statistics.md`` has the figures). No draws are
needed: the mean's tail probability is a sum over quadrature nodes. So the same data give the same numbers,
and p-values far below 1/draws exist, as Holm's correction of a large table needs.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from lorr_bench.stats.components import Components

Array = NDArray[np.float64]

SMALLEST_P = 1e-100


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The distribution around its centre, as a mixture of normals.

    Attributes:
        deviations: (seed nodes, problem nodes) roots of a + b.
        weights: (seed nodes, problem nodes) under the part of the prior that is 1/a; their sum is 1.
        ratios: (seed nodes, problem nodes) b/a.
        mean_ratios: (problem nodes,) their means over the seed nodes.
        seed_freedom: Degrees of freedom of the training part.
    """

    deviations: Array
    weights: Array
    ratios: Array
    mean_ratios: Array
    seed_freedom: int

    def tail(self, distance: float, alpha: float) -> float:
        """Probability beyond ``distance`` on one side, at the κ that belongs to ``alpha``."""
        kappa = matching(self.seed_freedom, alpha)
        weights = self.weights * (1 + kappa * self.ratios) / (1 + kappa * self.mean_ratios)
        beyond = special.ndtr(-distance / self.deviations)
        return float((weights * beyond).sum())


def matching(seed_freedom: int, alpha: float) -> float:
    """κ of the module's formula.

    Args:
        seed_freedom: Degrees of freedom of the training part, at least 1.
        alpha: 1 - the level of the interval.

    Returns:
        Between 0 and 1.
    """
    level = math.pow(min(1.0, 20 * alpha), 2 / seed_freedom)
    return (1 - 4 / (5 * seed_freedom)) * level


def half_width(parts: Components, alpha: float) -> float:
    """Half width of the interval of level 1 - ``alpha``.

    Args:
        parts: Mean and variance components.
        alpha: Share of suites whose interval may miss the truth.

    Returns:
        The half width; NaN where the variance is unknown or zero, so that there is nothing to judge by.
    """
    if not parts.variance > 0:
        return math.nan
    widest = _student(parts, alpha / 4)
    if parts.training == 0 or parts.problem == 0:
        return _student(parts, alpha / 2)
    distribution = _hierarchy(parts)

    def beyond(distance: float) -> float:
        return distribution.tail(distance, alpha) - alpha / 2

    return float(optimize.brentq(beyond, 0.0, widest, xtol=1e-12 * widest, rtol=1e-10))


def p_value(parts: Components) -> float:
    """Two-sided p-value of a mean of zero: the α at which the interval touches zero.

    Args:
        parts: Mean and variance components of paired differences.

    Returns:
        The p-value; NaN where the half width is, and with one seed.
    """
    if parts.seeds < 2 or not parts.variance > 0:
        return math.nan
    distance = abs(parts.mean)
    if distance == 0:
        return 1.0
    if parts.training == 0 or parts.problem == 0:
        freedom = parts.freedom if parts.training == 0 else parts.seed_freedom
        return 2 * float(special.stdtr(freedom, -distance / math.sqrt(parts.variance)))
    distribution = _hierarchy(parts)

    def beyond(log_alpha: float) -> float:
        alpha = math.exp(log_alpha)
        return 2 * distribution.tail(distance, alpha) - alpha

    if beyond(math.log(SMALLEST_P)) <= 0:
        return 0.0
    return math.exp(optimize.brentq(beyond, math.log(SMALLEST_P), 1e-9))


def equivalence_p_value(parts: Components, margin: float) -> float:
    """p-value of two one-sided tests (Schuirmann 1987): that a mean lies beyond a margin, on either side.

    Args:
        parts: Mean and variance components of paired differences.
        margin: Largest mean, either way, that is as good as none; above 0.

    Returns:
        The larger of the two one-sided p-values: the α at which the interval of level 1 - 2α touches the
        margin. NaN where ``p_value`` is.

    Raises:
        ValueError: The margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"a margin of equivalence is above 0, such as 0.02, not {margin}")
    left = margin - abs(parts.mean)
    beyond = p_value(replace(parts, mean=left)) / 2
    return beyond if left > 0 else 1 - beyond


def _student(parts: Components, tail: float) -> float:
    """Sum of the Student half widths of both parts: exact if one is zero, an upper bound at half the tail."""
    half = 0.0
    for freedom, variance in ((parts.seed_freedom, parts.training), (parts.freedom, parts.problem)):
        if variance > 0:
            half += float(special.stdtrit(freedom, 1 - tail)) * math.sqrt(variance)
    return half


def _hierarchy(parts: Components) -> Hierarchy:
    """The nodes for both variances, crossed; both parts must be above zero."""
    seed_scales, seed_weights = _inverse_chi_squared(parts.seed_freedom)
    problem_scales, problem_weights = _inverse_chi_squared(round(parts.freedom))
    a, b = parts.training * seed_scales[:, None], parts.problem * problem_scales
    ratios = b / a
    weights: Array = seed_weights[:, None] * problem_weights
    return Hierarchy(np.sqrt(a + b), weights, ratios, seed_weights @ ratios, parts.seed_freedom)


@functools.lru_cache(maxsize=256)
def _inverse_chi_squared(freedom: int) -> tuple[Array, Array]:
    """Values of f/χ²(f), f degrees of freedom, and their weights, so that sums over them are expectations.

    The trapezoid rule over log χ², where the density falls off faster than exponentially on the right and
    exponentially on the left: with this step its relative error is below 1e-4 down to a tail of 1e-10.
    """
    mass = 1e-17
    low = math.log(2 / freedom) + (math.log(mass) + float(special.gammaln(freedom / 2 + 1))) * 2 / freedom
    high = math.log(float(special.chdtri(freedom, mass)) / freedom)
    steps = math.ceil((high - low) / (0.8 * min(1.0, math.sqrt(2 / freedom))))
    logs = np.linspace(low, high, steps)
    weights = np.exp(freedom / 2 * (logs - np.exp(logs) + 1))
    return np.exp(-logs), weights / weights.sum()
