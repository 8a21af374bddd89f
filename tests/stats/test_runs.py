"""Interquartile gain and probability of improvement against hand calculation and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from lorr_bench.stats import interquartile_gain, probability_of_improvement

shapes = st.tuples(st.integers(1, 5), st.integers(1, 5))
tables = shapes.flatmap(lambda shape: arrays(np.int8, shape, elements=st.integers(0, 8))).map(lambda n: n / 8)


def test_interquartile_gain_is_of_the_middle_half_of_the_tasks_gains() -> None:
    # Gains of the means -0.3, 0.1, 0.2, 0.5 on tasks of very different level: the middle half is 0.1 and 0.2.
    treatment = [[0.1, 0.9, 0.3, 0.9], [0.3, 0.7, 0.3, 0.7]]
    baseline = [[0.5, 0.7, 0.1, 0.3], [0.5, 0.7, 0.1, 0.3]]
    found = interquartile_gain(treatment, baseline)
    assert found.mean == pytest.approx(0.15)
    assert (found.seeds, found.problems) == (2, 4)


def test_a_gain_on_one_task_of_eight_shows_no_loss() -> None:
    # Only the task of a low level rose, by 11.7 points. Runs scatter by -1, -1, -1 and 3 points: the middle
    # half of runs x tasks would be 13 times -1 and 3 times 3.
    baseline = np.full((4, 8), 0.92) + np.array([[-0.01], [-0.01], [-0.01], [0.03]])
    baseline[:, 7] -= 0.5
    treatment = baseline + 0.117 * (np.arange(8) == 7)
    assert interquartile_gain(treatment, baseline).mean == pytest.approx(0, abs=1e-15)


@pytest.mark.slow
@given(tables, st.integers(0, 2**32 - 1))
def test_an_arm_that_loses_on_no_task_shows_no_loss(scores: np.ndarray, seed: int) -> None:
    gains = np.random.default_rng(seed).random(scores.shape[1])
    assert interquartile_gain(scores + gains, scores).mean >= 0


def test_of_one_task_the_interval_is_student_s() -> None:
    treatment, baseline = np.array([[0.5], [0.52], [0.57]]), np.array([[0.4], [0.41], [0.48]])
    ends = stats.ttest_ind(treatment[:, 0], baseline[:, 0]).confidence_interval(0.95)
    found = interquartile_gain(treatment, baseline)
    assert found.mean == pytest.approx(0.1)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.01)


def test_interquartile_gain_of_one_run_has_no_interval() -> None:
    found = interquartile_gain([[0.2, 0.4]], [[0.1, 0.1], [0.1, 0.1]])
    assert found.mean == pytest.approx(0.2)
    assert math.isnan(found.low)


def test_interquartile_gain_of_nothing_is_nan() -> None:
    assert math.isnan(interquartile_gain(np.zeros((0, 3)), np.zeros((2, 3))).mean)


def test_the_same_seed_gives_the_same_interval() -> None:
    one, two = np.random.default_rng(0).random((2, 4, 6))
    assert interquartile_gain(one, two) == interquartile_gain(one, two)
    assert interquartile_gain(one, two, seed=1).low != interquartile_gain(one, two).low


def test_gains_either_way_are_mirrored() -> None:
    # Of eight tasks two are cut on either side, so the middle half is the same tasks.
    one, two = np.random.default_rng(0).random((2, 4, 8))
    there, back = interquartile_gain(one, two), interquartile_gain(two, one)
    assert (there.mean, there.low, there.high) == pytest.approx((-back.mean, -back.high, -back.low))


def test_probability_of_improvement_by_hand() -> None:
    # Task one: 0.5 beats 0.4 and 0.3 loses, 0.6 beats both, against 0.4 and 0.5: 0.5 + 1 ties and wins.
    treatment, baseline = np.array([[0.5, 1.0], [0.6, 1.0]]), np.array([[0.4, 1.0], [0.5, 0.0]])
    # Task one: wins 1, tie 0.5, 1, 1 of 4; task two: tie, win, tie, win: 3 of 4.
    found = probability_of_improvement(treatment, baseline)
    assert found.mean == pytest.approx((3.5 / 4 + 3 / 4) / 2)


def test_it_is_mann_whitney_s_statistic() -> None:
    rng = np.random.default_rng(0)
    treatment, baseline = rng.random((7, 1)), rng.random((5, 1))
    statistic = stats.mannwhitneyu(treatment[:, 0], baseline[:, 0]).statistic
    assert probability_of_improvement(treatment, baseline).mean == pytest.approx(statistic / 35)


def test_variance_is_de_long_s() -> None:
    rng = np.random.default_rng(1)
    treatment, baseline = rng.normal(0.3, 1, (40, 1)), rng.normal(0, 1, (30, 1))
    found = probability_of_improvement(treatment, baseline)
    wins = treatment[:, 0][:, None] > baseline[:, 0][None]
    error = math.sqrt(wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 30)
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.isf(0.025, 68) * error, rel=0.05)


def test_three_runs_that_always_win_do_not_prove_it() -> None:
    found = probability_of_improvement([[0.7], [0.8], [0.9]], [[0.1], [0.2], [0.3]])
    assert (found.mean, found.high) == (1.0, 1.0)
    assert found.low < 0.5


def test_one_run_on_a_side_has_no_interval() -> None:
    found = probability_of_improvement([[0.5, 0.7]], [[0.4, 0.8], [0.3, 0.6]])
    assert found.mean == pytest.approx(0.75)
    assert math.isnan(found.low)


def test_tasks_without_a_score_on_one_side_are_left_out() -> None:
    gap = [[0.5, math.nan], [0.6, 0.1]]
    found = probability_of_improvement(gap, [[0.4, 0.9], [0.3, 0.9]])
    assert (found.mean, found.problems) == (1.0, 1)
    assert math.isnan(probability_of_improvement(gap, np.zeros((0, 2))).mean)


def test_other_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        probability_of_improvement(np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="the same tasks"):
        interquartile_gain(np.zeros(3), np.zeros(3))


@pytest.mark.slow
@given(tables)
def test_improvement_either_way_adds_up_to_one(scores: np.ndarray) -> None:
    there = probability_of_improvement(scores, 1 - scores)
    back = probability_of_improvement(1 - scores, scores)
    assert there.mean + back.mean == pytest.approx(1)
    assert there.low == pytest.approx(1 - back.high, nan_ok=True)
