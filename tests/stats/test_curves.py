"""Area and data efficiency against curves worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.stats import area_under_curve, crossed_interval, data_efficiency, stratified_interval


def share(right: int) -> np.ndarray:
    """Answers of two equal seeds to a hundred problems, the first so many right."""
    return np.repeat([np.repeat([1.0, 0.0], [right, 100 - right])], 2, axis=0)


def curve(*right: int) -> list[np.ndarray]:
    return [share(number) for number in right]


def test_area_by_hand() -> None:
    # log2 steps 1 and 2: (1 · 0.3 + 2 · 0.5) / 3.
    found = area_under_curve([1000, 2000, 8000], curve(20, 40, 60))
    assert found.mean == pytest.approx((0.3 + 2 * 0.5) / 3)
    assert found.low < found.mean < found.high
    assert (found.seeds, found.problems) == (2, 100)


def test_area_of_a_flat_curve_is_its_accuracy_with_its_interval() -> None:
    table = np.random.default_rng(0).integers(0, 2, (3, 50)).astype(float)
    found, flat = area_under_curve([1, 2, 8], [table] * 3), crossed_interval(table)
    assert (found.mean, found.low, found.high) == pytest.approx((flat.mean, flat.low, flat.high))


def test_area_does_not_use_a_start_model_nor_the_order() -> None:
    plain = area_under_curve([1000, 2000], curve(20, 40))
    assert area_under_curve([2000, 0, 1000], curve(40, 5, 20)) == plain


def test_area_over_benchmarks_weighs_them_alike() -> None:
    tables = curve(20, 40)
    names = ["a"] * 10 + ["b"] * 90
    found = area_under_curve([1, 2], tables, benchmarks=names)
    mean_scores = (tables[0] + tables[1]) / 2
    expected = stratified_interval([mean_scores[:, :10], mean_scores[:, 10:]])
    assert found == expected


@pytest.mark.parametrize("budgets", [[1000], [0, 1000], [1000, 1000], []])
def test_area_needs_two_budgets(budgets: list[int]) -> None:
    assert math.isnan(area_under_curve(budgets, curve(20, 40)[: len(budgets)]).mean)


def test_area_with_a_budget_without_scores_is_nan() -> None:
    found = area_under_curve([1, 2, 4], [share(20), np.full((2, 100), math.nan), share(40)])
    assert math.isnan(found.mean)


def test_ratio_is_interpolated_over_the_logarithm_of_the_data() -> None:
    # The baseline ends at 0.5, half way between 0.4 at 2000 and 0.6 at 8000: 4000 of 8000.
    found = data_efficiency([1000, 2000, 8000], curve(20, 40, 60), curve(10, 30, 50))
    assert found.ratio == pytest.approx(0.5)
    assert found.reached
    assert found.reason == ""
    assert found.low < 0.5 < found.high


def test_budgets_in_any_order_give_the_same() -> None:
    plain = data_efficiency([1000, 2000, 8000], curve(20, 40, 60), curve(10, 30, 50))
    mixed = data_efficiency([8000, 0, 1000, 2000], curve(60, 99, 20, 40), curve(50, 99, 10, 30))
    assert mixed == plain


def test_equal_arms_have_ratio_one_at_most_and_an_open_end() -> None:
    found = data_efficiency([1000, 2000], curve(20, 40), curve(20, 40))
    assert found.ratio == pytest.approx(1.0)
    assert found.low <= 1.0


def test_never_reached_says_so() -> None:
    found = data_efficiency([1000, 8000], curve(10, 20), curve(50, 90))
    assert (found.reached, found.reason) == (False, "not reached within 8,000 pairs")
    assert math.isnan(found.ratio)
    assert found.low == 1.0
    assert math.isinf(found.high)


def test_reached_at_once_gives_a_bound() -> None:
    found = data_efficiency([1000, 8000], curve(80, 90), curve(5, 20), unit="prompts")
    assert found.reason == "at most 0.12: reached at the smallest budget, 1,000 prompts"
    assert not found.reached
    assert (found.ratio, found.low, found.high) == (0.125, 0.0, 0.125)


def test_the_first_crossing_counts() -> None:
    found = data_efficiency([1, 2, 4, 8], curve(10, 50, 20, 60), curve(10, 20, 30, 30))
    assert found.ratio == pytest.approx(2**0.5 / 8)


def test_budgets_of_only_one_arm_are_allowed() -> None:
    nothing = np.full((2, 100), math.nan)
    found = data_efficiency([1, 2, 4], [share(20), share(40), nothing], [nothing, share(30), nothing])
    assert found.ratio == pytest.approx(2**0.5 / 2)


def test_seeds_and_problems_without_all_scores_are_left_out() -> None:
    first, second = share(20), share(40)
    gap = np.full((3, 101), math.nan)
    gap[:2, :100] = second
    wide = np.ones((3, 101))
    wide[:2, :100] = first
    found = data_efficiency([1, 2], [wide, gap], [wide, gap])
    assert found == data_efficiency([1, 2], [first, second], [first, second])


def test_benchmarks_weigh_alike() -> None:
    # Means of benchmark a (10 problems) and b (90): 1, 1/9 at the first budget; 1, 1/3 at the second.
    names = ["a"] * 10 + ["b"] * 90
    found = data_efficiency([1, 4], curve(20, 40), curve(20, 30), benchmarks=names)
    first, second, target = (1 + 1 / 9) / 2, (1 + 1 / 3) / 2, (1 + 2 / 9) / 2
    assert found.ratio == pytest.approx(4 ** ((target - first) / (second - first)) / 4)


def test_a_single_total_has_a_ratio_and_no_interval() -> None:
    found = data_efficiency([1, 4], [[[0.2]], [[0.4]]], [[[0.1]], [[0.3]]])
    assert found.ratio == pytest.approx(0.5)
    assert math.isnan(found.low)


def test_no_scores_give_nan_with_a_reason() -> None:
    nothing = [np.full((2, 100), math.nan)] * 2
    assert data_efficiency([1, 2], nothing, curve(1, 2)).reason == "no scores"
    other = [np.where(np.arange(100) < 50, table, math.nan) for table in curve(20, 40)]
    rest = [np.where(np.arange(100) < 50, math.nan, table) for table in curve(20, 40)]
    assert data_efficiency([1, 2], other, rest).reason == "no seed and problem has all scores"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 budgets for 1 tables"):
        area_under_curve([1, 2], curve(20))
    with pytest.raises(ValueError, match="one shape"):
        area_under_curve([1, 2], [share(20), np.zeros((2, 3))])
    with pytest.raises(ValueError, match="must match"):
        data_efficiency([1, 2], curve(20, 40), [np.zeros((2, 3))] * 2)
    with pytest.raises(ValueError, match="1 names of benchmarks for 100 problems"):
        area_under_curve([1, 2], curve(20, 40), benchmarks=["a"])


@given(
    st.lists(st.integers(0, 100), min_size=3, max_size=3),
    st.lists(st.integers(0, 100), min_size=3, max_size=3),
)
def test_ratio_lies_between_the_budgets_and_in_its_interval(
    treatment: list[int], baseline: list[int]
) -> None:
    found = data_efficiency([1, 2, 4], curve(*treatment), curve(*baseline))
    assert found.reached == (found.reason == "")
    assert 0 <= found.low <= found.high
    if found.reached:
        assert 1 / 4 <= found.ratio <= 1
