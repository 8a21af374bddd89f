"""Problems that come in families: variants of a template, questions on one text.

Problems of a family are right or wrong together, so a benchmark of ten families of ten tells less than one of
a hundred problems that have nothing in common. What is drawn is families: another benchmark of the same kind
would have others. So a table of seeds and problems becomes one of seeds and families, on which everything in
this package works as on problems.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lorr_bench.stats.components import Table


def family_table(table: Table, families: Sequence[str]) -> Table:
    """Scores (seeds, problems) to (seeds, families) with the same mean in each row.

    A family counts with its size. With families of one size, the cells are their means; in general a cell is
    the row's mean plus G/P times the sum of the family's deviations from it, so that the variance between
    cells, over their number G, is the cluster-robust variance of the mean, G/(G - 1) included (Liang & Zeger
    1986). Where each problem is its own family, nothing changes.

    Args:
        table: Without NaN.
        families: Name of each problem's family.

    Returns:
        The table; its cells may lie outside of 0 to 1.

    Raises:
        ValueError: If there are not as many names as problems.
    """
    if len(families) != table.shape[1]:
        raise ValueError(f"{len(families)} names of families for {table.shape[1]} problems")
    names, member = np.unique(np.asarray(families), return_inverse=True)
    if len(names) == table.shape[1]:
        return table
    means = table.mean(axis=1, keepdims=True)
    sums = np.zeros((len(names), len(table)))
    np.add.at(sums, member, (table - means).T)
    return np.asarray(means + sums.T * (len(names) / table.shape[1]))
