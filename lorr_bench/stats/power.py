"""The smallest difference that seeds and problems of a given number and variance can show."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lorr_bench.stats.components import Components
from lorr_bench.stats.hierarchy import half_width

Array = NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
MAX_FREEDOM = 100  # of the problem part: from here on Student's quantile is the normal's within 1 %


def detectable(parts: Components, alpha: float = ALPHA) -> float:
    """Smallest true difference that a test finds with 80 % power, the variance being as estimated.

    Normal theory: the mean is normal around the true difference, the part from training scatters as χ² with
    its degrees of freedom, and the interval's width follows it.

    Args:
        parts: Mean and variance components of the paired differences.
        alpha: Level of the test. In a table of m tests, Holm's first step has 0.05 / m.

    Returns:
        The difference; NaN with one seed or an unknown variance.

    Raises:
        ValueError: If the level is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"the level of a test is between 0 and 1, such as 0.05 / 3, not {alpha}")
    if parts.seeds < 2 or not parts.variance > 0:
        return math.nan
    freedom = min(round(parts.freedom), MAX_FREEDOM)
    share = parts.training / parts.variance
    shares, multiples = _detectable_multiples(parts.seed_freedom, freedom, alpha)
    return math.sqrt(parts.variance) * float(np.interp(share, shares, multiples))


@functools.lru_cache(maxsize=256)
def _detectable_multiples(seed_freedom: int, freedom: int, alpha: float) -> tuple[Array, Array]:
    """Shares of training in the variance, and the detectable difference in standard errors at each."""
    shares = np.linspace(0.0, 1.0, 41) if freedom else np.ones(1)
    widths = np.array([half_width(_unit(share, seed_freedom, freedom), alpha) for share in shares])
    scatter = _chi_squared_quantiles(seed_freedom)
    training = shares[:, None] * scatter
    variance = training + (1 - shares[:, None])
    half = np.sqrt(variance) * np.interp(training / variance, shares, widths)
    low, high = np.zeros(len(shares)), half.max(axis=1) + 1  # found there in 84 % at least
    for _ in range(50):
        middle = (low + high) / 2
        found = (special.ndtr(middle[:, None] - half) + special.ndtr(-middle[:, None] - half)).mean(axis=1)
        low, high = np.where(found < POWER, middle, low), np.where(found < POWER, high, middle)
    return shares, high


def _unit(share: float, seed_freedom: int, freedom: int) -> Components:
    return Components(0.0, float(share), float(1 - share), float(freedom), seed_freedom + 1, (freedom + 1,))


def _chi_squared_quantiles(freedom: int) -> Array:
    """χ²(f)/f, f degrees of freedom, at the midpoints of 200 equal parts of probability."""
    middles = (np.arange(200) + 0.5) / 200
    return np.asarray(special.chdtri(freedom, middles)) / freedom
