"""Correction of p-values for many tests in one table."""

from __future__ import annotations

from collections.abc import Sequence

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


def fixed_sequence(families: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    """Families of p-values in their order of importance to adjusted ones: Holm within, in sequence between.

    A family counts only if every test made in all families before it was found. So it is tested at the whole
    level, and the first family pays nothing for the later ones; comparing all adjusted values with 0.05 keeps
    the chance of any false finding under 0.05. A fixed sequence (Maurer et al. 1995) of families
    is serial gatekeeping (Westfall & Krishen 2001). The order is chosen before the data are seen.

    Args:
        families: p-values (tests,) of each family. NaN marks a test that was not made: it blocks nothing, and
            a family without any test is skipped.

    Returns:
        The adjusted values (tests,) of each: the larger of the test's own after Holm's correction of its
        family and the largest adjusted value of all families before.
    """
    adjusted, before = [], 0.0
    for family in families:
        found = np.maximum(holm(family), before)  # NaN stays NaN
        adjusted.append(found)
        before = float(np.nanmax([before, *found]))
    return adjusted
