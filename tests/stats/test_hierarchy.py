"""The distribution of a mean against Student's, Behrens-Fisher's and a direct simulation of its two levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lorr_bench.stats.components import Components
from lorr_bench.stats.hierarchy import half_width, matching, p_value


def parts_of(
    training: float, problem: float, seeds: int = 3, problems: int = 30, mean: float = 0.0
) -> Components:
    return Components(mean, training, problem, problems - 1.0, seeds, (problems,))


@pytest.mark.parametrize(("training", "problem", "freedom"), [(0.01, 0.0, 2), (0.0, 0.01, 29)])
def test_one_part_alone_is_student_s(training: float, problem: float, freedom: int) -> None:
    found = half_width(parts_of(training, problem), 0.05)
    assert found == pytest.approx(0.1 * stats.t.isf(0.025, freedom))


def test_a_pooled_training_part_is_student_s_with_the_pool_s_freedom() -> None:
    parts = Components(0.25, 0.01, 0.0, 29.0, 3, (30,), pooled_freedom=14)
    assert half_width(parts, 0.05) == pytest.approx(0.1 * stats.t.isf(0.025, 14))
    assert p_value(parts) == pytest.approx(2 * stats.t.sf(2.5, 14))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_pool_s_interval_is_that_of_as_many_more_seeds(share: float) -> None:
    pooled = Components(0.0, share, 1 - share, 29.0, 3, (30,), pooled_freedom=6)
    assert half_width(pooled, 0.01) == half_width(parts_of(share, 1 - share, seeds=7), 0.01)


@pytest.mark.parametrize(("training", "problem", "freedom"), [(0.01, 1e-12, 2), (1e-12, 0.01, 29)])
def test_a_vanishing_part_approaches_student_s(training: float, problem: float, freedom: int) -> None:
    found = half_width(parts_of(training, problem), 0.01)
    assert found == pytest.approx(0.1 * stats.t.isf(0.005, freedom), rel=1e-3)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_width_is_that_of_the_two_levels_drawn(seeds: int) -> None:
    # With b fixed, the prior 1/a + κb/a² is a mixture: f/χ²(f) with weight a, f/χ²(f + 2) with weight κb.
    rng, draws, freedom, training, alpha = np.random.default_rng(seeds), 400_000, seeds - 1, 0.6, 0.1
    problem = 0.4 * 29 / rng.chisquare(29, draws)
    second = matching(freedom, alpha) * problem
    more = 2 * (rng.random(draws) * (training + second) < second)
    drawn = rng.standard_normal(draws) * np.sqrt(training * freedom / rng.chisquare(freedom + more) + problem)
    expected = np.quantile(np.abs(drawn), 1 - alpha)
    assert half_width(parts_of(training, 0.4, seeds), alpha) == pytest.approx(expected, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 8])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_error_of_normal_means_is_what_was_asked(seeds: int, share: float) -> None:
    # By quadrature over the training part's χ², the problem part known.
    freedom = seeds - 1
    scatter = stats.chi2.ppf((np.arange(100) + 0.5) / 100, freedom) / freedom
    halves = [half_width(parts_of(share * factor, 1 - share, seeds, 10_000), 0.05) for factor in scatter]
    assert 2 * stats.norm.sf(halves).mean() == pytest.approx(0.05, abs=0.009)


@pytest.mark.parametrize("mean", [0.02, 0.3, 2.0])
def test_p_value_is_where_the_interval_touches_zero(mean: float) -> None:
    parts = parts_of(0.004, 0.003, mean=mean)
    assert half_width(parts, p_value(parts)) == pytest.approx(mean, rel=1e-5)


def test_no_difference_has_p_one() -> None:
    assert p_value(parts_of(0.01, 0.01)) == 1.0


def test_hopelessly_small_p_values_are_zero() -> None:
    assert p_value(parts_of(1e-12, 1e-12, seeds=400, problems=400, mean=1.0)) == 0.0


@pytest.mark.parametrize("parts", [parts_of(0.0, 0.0, mean=0.1), parts_of(math.nan, math.nan)])
def test_nothing_to_judge_by_gives_nan(parts: Components) -> None:
    assert math.isnan(half_width(parts, 0.05))
    assert math.isnan(p_value(parts))
