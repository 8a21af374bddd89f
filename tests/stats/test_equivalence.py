"""Two one-sided tests: against Student's, against the interval they stand for, their level and their power."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from lorr_bench.stats import (
    Difference,
    holm,
    paired_difference,
    permuted_equivalence,
    stratified_difference,
)
from lorr_bench.stats.components import Components
from lorr_bench.stats.hierarchy import equivalence_p_value

MARGIN = 0.05


def parts_of(mean: float, training: float, problem: float, seeds: int = 3) -> Components:
    return Components(mean, training, problem, 29.0, seeds, (30,))


@pytest.mark.parametrize("mean", [0.01, -0.01])
def test_training_alone_is_student_s_on_one_side(mean: float) -> None:
    found = equivalence_p_value(parts_of(mean, 0.0001, 0.0), 0.05)
    assert found == pytest.approx(stats.t.sf(0.04 / 0.01, 2))


def test_beyond_the_margin_it_is_the_other_side_of_student_s() -> None:
    found = equivalence_p_value(parts_of(0.07, 0.0001, 0.0), 0.05)
    assert found == pytest.approx(stats.t.cdf(0.02 / 0.01, 2))


def test_at_the_margin_it_is_a_half() -> None:
    assert equivalence_p_value(parts_of(0.05, 0.0001, 0.0002), 0.05) == 0.5


def test_one_seed_says_nothing_of_training_again() -> None:
    assert math.isnan(equivalence_p_value(parts_of(0.0, 0.0, 0.01, seeds=1), 0.05))


@pytest.mark.parametrize("margin", [0.0, -0.02, math.nan])
def test_a_margin_is_above_zero(margin: float) -> None:
    with pytest.raises(ValueError, match="a margin of equivalence is above 0"):
        paired_difference(np.eye(3), np.eye(3)).equivalence_p(margin)
    with pytest.raises(ValueError, match="a margin of equivalence is above 0"):
        permuted_equivalence(np.eye(3), np.eye(3), margin)


@given(
    seed=st.integers(0, 10_000),
    seeds=st.integers(2, 6),
    alpha=st.sampled_from([0.05, 0.025, 0.01]),
    margin=st.floats(0.01, 0.3),
)
def test_equivalent_is_where_the_interval_lies_within_the_margin(
    seed: int, seeds: int, alpha: float, margin: float
) -> None:
    rng = np.random.default_rng(seed)
    tables = rng.integers(0, 2, (2, seeds, 40)).astype(float)
    found = stratified_difference([(tables[0], tables[1])], level=1 - 2 * alpha)
    within = -margin < found.low and found.high < margin
    assert (found.equivalence_p(margin) < alpha) == within


def test_permuted_seeds_by_hand() -> None:
    # Less the margin: -4, -3, -5 points. Only all signs alike carry the sum as far: 2 of 8, half on one side.
    treatment = np.array([[0.31], [0.32], [0.30]])
    assert permuted_equivalence(treatment, np.full((3, 1), 0.3), 0.05) == 1 / 8
    assert permuted_equivalence(np.full((3, 1), 0.3), treatment, 0.05) == 1 / 8


def test_permuted_seeds_beyond_the_margin() -> None:
    # Less the margin: 1, 2, 3 points.
    treatment = np.array([[0.36], [0.37], [0.38]])
    assert permuted_equivalence(treatment, np.full((3, 1), 0.3), 0.05) == 1 - 1 / 8


# --- simulated suites: 400 each, whose share of 5 % is known to 1.1 points; three of them are allowed -------------


def share(logit: float, spread: float) -> float:
    """Mean of logistic(logit + spread · z) over a standard normal z."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    return float((weights / weights.sum()) @ (1 / (1 + np.exp(-logit - spread * nodes))))


@functools.cache
def edge(spread: float) -> float:
    """The logit at which an arm is better by just the margin than one of logit 0."""
    gain = lambda logit: share(logit, spread) - share(0.0, spread) - MARGIN  # noqa: E731
    return float(optimize.brentq(gain, 0.0, 2.0))


def suite(
    logits: list[float], seeds: int, problems: int, shift: float, rng: np.random.Generator
) -> list[Difference]:
    """Differences of arms of these logits to one of logit 0, on problems that all like differently."""
    shared = 1.5 * rng.standard_normal((1, problems))

    def arm(logit: float) -> np.ndarray:
        own = 0.5 * rng.standard_normal((1, problems)) + shift * rng.standard_normal((seeds, 1))
        chance = 1 / (1 + np.exp(-logit - shared - own))
        return (rng.random((seeds, problems)) < chance).astype(float)

    baseline = arm(0.0)
    return [paired_difference(arm(logit), baseline) for logit in logits]


def shown(seeds: int, shift: float, *, at_edge: bool, suites: int = 400) -> float:
    rng = np.random.default_rng([seeds, round(10 * shift), at_edge])
    logit = edge(math.sqrt(1.5**2 + 0.5**2 + shift**2)) if at_edge else 0.0
    found = [suite([logit], seeds, 400, shift, rng)[0].equivalence_p(MARGIN) < 0.05 for _ in range(suites)]
    return float(np.mean(found))


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "shift"), [(3, 0.0), (3, 0.1), (5, 0.1), (10, 0.2)])
def test_arms_a_margin_apart_are_seldom_called_equivalent(seeds: int, shift: float) -> None:
    assert shown(seeds, shift, at_edge=True) <= 0.083


@pytest.mark.slow
def test_any_of_three_a_margin_apart_is_seldom_called_equivalent_after_holm() -> None:
    rng, logit, found = np.random.default_rng(5), edge(math.sqrt(1.5**2 + 0.5**2 + 0.1**2)), []
    for _ in range(400):
        values = [one.equivalence_p(MARGIN) for one in suite([logit] * 3, 5, 400, 0.1, rng)]
        found.append(holm(values).min() < 0.05)
    assert np.mean(found) <= 0.083


@pytest.mark.slow
def test_more_seeds_show_equal_arms_to_be_equivalent_more_often() -> None:
    three, five, ten = (shown(seeds, 0.15, at_edge=False, suites=200) for seeds in (3, 5, 10))
    assert three + 0.1 < five
    assert five + 0.1 < ten
    assert ten > 0.8
