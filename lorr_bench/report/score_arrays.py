"""Scores as arrays for the statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lorr_bench.stats import weighted_table
from lorr_bench.values import Score, Stratum


def stack(scores: Sequence[Score]) -> tuple[NDArray[np.float64], bool]:
    """Scores to an array (scores, problems), and whether its columns are problems.

    Scores without values for each problem, or with different numbers of them, can't be paired by problem:
    then the array is (scores, 1), their totals. Where problems do not count alike, the columns are their
    weighted cells (``weighted_table``).
    """
    sizes = {len(score.per_problem) for score in scores}
    if len(sizes) == 1 and sizes != {0}:
        table = np.array([score.per_problem for score in scores], dtype=np.float64)
        return _weighted(table, scores[0].strata), True
    return np.array([[score.value] for score in scores], dtype=np.float64).reshape(-1, 1), False


def _weighted(table: NDArray[np.float64], strata: Sequence[Stratum]) -> NDArray[np.float64]:
    if not strata:
        return table
    return weighted_table(table, [one.problems for one in strata], [one.weight for one in strata])
