"""Intervals and differences against numbers worked out by hand, and properties that always hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from lorr_bench.stats import crossed_interval, paired_difference

shapes = st.tuples(st.integers(1, 4), st.integers(1, 12))
tables = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(0, 1)))
pairs_of_tables = shapes.flatmap(
    lambda shape: st.tuples(*[arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))] * 2)
)


def test_two_seeds_two_problems_by_hand() -> None:
    # Differences [[0.2, 0.6], [0.4, 0.8]]: mean 0.5; seed means 0.4 and 0.6, variance 0.02, over 2 = 0.01;
    # problem means 0.3 and 0.7, variance 0.08, over 2 = 0.04; no residual; one degree of freedom each.
    found = paired_difference([[0.2, 0.6], [0.4, 0.8]], np.zeros((2, 2)))
    half = 12.7062047362 * math.sqrt(0.01 + 1 / 8)  # the part from problems is at least 1 / (2 * 4)
    assert found.mean == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert (found.seeds, found.problems) == (2, 2)


def test_residual_is_taken_off_the_part_from_problems() -> None:
    # [[0, 1], [1, 0], ...]: all means 0.5, the residual is everything, so nothing is left for either part.
    scores = np.tile([[0.0, 1.0], [1.0, 0.0]], (1, 10))
    found = crossed_interval(scores)
    assert (found.low, found.mean, found.high) == (0.5, 0.5, 0.5)


def test_equal_seeds_reduce_to_the_binomial_formula() -> None:
    answers = np.repeat([1.0, 0.0], [600, 400])
    found = crossed_interval(np.stack([answers] * 3))
    wilson = stats.binomtest(600, 1000).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-4)


def test_equal_seeds_reduce_the_difference_to_the_paired_t_test() -> None:
    treatment = np.repeat([1.0, 0.0, 1.0, 0.0], [50, 20, 60, 70])
    baseline = np.repeat([0.0, 1.0, 1.0, 0.0], [50, 20, 60, 70])
    found = paired_difference(np.stack([treatment] * 2), np.stack([baseline] * 2))
    textbook = stats.ttest_rel(treatment, baseline)
    ends = textbook.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.p_value == pytest.approx(textbook.pvalue, rel=1e-6)


def test_totals_without_problems_give_the_t_interval_over_seeds() -> None:
    gains = np.array([[0.10], [0.14], [0.12]])
    found = paired_difference(gains, np.zeros((3, 1)))
    textbook = stats.ttest_1samp(gains[:, 0], 0.0)
    ends = textbook.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.p_value == pytest.approx(textbook.pvalue)


def test_one_seed_covers_problems_and_refuses_a_test() -> None:
    answers = np.repeat([[1.0, 0.0]], [80, 120], axis=1)
    found = paired_difference(answers, np.zeros((1, 200)))
    half = stats.t.isf(0.025, 199) * math.sqrt(0.4 * 0.6 / 199)
    assert found.high - found.mean == pytest.approx(half)
    assert math.isnan(found.p_value)
    assert found.seeds == 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_wrong_or_all_right_is_not_certain(value: float) -> None:
    found = crossed_interval(np.full((3, 30), value))
    assert found.high - found.low == pytest.approx(0.12, abs=0.01)  # about three in thirty
    assert found.low <= value <= found.high


def test_no_disagreement_is_not_certain_either() -> None:
    found = paired_difference(np.zeros((3, 30)), np.zeros((3, 30)))
    assert found.low == pytest.approx(-stats.t.isf(0.025, 29) / math.sqrt(30 * 32))
    assert found.p_value == 1.0


def test_missing_seeds_and_problems_are_left_out() -> None:
    nan = math.nan
    scores = [[1.0, nan, 0.0, 1.0], [nan, nan, nan, nan], [0.0, 1.0, 0.0, 1.0]]
    found = crossed_interval(scores)
    assert (found.seeds, found.problems) == (2, 3)
    assert found.mean == pytest.approx(0.5)
    assert found == crossed_interval([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0)])
def test_no_scores_give_nan(shape: tuple[int, int]) -> None:
    found = paired_difference(np.zeros(shape), np.zeros(shape))
    assert all(math.isnan(value) for value in (found.mean, found.low, found.high, found.p_value))
    assert math.isnan(crossed_interval(np.zeros(shape)).mean)


def test_a_single_value_has_a_mean_and_no_interval() -> None:
    found = crossed_interval([[0.4]])
    assert found.mean == 0.4
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_equal_totals_without_problems_have_no_p_value() -> None:
    assert math.isnan(paired_difference([[0.5], [0.5]], [[0.2], [0.2]]).p_value)


def test_an_overwhelming_difference_has_p_zero() -> None:
    assert paired_difference(np.ones((3, 5000)), np.zeros((3, 5000))).p_value == 0.0


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        paired_difference(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="seeds, problems"):
        crossed_interval(np.zeros(3))


@given(tables)
def test_interval_contains_its_mean_and_stays_in_range(scores: np.ndarray) -> None:
    found = crossed_interval(scores)
    if not math.isnan(found.low):
        assert 0.0 <= found.low <= found.mean <= found.high <= 1.0


@given(tables)
def test_a_higher_level_is_wider(scores: np.ndarray) -> None:
    usual, strict = crossed_interval(scores, level=0.9), crossed_interval(scores, level=0.99)
    if not math.isnan(usual.low):
        assert strict.low <= usual.low + 1e-12
        assert strict.high >= usual.high - 1e-12


@given(pairs_of_tables)
def test_difference_is_antisymmetric(pair: tuple[np.ndarray, np.ndarray]) -> None:
    there, back = paired_difference(*pair), paired_difference(*reversed(pair))
    assert there.mean == pytest.approx(-back.mean)
    assert there.low == pytest.approx(-back.high, nan_ok=True)
    assert there.p_value == pytest.approx(back.p_value, nan_ok=True)


@settings(max_examples=200)
@given(pairs_of_tables)
def test_p_value_and_interval_agree(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = paired_difference(*pair)
    if not math.isnan(found.p_value) and abs(found.p_value - 0.05) > 1e-6:
        assert (found.p_value < 0.05) == (not found.low <= 0.0 <= found.high)


@given(pairs_of_tables)
def test_order_of_seeds_and_problems_does_not_matter(pair: tuple[np.ndarray, np.ndarray]) -> None:
    treatment, baseline = pair
    rows = np.random.default_rng(0).permutation(treatment.shape[0])
    columns = np.random.default_rng(1).permutation(treatment.shape[1])
    plain = paired_difference(treatment, baseline)
    shuffled = paired_difference(treatment[rows][:, columns], baseline[rows][:, columns])
    assert (shuffled.mean, shuffled.high) == pytest.approx((plain.mean, plain.high), nan_ok=True)
