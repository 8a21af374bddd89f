"""Problems in families: cells of families, and the cluster-robust variance written out."""

from __future__ import annotations

import numpy as np
import pytest

from lorr_bench.stats.components import components
from lorr_bench.stats.families import family_table


def test_families_of_one_size_are_their_means() -> None:
    table = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
    assert family_table(table, ["a", "b", "b", "a"]).tolist() == [[1.0, 0.5], [0.0, 0.5]]


def test_problems_of_their_own_stay_as_they_are() -> None:
    table = np.random.default_rng(0).random((3, 5))
    assert family_table(table, ["e", "d", "c", "b", "a"]) is table


def test_families_of_several_sizes_keep_the_mean_and_give_the_cluster_robust_variance() -> None:
    table = np.random.default_rng(1).random((1, 7))
    families = ["a", "a", "a", "b", "c", "c", "d"]
    found = family_table(table, families)
    assert found.shape == (1, 4)
    assert found.mean() == pytest.approx(table.mean())
    errors = table[0] - table.mean()
    sums = [errors[:3].sum(), errors[3], errors[4:6].sum(), errors[6]]
    variance = 4 / 3 * sum(total**2 for total in sums) / 7**2
    assert components([found]).variance == pytest.approx(variance)


def test_other_numbers_of_names_and_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="2 names of families for 3 problems"):
        family_table(np.zeros((1, 3)), ["a", "b"])
