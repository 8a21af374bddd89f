"""Problems that do not count alike: those of each task of a group have a share of its score together.

A group of tasks may be the mean over its tasks, whatever their sizes. Its score is then that of strata, whose
problem parts add up, each times the square of its weight, as those of several benchmarks do (``components``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lorr_bench.stats.components import Table


def weighted_table(table: Table, sizes: Sequence[int], weights: Sequence[float]) -> Table:
    """Scores (seeds, problems) to cells of the same shape, whose mean is that of weighted strata.

    A cell is the row's weighted mean plus the deviation of its problem from the mean of its stratum, so
    scaled that the variance between cells, over their number P, is the sum of w² s²/n over the strata: of a
    stratum w is the weight, n the number of problems and s² their sample variance. A stratum of one problem
    adds none. The cells of a difference are the differences of the cells.

    Args:
        table: The scores, without NaN.
        sizes: Problems of each stratum, in the order of the columns.
        weights: Of each stratum; their sum is 1.

    Returns:
        The cells; they may lie outside of 0 to 1.

    Raises:
        ValueError: The sizes do not add up to the number of problems, or there are not as many weights.
    """
    problems = table.shape[1]
    if sum(sizes) != problems or len(sizes) != len(weights):
        raise ValueError(
            f"strata of {list(sizes)} problems with {len(weights)} weights for {problems} problems"
        )
    ends = np.cumsum(sizes)[:-1]
    parts = np.split(table, ends, axis=1)
    means = [part.mean(axis=1, keepdims=True) for part in parts]
    whole = sum(weight * mean for weight, mean in zip(weights, means, strict=True))
    cells = [
        whole + _scale(weight, part.shape[1], problems) * (part - mean)
        for weight, part, mean in zip(weights, parts, means, strict=True)
    ]
    return np.hstack(cells)


def _scale(weight: float, size: int, problems: int) -> float:
    """Of a deviation: P/n · w, with the degrees of freedom of the stratum for those of all problems."""
    if size == 1:
        return 0.0
    freedom = (problems - 1) / problems * size / (size - 1)
    return weight * problems / size * math.sqrt(freedom)
