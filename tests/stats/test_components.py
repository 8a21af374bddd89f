"""Variance components against the two-way analysis of variance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lorr_bench.stats.components import complete, components


def test_parts_by_hand() -> None:
    # [[0.2, 0.6], [0.4, 0.8]]: seed means 0.4 and 0.6, variance 0.02, over 2; problem means 0.3 and 0.7,
    # variance 0.08, over 2; no residual.
    parts = components([np.array([[0.2, 0.6], [0.4, 0.8]])])
    assert (parts.mean, parts.training, parts.problem) == pytest.approx((0.5, 0.01, 0.04))
    assert (parts.freedom, parts.seeds, parts.problems) == (1, 2, 2)


@pytest.mark.slow
def test_parts_of_a_mean_are_unbiased() -> None:
    # Standard deviations 0.3 (seeds), 0.5 (problems) and 0.7 (residual) of 4 seeds and 20 problems.
    rng = np.random.default_rng(0)
    tables = (
        0.3 * rng.standard_normal((4, 1))
        + 0.5 * rng.standard_normal((1, 20))
        + 0.7 * rng.standard_normal((4, 20))
        for _ in range(2000)
    )
    found = [components([table]) for table in tables]
    residual = 0.49 / 80
    assert np.mean([parts.training for parts in found]) == pytest.approx(0.09 / 4 + residual, rel=0.05)
    assert np.mean([parts.problem for parts in found]) == pytest.approx(0.25 / 20, rel=0.05)


def test_an_excess_of_residual_is_partly_taken_off_training() -> None:
    # 3 seeds, 2 problems: A = 2 · var(0.5, 0.5, 0.8) = 0.06; B = 3 · var(0.6, 0.6) = 0; the residuals are
    # ±0.5, ±0.5 and 0, so E = 1 / 2. A quarter of E / 6 exceeds A / 6, of which nothing is left.
    parts = components([np.array([[0.0, 1.0], [1.0, 0.0], [0.8, 0.8]])])
    assert parts.training == 0.0
    assert parts.problem == pytest.approx(0.5 / 6 / 4)


def test_two_seeds_keep_the_training_part() -> None:
    parts = components([np.array([[0.0, 1.0, 0.9], [1.0, 0.0, 0.1]])])
    assert parts.training == pytest.approx(np.var([1.9 / 3, 1.1 / 3], ddof=1) / 2)


def test_benchmarks_add_up_and_share_their_seeds() -> None:
    one, two = np.array([[0.2, 0.6], [0.4, 0.8]]), np.array([[0.1, 0.1, 0.4], [0.3, 0.3, 0.6]])
    parts = components([one, two])
    assert parts.mean == pytest.approx((0.5 + 0.3) / 2)
    assert parts.training == pytest.approx(np.var([0.3, 0.5], ddof=1) / 2)
    assert parts.problem == pytest.approx((0.04 + 0.03 / 3) / 4)


def test_empty_tables_have_no_mean() -> None:
    assert math.isnan(components([np.zeros((2, 3)), np.zeros((2, 0))]).mean)


def test_rows_of_nan_go_before_columns_with_nan() -> None:
    nan = math.nan
    (found,) = complete([np.array([[1.0, nan, 0.0], [nan, nan, nan], [0.5, 1.0, 0.0]])])
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.0]]
