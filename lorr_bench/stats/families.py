"""Problems that come in families: variants of a template, questions on one text.

Problems of a family are right or wrong together, so a benchmark of ten families of ten tells less than one of
a hundred problems that have nothing in common. What is drawn is families: another benchmark of the same kind
would have others. So a table of seeds and problems becomes one of seeds and families, on which everything in
this package works as on problems.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lorr_bench.stats.components import Table, observed

Names = Sequence[str]


def complete_families(
    tables: Sequence[Table], families: Sequence[Names | None] | None
) -> tuple[list[Table], int]:
    """Tables with gaps to those without (``complete``), in families, and how many problems are left.

    Args:
        tables: (seeds, problems) each; row s of all is the same trained model.
        families: Of each table the name of each problem's family, before any is left out; None for a table
            whose problems have nothing in common, or for all of them.

    Returns:
        The tables (seeds, families), and the number of problems of all.

    Raises:
        ValueError: If a table is not two-dimensional, the numbers of rows differ, there are not as many
            sequences of names as tables, or not as many names as problems.
    """
    rows, columns = observed(tables)
    names: Sequence[Names | None] = [None] * len(tables) if families is None else families
    if len(names) != len(tables):
        raise ValueError(f"{len(names)} sequences of families for {len(tables)} tables: one a table, or None")
    cells = [
        _in_families(table, names_of, rows, some)
        for table, names_of, some in zip(tables, names, columns, strict=True)
    ]
    return cells, sum(int(some.sum()) for some in columns)


def family_table(table: Table, families: Names) -> Table:
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
    check_names(table, families)
    names, member = np.unique(np.asarray(families), return_inverse=True)
    if len(names) == table.shape[1]:
        return table
    means = table.mean(axis=1, keepdims=True)
    sums = np.zeros((len(names), len(table)))
    np.add.at(sums, member, (table - means).T)
    return np.asarray(means + sums.T * (len(names) / table.shape[1]))


def check_names(table: Table, families: Names) -> None:
    """Refuse other numbers of names than of problems.

    Args:
        table: Scores (seeds, problems).
        families: Name of each problem's family.

    Raises:
        ValueError: If there are not as many names as problems.
    """
    if len(families) != table.shape[1]:
        raise ValueError(f"{len(families)} names of families for {table.shape[1]} problems")


def _in_families(
    table: Table, families: Names | None, rows: NDArray[np.bool_], columns: NDArray[np.bool_]
) -> Table:
    """The rows and columns of a table that were chosen, in families where they have names."""
    chosen = table[rows][:, columns]
    if families is None:
        return chosen
    check_names(table, families)
    return family_table(chosen, list(itertools.compress(families, columns)))
