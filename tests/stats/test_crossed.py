"""Intervals and differences against numbers worked out by hand, and properties that always hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from lorr_bench.stats import (
    crossed_interval,
    paired_difference,
    stratified_difference,
    stratified_interval,
)

shapes = st.tuples(st.integers(1, 4), st.integers(1, 12))
tables = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(0, 1)))
eighths = shapes.flatmap(lambda shape: arrays(np.int8, shape, elements=st.integers(0, 8))).map(
    lambda n: n / 8
)
pairs_of_tables = shapes.flatmap(
    lambda shape: st.tuples(*[arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))] * 2)
)


def test_differences_of_seeds_alone_give_the_t_interval_over_seeds() -> None:
    # Every problem differs by the same amount for one seed: no spread between problems is left.
    gains = np.array([0.10, 0.14, 0.12])
    found = paired_difference(np.repeat(gains[:, None], 1000, axis=1), np.zeros((3, 1000)))
    ends = stats.ttest_1samp(gains, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=1e-4)
    assert (found.seeds, found.problems) == (3, 1000)


def test_residual_alone_leaves_a_quarter_of_its_share() -> None:
    # [[0, 1], [1, 0], ...]: all means 0.5, so A = B = 0 and E / (S·P) = 20 · 0.5 / 19 / 40 (sum of squares 10).
    found = crossed_interval(np.tile([[0.0, 1.0], [1.0, 0.0]], (1, 10)))
    ratio = stats.t.isf(0.025, 19) ** 2 * (10 / 19 / 40 / 4) / 0.25
    wilson_half = math.sqrt(ratio / 4 + ratio**2 / 4) / (1 + ratio)
    assert found.high - 0.5 == pytest.approx(wilson_half)
    assert 0.5 - found.low == pytest.approx(wilson_half)


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


def test_equal_totals_without_problems_have_nothing_to_judge_by() -> None:
    found = paired_difference([[0.5], [0.5]], [[0.2], [0.2]])
    assert found.mean == pytest.approx(0.3)
    assert all(math.isnan(value) for value in (found.low, found.high, found.p_value, found.detectable))
    assert math.isnan(crossed_interval([[0.5], [0.5]]).low)


def test_rounding_is_no_variance() -> None:
    found = paired_difference([[0.1 + 0.2], [0.3]], [[0.0], [0.0]])
    assert math.isnan(found.p_value)
    assert math.isnan(found.low)


def test_an_overwhelming_difference_has_p_zero() -> None:
    assert paired_difference(np.ones((3, 5000)), np.zeros((3, 5000))).p_value == 0.0


def test_disagreement_on_less_than_a_problem_is_widened_in_proportion() -> None:
    # One of 90 cells is a third of a problem, so two thirds of the widening for none are left.
    sparse = np.zeros((3, 30))
    sparse[0, 0] = 1.0
    found = paired_difference(sparse, np.zeros((3, 30)))
    alone = paired_difference(np.zeros((3, 30)), np.zeros((3, 30)))
    assert 0.8 * alone.high < found.high - found.mean < 1.2 * alone.high


def test_mean_of_two_benchmarks_by_hand() -> None:
    # One seed: the variances of both problem means, over four.
    left, right = np.repeat([[1.0, 0.0]], [10, 30], axis=1), np.repeat([[1.0, 0.0]], [60, 40], axis=1)
    found = stratified_difference([(left, 0 * left), (right, 0 * right)])
    parts = np.array([0.25 * 0.75 / 39, 0.6 * 0.4 / 99]) / 4
    freedom = parts.sum() ** 2 / (parts[0] ** 2 / 39 + parts[1] ** 2 / 99)
    assert found.mean == pytest.approx((0.25 + 0.6) / 2)
    assert found.high - found.mean == pytest.approx(stats.t.isf(0.025, freedom) * math.sqrt(parts.sum()))
    assert found.problems == 140


def test_seeds_that_shift_all_benchmarks_alike_do_not_average_out() -> None:
    shifts = np.repeat([[0.2], [0.4], [0.6]], 100, axis=1)
    one, six = crossed_interval(shifts), stratified_interval([shifts] * 6)
    assert six.high - six.low == pytest.approx(one.high - one.low, rel=0.01)


def test_one_benchmark_is_the_stratified_case_of_one() -> None:
    scores = np.random.default_rng(0).random((3, 20))
    assert stratified_interval([scores]) == crossed_interval(scores)


def test_a_seed_that_misses_a_benchmark_is_left_out_of_all() -> None:
    scores = np.random.default_rng(0).random((3, 20))
    gap = scores.copy()
    gap[1] = math.nan
    found = stratified_interval([scores, gap])
    assert found == stratified_interval([scores[[0, 2]], scores[[0, 2]]])
    assert found.seeds == 2


def test_a_benchmark_without_scores_leaves_no_mean_over_benchmarks() -> None:
    assert math.isnan(stratified_interval([np.ones((2, 3)), np.full((2, 3), math.nan)]).mean)


def test_benchmarks_all_right_and_all_wrong_are_not_certain() -> None:
    found = stratified_interval([np.zeros((3, 30)), np.ones((3, 30))])
    assert found.high - 0.5 == pytest.approx(0.5 - found.low)
    assert 0.03 < found.high - 0.5 < 0.08  # each about three in thirty at most, both over two


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        paired_difference(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="seeds, problems"):
        crossed_interval(np.zeros(3))
    with pytest.raises(ValueError, match="as many rows"):
        stratified_interval([np.zeros((2, 3)), np.zeros((3, 3))])
    with pytest.raises(ValueError, match="at least one"):
        stratified_interval([])


@pytest.mark.slow
@given(tables)
def test_interval_contains_its_mean_and_stays_in_range(scores: np.ndarray) -> None:
    found = crossed_interval(scores)
    if not math.isnan(found.low):
        assert 0.0 <= found.low <= found.mean <= found.high <= 1.0


@pytest.mark.slow
@given(tables)
def test_a_higher_level_is_wider(scores: np.ndarray) -> None:
    usual, strict = crossed_interval(scores, level=0.9), crossed_interval(scores, level=0.99)
    if not math.isnan(usual.low):
        assert strict.low <= usual.low + 1e-12
        assert strict.high >= usual.high - 1e-12


@pytest.mark.slow
@given(pairs_of_tables)
def test_difference_is_antisymmetric(pair: tuple[np.ndarray, np.ndarray]) -> None:
    there, back = paired_difference(*pair), paired_difference(*reversed(pair))
    assert there.mean == pytest.approx(-back.mean)
    assert there.low == pytest.approx(-back.high, nan_ok=True)
    assert there.p_value == pytest.approx(back.p_value, nan_ok=True)


@pytest.mark.slow
@settings(max_examples=200)
@given(pairs_of_tables)
def test_p_value_and_interval_agree(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = paired_difference(*pair)
    if not math.isnan(found.p_value) and abs(found.p_value - 0.05) > 1e-6:
        assert (found.p_value < 0.05) == (not found.low <= 0.0 <= found.high)


@pytest.mark.slow
@given(pairs_of_tables)
def test_order_of_seeds_and_problems_does_not_matter(pair: tuple[np.ndarray, np.ndarray]) -> None:
    treatment, baseline = pair
    rows = np.random.default_rng(0).permutation(treatment.shape[0])
    columns = np.random.default_rng(1).permutation(treatment.shape[1])
    plain = paired_difference(treatment, baseline)
    shuffled = paired_difference(treatment[rows][:, columns], baseline[rows][:, columns])
    assert (shuffled.mean, shuffled.high) == pytest.approx((plain.mean, plain.high), nan_ok=True)


@pytest.mark.slow
@given(pairs_of_tables, st.floats(-0.5, 0.5))
def test_a_constant_gain_shifts_the_interval(pair: tuple[np.ndarray, np.ndarray], gain: float) -> None:
    plain, shifted = paired_difference(*pair), paired_difference(pair[0] + gain, pair[1])
    moved = (plain.mean + gain, plain.low + gain, plain.high + gain)
    assert (shifted.mean, shifted.low, shifted.high) == pytest.approx(moved, nan_ok=True, abs=1e-6)


@pytest.mark.slow
@given(eighths)
def test_wrong_answers_have_the_mirrored_interval(scores: np.ndarray) -> None:
    right, wrong = crossed_interval(scores), crossed_interval(1 - scores)
    assert (wrong.low, wrong.high) == pytest.approx((1 - right.high, 1 - right.low), nan_ok=True, abs=1e-6)


@pytest.mark.slow
@given(eighths, st.data())
def test_a_problem_with_a_gap_counts_as_if_it_were_not_there(scores: np.ndarray, data: st.DataObject) -> None:
    column = data.draw(st.integers(0, scores.shape[1]))
    gap = np.insert(scores, column, math.nan, axis=1)
    found, plain = crossed_interval(gap), crossed_interval(scores)
    assert (found.low, found.problems) == pytest.approx((plain.low, plain.problems), nan_ok=True)
