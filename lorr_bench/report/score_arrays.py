"""Scores as arrays for the statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lorr_bench.values import Score


def stack(scores: Sequence[Score]) -> tuple[NDArray[np.float64], bool]:
    """Scores to an array (scores, problems), and whether its columns are problems.

    Scores without values for each problem, or with different numbers of them, can't be paired by problem:
    then the array is (scores, 1), their totals.
    """
    sizes = {len(score.per_problem) for score in scores}
    if len(sizes) == 1 and sizes != {0}:
        return np.array([score.per_problem for score in scores], dtype=np.float64), True
    return np.array([[score.value] for score in scores], dtype=np.float64).reshape(-1, 1), False
