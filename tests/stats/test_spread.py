"""The pooled variance of seeds against least squares, Student's interval and the F distribution."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from lorr_bench.stats import SeedSpread, paired_difference, seed_spread, stratified_difference
from lorr_bench.stats.spread import EXCESS

ALIKE = np.array([[0.50, 0.53, 0.55], [0.41, 0.47, 0.48], [0.60, 0.58, 0.61], [0.52, 0.49, 0.50]])


def test_two_arms_by_hand() -> None:
    # Differences 0, 0.1 and -0.1: variance 0.01, half of it each arm's.
    found = seed_spread([[0.5, 0.6, 0.7], [0.5, 0.5, 0.8]])
    assert (found.variance, found.freedom, found.unlike) == (pytest.approx(0.005), 2, ())


def test_more_arms_against_least_squares() -> None:
    cells = list(itertools.product(range(4), range(3)))
    design = np.array([[float(a == i) for i in range(4)] + [float(s == i) for i in (1, 2)] for a, s in cells])
    (rest,) = np.linalg.lstsq(design, ALIKE.ravel())[1]
    found = seed_spread(ALIKE)
    assert found.freedom == 12 - 6
    assert found.variance == pytest.approx(rest / 6)


def test_what_seeds_do_to_all_arms_alike_drops_out() -> None:
    assert seed_spread(ALIKE + [0.0, 0.3, -0.2]).variance == pytest.approx(seed_spread(ALIKE).variance)


@pytest.mark.parametrize("factor", [50.0, 0.0], ids=["too large", "too small"])
def test_an_arm_unlike_the_others_is_pooled_out(factor: float) -> None:
    # The deviations from the arm's mean and the seeds' means, not the mean itself, are what differs.
    means = np.random.default_rng(3).normal(0.5, 0.02, (8, 5))
    means[2] = 0.5 + factor * (means[2] - 0.5)
    if factor == 0:
        means[2] = np.delete(means, 2, axis=0).mean(axis=0)
    found, without = seed_spread(means), seed_spread(np.delete(means, 2, axis=0))
    assert found.unlike == (2,)
    assert (found.variance, found.freedom) == (pytest.approx(without.variance), 6 * 4)
    assert found.between(2, 0) is None
    assert found.between(0, 2) is None
    assert found.between(0, 1) is found


def test_one_unlike_arm_does_not_hide_another() -> None:
    means = np.random.default_rng(3).normal(0.5, 0.02, (8, 5))
    means[[2, 5]] = 0.5 + np.array([[1000.0], [30.0]]) * (means[[2, 5]] - 0.5)
    found = seed_spread(means)
    assert found.unlike == (2, 5)
    assert found.freedom == 5 * 4


def test_nothing_is_pooled_where_fewer_than_three_arms_are_left() -> None:
    found = seed_spread([[0.5, 0.5, 0.5], [0.6, 0.6, 0.6], [0.1, 0.9, 0.4]])
    assert (found.freedom, found.unlike) == (0, (2,))
    assert math.isnan(found.variance)
    assert found.between(0, 1) is None


@pytest.mark.parametrize("shape", [(1, 3), (4, 1), (0, 0)])
def test_one_arm_or_seed_leaves_nothing_to_pool(shape: tuple[int, int]) -> None:
    found = seed_spread(np.zeros(shape))
    assert (found.freedom, found.unlike) == (0, ())
    assert math.isnan(found.variance)


def test_arms_that_do_not_scatter_at_all_are_alike() -> None:
    assert seed_spread([[0.1 + 0.2, 0.3], [0.5, 0.5], [0.7, 0.7]]).unlike == ()


@pytest.mark.slow
def test_arms_that_are_alike_are_seldom_called_unlike() -> None:
    # One in a hundred by its F test; the second look after a first finding adds little.
    rng = np.random.default_rng(0)
    found = [len(seed_spread(rng.standard_normal((6, 4))).unlike) / 6 for _ in range(800)]
    assert 0.005 < np.mean(found) < 0.018


def test_means_that_are_no_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(arms, seeds\), not \(3,\)"):
        seed_spread([0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="leave out arms"):
        seed_spread([[0.1, math.nan], [0.2, 0.3]])


@pytest.mark.parametrize(("factor", "own"), [(0.99, False), (1.01, True)])
def test_a_contrast_beyond_the_rest_of_the_pool_has_its_own_variance(factor: float, own: bool) -> None:
    # 8 degrees of freedom at variance v, 2 of them the contrast's: w, the other 6 are (8v - 2w) / 6.
    rest = 0.001
    single = factor * rest * stats.f.isf(EXCESS, 2, 6)
    spread = SeedSpread((2 * single + 6 * rest) / 8, 8, ())
    found = spread.training(2 * single / 3, seeds=3)
    assert found == ((2 * single / 3, 2) if own else (pytest.approx(2 * spread.variance / 3), 8))


def test_differences_of_seeds_alone_give_student_s_interval_of_the_pool() -> None:
    # Every problem differs by the same amount for one seed: no spread between problems is left.
    arms = np.repeat(ALIKE[:, :, None], 1000, axis=2)
    pool = seed_spread(ALIKE)
    found = paired_difference(arms[3], arms[2], spread=pool.between(3, 2))
    half = stats.t.isf(0.025, 6) * math.sqrt(2 * pool.variance / 3)
    assert found.mean == pytest.approx(-0.28 / 3)
    assert found.high - found.mean == pytest.approx(half, abs=1e-4)
    expected = 2 * stats.t.sf(0.28 / 3 / math.sqrt(2 * pool.variance / 3), 6)
    assert found.p_value == pytest.approx(expected, rel=0.02)
    assert found.parts.seed_freedom == 6


def test_two_arms_are_tested_as_without_a_pool() -> None:
    one, two = np.random.default_rng(0).integers(0, 2, (2, 3, 40)).astype(float)
    spread = seed_spread([one.mean(axis=1), two.mean(axis=1)])
    pooled, own = paired_difference(one, two, spread=spread), paired_difference(one, two)
    assert (pooled.low, pooled.p_value, pooled.detectable) == pytest.approx(
        (own.low, own.p_value, own.detectable)
    )


def test_an_excess_of_residual_is_taken_off_in_proportion_to_the_pool() -> None:
    # 3 seeds, 2 problems: seed means 0.5, 0.5, 0.5, so A = 0; B = 0; residuals ±0.5 twice and 0, E = 1/2.
    # The pooled part is 2·0.6/3 = 0.4; with 8 degrees of freedom 7/16 of E / 6 goes.
    table = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    found = paired_difference(table, np.zeros((3, 2)), spread=SeedSpread(0.6, 8, ()))
    assert found.parts.training == pytest.approx(0.4 - 7 / 16 * 0.5 / 6)


def test_one_seed_has_no_use_for_the_pool() -> None:
    one, two = [[1.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]]
    found = paired_difference(one, two, spread=SeedSpread(0.01, 6, ()))
    assert math.isnan(found.p_value)
    assert (found.low, found.high) == (paired_difference(one, two).low, paired_difference(one, two).high)


def test_over_benchmarks_the_pool_is_that_of_their_means() -> None:
    shifts = ALIKE[:, :, None]
    arms = [(np.repeat(arm, 50, axis=1), np.repeat(arm, 500, axis=1) + 0.1) for arm in shifts]
    pool = seed_spread([np.mean([table.mean(axis=1) for table in tables], axis=0) for tables in arms])
    assert pool.variance == pytest.approx(seed_spread(ALIKE).variance)
    found = stratified_difference(list(zip(arms[3], arms[2], strict=True)), spread=pool)
    assert found.parts.training == pytest.approx(2 * pool.variance / 3)
