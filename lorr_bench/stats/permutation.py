"""An exact test of two arms that needs no distribution, where there are enough units to permute."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lorr_bench.stats.components import Table, observed
from lorr_bench.stats.families import Names, check_names

MAX_ENUMERATED = 13  # units; 2**13 exchanges are fewer than the default draws
CHUNK = 1000


def permutation_test(
    treatment: ArrayLike,
    baseline: ArrayLike,
    over: Literal["seeds", "problems"],
    draws: int = 10_000,
    seed: int = 0,
    *,
    families: Names | None = None,
) -> float:
    """Two-sided p-value from exchanging treatment and baseline within whole seeds, or within whole problems.

    What is exchanged is what the finding holds for. Over seeds: other runs on these problems; S seeds can't
    give less than 2^(1 - S), so fewer than six never reach 0.05. Over problems: other problems for these
    trained models, whatever another training run would do. ``paired_difference`` covers both at once and is
    what reports use; this is the check that assumes nothing, and the test for a single checkpoint.

    Args:
        treatment: Scores (seeds, problems); NaN as in ``paired_difference``.
        baseline: Scores of the same seeds and problems.
        over: Which of the two is exchanged.
        draws: Random exchanges, where there are more than 13 units that differ; up to 13, all are tried.
        seed: Of the random exchanges.
        families: Name of each problem's family: problems of a family are exchanged together.

    Returns:
        The share of exchanges with at least the observed absolute mean difference, the observed one counted;
        NaN without scores.

    Raises:
        ValueError: If the shapes differ or are not two-dimensional, or the numbers of names and problems do.
    """
    left, right = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"treatment {left.shape} and baseline {right.shape} must have the same shape")
    units = _units(left - right, over, families)
    if units.size == 0:
        return float("nan")
    units = units[units != 0]
    if units.size <= MAX_ENUMERATED:
        return float(_as_far(units, _all_signs(units.size)).mean())
    rng, found = np.random.default_rng(seed), 1
    for start in range(0, draws, CHUNK):
        signs = rng.choice([-1.0, 1.0], size=(min(CHUNK, draws - start), units.size))
        found += int(_as_far(units, signs).sum())
    return found / (draws + 1)


def permuted_equivalence(
    treatment: ArrayLike, baseline: ArrayLike, margin: float, over: Literal["seeds", "problems"] = "seeds"
) -> float:
    """p-value of equivalence from exchanges: the larger of two one-sided tests, each at an end of the margin.

    Args:
        treatment: As in ``permutation_test``.
        baseline: As there.
        margin: Largest difference, either way, that is as good as none; above 0.
        over: What is exchanged.

    Returns:
        The p-value; S seeds can't give less than 2^(-S). NaN without scores.

    Raises:
        ValueError: As ``permutation_test``, or if the margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"a margin of equivalence is above 0, such as 0.02, not {margin}")
    left, right = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    units = _units(left - right, over, None) if left.shape == right.shape else np.zeros(0)
    mean = float(units.mean()) if units.size else 0.0
    # Signs are symmetric, so half of the two-sided share lies on the side of the nearer end.
    beyond = permutation_test(left - math.copysign(margin, mean), right, over) / 2
    return beyond if abs(mean) < margin else 1 - beyond


def _units(
    difference: Table, over: Literal["seeds", "problems"], families: Names | None
) -> NDArray[np.float64]:
    """The mean difference of each seed or problem, or the sum of those of a family; gaps are left out."""
    rows, (columns,) = observed([difference])
    table = difference[rows][:, columns]
    if families is not None:
        check_names(difference, families)
    if over == "seeds" or table.size == 0:
        return np.asarray(table.mean(axis=1)) if table.size else np.zeros(0)
    by_problem = np.asarray(table.mean(axis=0))
    if families is None:
        return by_problem
    names = np.asarray(families)[columns]
    sums = np.bincount(np.unique(names, return_inverse=True)[1], weights=by_problem)
    return sums.astype(np.float64)


def _as_far(units: NDArray[np.float64], signs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each row of signs carries the sum at least as far from zero as it is."""
    return np.asarray(np.abs(signs @ units) >= abs(units.sum()) * (1 - 1e-9))


def _all_signs(units: int) -> NDArray[np.float64]:
    """All (2**units, units) rows of signs."""
    bits = np.arange(2**units)[:, None] >> np.arange(units) & 1
    return np.where(bits, 1.0, -1.0)
