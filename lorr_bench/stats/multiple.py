"""Correction of p-values for many tests in one table."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """p-values (tests,) to Holm-adjusted p-values (tests,).

    Comparing the adjusted values with 0.05 keeps the chance of a single false finding among all tests
    under 0.05, whatever the dependence between them (Holm 1979).

    Args:
        p_values: One p-value a test. NaN marks a test that was not made; it is not counted.

    Returns:
        The adjusted values in the same order, NaN where there was no test.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full_like(raw, np.nan)
    made = np.flatnonzero(~np.isnan(raw))
    rising = made[np.argsort(raw[made], kind="stable")]
    scaled = raw[rising] * np.arange(rising.size, 0, -1)
    adjusted[rising] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
