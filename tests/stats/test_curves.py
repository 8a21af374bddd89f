"""Area and data efficiency against curves worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.stats import (
    area_difference,
    area_over_setting,
    area_under_curve,
    crossed_interval,
    data_efficiency,
    spans_factors,
    stratified_difference,
    stratified_interval,
)


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


def test_the_first_crossing_counts_of_either_arm() -> None:
    # The baseline has its final 30 at 4 already, the treatment half way between 10 at 1 and 50 at 2.
    found = data_efficiency([1, 2, 4, 8], curve(10, 50, 20, 60), curve(10, 20, 30, 30))
    assert found.ratio == pytest.approx(2**0.5 / 4)
    assert found.baseline_needed == pytest.approx(4)


def test_a_baseline_needs_what_its_own_curve_says() -> None:
    # It ends at 30, half way between 10 at 1 and 50 at 4: both need 2.
    found = data_efficiency([1, 4, 8], curve(10, 50, 60), curve(10, 50, 30))
    assert found.ratio == pytest.approx(1)
    assert found.baseline_needed == pytest.approx(2)


def test_equal_arms_on_a_plateau_show_no_saving() -> None:
    found = data_efficiency([1, 2, 4, 8], curve(10, 40, 40, 40), curve(10, 40, 40, 40))
    assert found.ratio == pytest.approx(1)
    assert found.high >= 1


@pytest.mark.parametrize("baseline", [(30, 30), (30, 20), (30, 60, 20), (30, 31)])
def test_a_baseline_that_is_not_shown_to_rise_gives_no_ratio(baseline: tuple[int, ...]) -> None:
    budgets = [1, 2, 4][: len(baseline)]
    found = data_efficiency(budgets, curve(*[90] * len(baseline)), curve(*baseline))
    assert (found.reached, found.reason) == (False, "not defined: the baseline does not rise")
    assert all(map(math.isnan, (found.ratio, found.low, found.high, found.baseline_needed)))


def test_a_rise_within_one_family_alone_is_not_shown() -> None:
    # Problems 10 to 29 get right; as one family they are one event of 81.
    curves = curve(20, 40), curve(10, 30)
    names = [f"{place:02}" if not 10 <= place < 30 else "risen" for place in range(100)]
    assert data_efficiency([1, 2], *curves).reached
    found = data_efficiency([1, 2], *curves, families=names)
    assert found.reason == "not defined: the baseline does not rise"


def test_a_baseline_with_a_single_budget_gives_no_ratio() -> None:
    nothing = np.full((2, 100), math.nan)
    found = data_efficiency([1, 2], curve(20, 40), [nothing, share(30)])
    assert found.reason == "not defined: the baseline has a single budget"


def test_bounds_are_parts_of_the_baseline_s_need() -> None:
    # The baseline needs 4 of 16.
    within = data_efficiency([2, 4, 16], curve(80, 80, 80), curve(5, 40, 40))
    assert within.reason == "at most 0.5: reached at the smallest budget, 2 pairs"
    assert (within.ratio, within.low) == (pytest.approx(0.5), 0.0)
    beyond = data_efficiency([2, 4, 16], curve(1, 1, 1), curve(5, 80, 80))
    assert beyond.reason == "not reached within 16 pairs"
    assert beyond.low == pytest.approx(4)


def test_budgets_of_only_one_arm_are_allowed() -> None:
    nothing = np.full((2, 100), math.nan)
    found = data_efficiency([1, 2, 4], [share(20), share(40), nothing], [nothing, share(10), share(30)])
    assert found.ratio == pytest.approx(2**0.5 / 4)


def random_curves(problems: int) -> list[list[np.ndarray]]:
    """Answers (3 seeds, problems) at three budgets of two arms that rise from 30 to 70 %."""
    rng = np.random.default_rng(5)
    return [
        [(rng.random((3, problems)) < level).astype(float) for level in (0.3, 0.5, 0.7)] for _ in range(2)
    ]


def test_copies_of_a_problem_in_one_family_count_as_that_problem() -> None:
    single = random_curves(60)
    copied = [[np.repeat(table, 4, axis=1) for table in tables] for tables in single]
    names = [f"{place // 4:02}" for place in range(240)]
    found, plain = data_efficiency([1, 2, 4], *copied, families=names), data_efficiency([1, 2, 4], *single)
    assert (found.ratio, found.low, found.high) == pytest.approx((plain.ratio, plain.low, plain.high))
    area, alone = (
        area_under_curve([1, 2, 4], copied[0], families=names),
        area_under_curve([1, 2, 4], single[0]),
    )
    assert (area.mean, area.low, area.high) == pytest.approx((alone.mean, alone.low, alone.high))
    assert area.problems == 60


def test_families_of_two_benchmarks_are_never_one() -> None:
    curves, benchmarks = random_curves(60), ["a"] * 40 + ["b"] * 20
    same = [f"{place % 10}" for place in range(60)]
    own = [f"{benchmark}{name}" for benchmark, name in zip(benchmarks, same, strict=True)]
    found, expected = (
        data_efficiency([1, 2, 4], *curves, benchmarks=benchmarks, families=names) for names in (same, own)
    )
    assert found == expected
    assert area_under_curve([1, 2, 4], curves[0], benchmarks=benchmarks, families=same).problems == 20


def test_a_problem_that_is_left_out_is_left_out_of_its_family() -> None:
    treatment, baseline = random_curves(40)
    names = [f"{place // 4}" for place in range(40)]
    holed = [table.copy() for table in treatment]
    holed[1][0, 7] = math.nan
    without = [[np.delete(table, 7, axis=1) for table in tables] for tables in (treatment, baseline)]
    rest = names[:7] + names[8:]
    assert data_efficiency([1, 2, 4], holed, baseline, families=names) == data_efficiency(
        [1, 2, 4], *without, families=rest
    )
    assert area_under_curve([1, 2, 4], holed, families=names) == area_under_curve(
        [1, 2, 4], without[0], families=rest
    )


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
    found = data_efficiency([1, 4], curve(20, 40), curve(5, 30), benchmarks=names)
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
    with pytest.raises(ValueError, match="2 names of families for 100 problems"):
        area_under_curve([1, 2], curve(20, 40), families=["a", "b"])


@pytest.mark.slow
@given(
    st.lists(st.integers(0, 100), min_size=3, max_size=3),
    st.lists(st.integers(0, 100), min_size=3, max_size=3),
)
def test_ratio_lies_between_the_budgets_and_in_its_interval(
    treatment: list[int], baseline: list[int]
) -> None:
    found = data_efficiency([1, 2, 4], curve(*treatment), curve(*baseline))
    assert found.reached == (found.reason == "")
    if math.isnan(found.baseline_needed):
        assert found.reason.startswith("not defined")
        return
    assert baseline[0] < baseline[-1]
    assert 1 < found.baseline_needed <= 4 + 1e-9
    assert 0 <= found.low <= found.high
    if found.reached:
        assert 1 / 4 <= found.ratio <= 4


# --- a setting in the place of data ---------------------------------------------------------------------


def test_an_area_over_a_setting_that_spans_factors_is_over_its_logarithm() -> None:
    # log2 steps 1 and 2: (1 · 0.3 + 2 · 0.5) / 3.
    found = area_over_setting([1e-4, 2e-4, 8e-4], curve(20, 40, 60))
    assert found.mean == pytest.approx((0.3 + 2 * 0.5) / 3)
    assert found.low < found.mean < found.high


def test_an_area_over_a_narrow_setting_or_one_with_zero_is_over_its_values() -> None:
    # Steps 1 and 1 between 1, 2 and 3; 0.1 and 0.2 between 0, 0.1 and 0.3.
    assert area_over_setting([1, 2, 3], curve(20, 40, 60)).mean == pytest.approx((0.3 + 0.5) / 2)
    assert area_over_setting([0, 0.1, 0.3], curve(20, 40, 60)).mean == pytest.approx((0.3 + 2 * 0.5) / 3)


@pytest.mark.parametrize(
    ("values", "spans"),
    [
        ([1, 3], False),
        ([1e-4, 3e-4], False),
        ([1, 3.1], True),
        ([0, 10], False),
        ([-1, 10], False),
        ([7], False),
    ],
)
def test_what_spans_factors(values: list[float], spans: bool) -> None:
    assert spans_factors(values) is spans


def test_the_order_of_values_does_not_matter() -> None:
    found = area_over_setting([1, 4, 2], curve(20, 60, 40))
    assert found == area_over_setting([1, 2, 4], curve(20, 40, 60))


def test_an_area_needs_two_values() -> None:
    assert math.isnan(area_over_setting([2], curve(20)).mean)
    with pytest.raises(ValueError, match="an area lies over two values of a setting at least"):
        area_difference([2], curve(20), curve(30))


def test_a_difference_of_areas_is_that_of_the_mean_scores() -> None:
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 2, (2, 3, 4, 50)).astype(float)
    # log2 steps 1 and 2, so the trapezoids weigh the three values 1/6, 3/6 and 2/6.
    weights = np.array([1, 3, 2]) / 6
    left, right = (np.tensordot(weights, table, axes=1) for table in (one, two))
    found, wanted = area_difference([1, 2, 8], [*one], [*two]), stratified_difference([(left, right)])
    assert (found.mean, found.low, found.high) == pytest.approx((wanted.mean, wanted.low, wanted.high))
    assert found.mean == pytest.approx(left.mean() - right.mean())


def test_lines_of_other_problems_have_no_difference() -> None:
    with pytest.raises(ValueError, match="must match"):
        area_difference([1, 2], curve(20, 40), [np.ones((2, 50))] * 2)
