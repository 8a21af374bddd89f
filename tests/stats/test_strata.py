"""Weighted strata, against plain sums over them."""

import numpy as np
import pytest

from lorr_bench.stats import paired_difference, stratified_difference, weighted_table

SIZES, WEIGHTS = (2, 5, 9), (0.5, 0.25, 0.25)


@pytest.fixture
def table():
    return np.random.default_rng(3).integers(0, 2, (4, 16)).astype(float)


def parts(table):
    return np.split(table, [2, 7], axis=1)


def test_the_mean_of_each_row_is_that_of_the_weighted_strata(table):
    expected = sum(weight * part.mean(axis=1) for weight, part in zip(WEIGHTS, parts(table), strict=True))
    assert weighted_table(table, SIZES, WEIGHTS).mean(axis=1) == pytest.approx(expected)


def test_the_variance_is_the_sum_over_strata(table):
    cells = weighted_table(table, SIZES, WEIGHTS)
    expected = sum(
        weight**2 * part.var(axis=1, ddof=1) / part.shape[1]
        for weight, part in zip(WEIGHTS, parts(table), strict=True)
    )
    assert cells.var(axis=1, ddof=1) / 16 == pytest.approx(expected)


def test_a_stratum_of_one_problem_has_no_variance():
    cells = weighted_table(np.array([[1.0, 0.0, 1.0]]), [1, 2], [0.5, 0.5])
    assert cells.mean() == pytest.approx(0.75)
    assert cells.var(ddof=1) / 3 == pytest.approx(0.5**2 * 0.5 / 2)


def test_cells_of_a_difference_are_differences_of_cells(table):
    other = 1 - np.roll(table, 3, axis=1)
    cells = [weighted_table(each, SIZES, WEIGHTS) for each in (table, other, table - other)]
    assert cells[0] - cells[1] == pytest.approx(cells[2])


def test_strata_of_one_size_and_weight_differ_as_benchmarks_do():
    """Two tasks of ten questions as one group, and as two benchmarks of equal weight; 18 against 19 freedoms."""
    rng = np.random.default_rng(5)
    left, right = rng.integers(0, 2, (2, 3, 20)).astype(float)
    grouped = paired_difference(*(weighted_table(each, [10, 10], [0.5, 0.5]) for each in (left, right)))
    apart = stratified_difference([(left[:, :10], right[:, :10]), (left[:, 10:], right[:, 10:])])
    assert grouped.mean == pytest.approx(apart.mean)
    assert grouped.parts.training == pytest.approx(apart.parts.training)
    assert grouped.parts.problem == pytest.approx(apart.parts.problem, rel=0.2)


@pytest.mark.parametrize(("sizes", "weights"), [((2, 5), (0.5, 0.5)), (SIZES, (0.5, 0.5))])
def test_strata_that_do_not_fit_are_refused(table, sizes, weights):
    with pytest.raises(ValueError, match="for 16 problems"):
        weighted_table(table, sizes, weights)
