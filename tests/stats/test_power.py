"""The smallest detectable difference against the noncentral t and a simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lorr_bench.stats import paired_difference
from lorr_bench.stats.components import Components
from lorr_bench.stats.power import detectable


@pytest.mark.parametrize("seeds", [3, 4, 8])
def test_training_alone_gives_the_power_of_student_s_test(seeds: int) -> None:
    found = detectable(Components(0.0, 0.01, 0.0, 0.0, seeds, (1,))) / 0.1
    freedom = seeds - 1
    critical = stats.t.isf(0.025, freedom)
    power = stats.nct.sf(critical, freedom, found) + stats.nct.cdf(-critical, freedom, found)
    assert power == pytest.approx(0.8, abs=0.005)


def test_problems_alone_give_the_normal_rule() -> None:
    found = detectable(Components(0.0, 0.0, 0.01, 1000.0, 5, (1001,)))
    assert found == pytest.approx(0.1 * (1.96 + 0.84), rel=0.02)


@pytest.mark.slow
def test_eight_in_ten_suites_find_it() -> None:
    # Normal cells: seeds 0.02, problems 0.2, residual 0.3, of 4 seeds and 60 problems.
    rng, seeds, problems = np.random.default_rng(0), 4, 60
    training = 0.02**2 / seeds + 0.3**2 / (seeds * problems)
    gain = detectable(Components(0.0, training, 0.2**2 / problems, problems - 1.0, seeds, (problems,)))
    found = 0
    for _ in range(400):
        noise = 0.3 * rng.standard_normal((seeds, problems)) + 0.2 * rng.standard_normal((1, problems))
        table = gain + noise + 0.02 * rng.standard_normal((seeds, 1))
        found += paired_difference(table, np.zeros_like(table)).p_value < 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.06)  # three standard errors


def test_more_seeds_and_problems_show_less() -> None:
    rng = np.random.default_rng(1)
    cells = rng.integers(-1, 2, size=(8, 400)).astype(float)
    few, many = (paired_difference(table, 0 * table).detectable for table in (cells[:3, :100], cells))
    assert 0 < many < 0.7 * few


def test_one_seed_can_show_nothing_about_training() -> None:
    assert math.isnan(paired_difference([[1.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]]).detectable)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 3, 0.05 / 36])
@pytest.mark.parametrize(("seeds", "pooled"), [(3, 0), (3, 6), (2, 0)])
def test_the_level_is_that_of_student_s_test_with_the_pool_s_freedom(
    alpha: float, seeds: int, pooled: int
) -> None:
    found = detectable(Components(0.0, 0.01, 0.0, 0.0, seeds, (1,), pooled), alpha) / 0.1
    freedom = pooled or seeds - 1
    critical = stats.t.isf(alpha / 2, freedom)
    assert stats.nct.sf(critical, freedom, found) == pytest.approx(0.8, abs=0.01)


def test_a_difference_knows_its_power_at_other_levels() -> None:
    rng = np.random.default_rng(1)
    cells = rng.integers(-1, 2, size=(3, 100)).astype(float)
    found = paired_difference(cells, 0 * cells)
    assert found.detectable_at(0.05) == found.detectable
    assert found.detectable_at(0.05 / 3) > 1.1 * found.detectable


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.05])
def test_a_level_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="level of a test"):
        paired_difference([[1.0, 0.0]] * 2, [[0.0, 0.0]] * 2).detectable_at(alpha)
