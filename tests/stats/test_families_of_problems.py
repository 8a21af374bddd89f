"""Intervals and tests where problems come in families, against tables of the families' means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lorr_bench.stats import (
    crossed_interval,
    paired_difference,
    permutation_test,
    stratified_difference,
    stratified_interval,
)

NAMES = [f"family {place // 4}" for place in range(40)]
ONE, TWO = np.random.default_rng(0).integers(0, 2, (2, 3, 40)).astype(float)


def means(table: np.ndarray) -> np.ndarray:
    """(seeds, 40) to (seeds, 10)."""
    return table.reshape(len(table), 10, 4).mean(axis=2)


def test_a_score_s_interval_is_that_of_the_families_means() -> None:
    found, expected = crossed_interval(ONE, families=NAMES), crossed_interval(means(ONE))
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high))
    assert (found.problems, found.families) == (40, 10)


def test_a_difference_is_that_of_the_families_means() -> None:
    found, expected = paired_difference(ONE, TWO, families=NAMES), paired_difference(means(ONE), means(TWO))
    assert (found.mean, found.low, found.p_value, found.detectable) == pytest.approx(
        (expected.mean, expected.low, expected.p_value, expected.detectable)
    )
    assert (found.problems, found.families) == (40, 10)


def test_without_names_each_problem_is_a_family() -> None:
    assert crossed_interval(ONE).families == 40
    assert paired_difference(ONE, TWO).families == 40
    assert stratified_interval([ONE, TWO], families=None).families == 80


def test_benchmarks_have_families_of_their_own_or_none() -> None:
    found = stratified_interval([ONE, TWO], families=[NAMES, None])
    expected = stratified_interval([means(ONE), TWO])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.problems, found.families) == (80, 50)
    both = stratified_difference([(ONE, TWO), (TWO, ONE)], families=[None, NAMES])
    assert (both.problems, both.families) == (80, 50)


def test_problems_with_a_gap_go_before_families_are_made() -> None:
    gap = ONE.copy()
    gap[1, 4:8] = math.nan
    gap[0, 0] = math.nan
    found = crossed_interval(gap, families=NAMES)
    kept = [place for place in range(40) if place != 0 and not 4 <= place < 8]
    expected = crossed_interval(ONE[:, kept], families=[NAMES[place] for place in kept])
    assert found == expected
    assert (found.problems, found.families) == (35, 9)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_wrong_or_all_right_is_as_uncertain_as_the_families_are_few(value: float) -> None:
    found = crossed_interval(np.full((3, 40), value), families=NAMES)
    # Student's quantile for 10 families in Wilson's formula at a share of 0: t²/10 / (1 + t²/10).
    ratio = stats.t.isf(0.025, 9) ** 2 / 10
    assert found.high - found.low == pytest.approx(ratio / (1 + ratio))


def test_no_disagreement_counts_families() -> None:
    found = paired_difference(ONE, ONE, families=NAMES)
    assert found.high == pytest.approx(stats.t.isf(0.025, 9) / math.sqrt(10 * 12))


def test_families_of_uneven_size_stay_between_0_and_1() -> None:
    table = np.ones((3, 40))
    table[:, :2] = 0.0
    found = crossed_interval(table, families=["large"] * 30 + [str(place) for place in range(10)])
    assert found.mean == pytest.approx(0.95)
    assert 0.0 <= found.low < found.mean < found.high <= 1.0


def test_families_are_exchanged_whole() -> None:
    # Sums of the families: 3, -1 and 1. Over all signs at least |3| of (±3 ±1 ±1): 6 of 8.
    difference = np.array([[1.0, 1.0, 1.0, -1.0, 1.0]])
    families = ["a", "a", "a", "b", "c"]
    found = permutation_test(difference, 0 * difference, "problems", families=families)
    assert found == 6 / 8
    assert permutation_test(difference, 0 * difference, "problems") == 12 / 32  # |sum| ≥ 3 of five signs


def test_a_gap_leaves_its_family_smaller_when_exchanged() -> None:
    difference = np.array([[1.0, 1.0, math.nan, -1.0, 1.0]])
    found = permutation_test(difference, 0 * difference, "problems", families=["a", "a", "a", "b", "c"])
    assert found == 6 / 8  # sums 2, -1, 1, observed 2: all but ±(2 - 1 - 1)


def test_exchanging_seeds_does_not_ask_for_families() -> None:
    plain, named = (permutation_test(ONE, TWO, "seeds", families=names) for names in (None, NAMES))
    assert plain == named


def test_other_numbers_of_names_are_refused() -> None:
    with pytest.raises(ValueError, match="39 names of families for 40 problems"):
        crossed_interval(ONE, families=NAMES[1:])
    with pytest.raises(ValueError, match="39 names of families for 40 problems"):
        permutation_test(ONE, TWO, "seeds", families=NAMES[1:])
    with pytest.raises(ValueError, match="1 sequences of families for 2 tables"):
        stratified_interval([ONE, TWO], families=[NAMES])
