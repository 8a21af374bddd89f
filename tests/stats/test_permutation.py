"""The permutation test against exchanges counted by hand and its level."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
import pytest

from lorr_bench.stats import permutation_test


def test_all_exchanges_of_seeds_by_hand() -> None:
    # Sums of ±1 ±2 ±3: 6, 4, 2, 0 and their negatives; 0 twice. At least 4 in absolute value: 4 of 8.
    treatment = np.array([[0.3], [0.2], [0.0]])
    baseline = np.array([[0.0], [0.0], [0.1]])
    assert permutation_test(treatment, baseline, "seeds") == 4 / 8


def test_problems_that_do_not_differ_take_no_part() -> None:
    treatment = np.array([[1.0, 1.0, 1.0, 1.0, 0.0, 0.0]])
    baseline = np.array([[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    assert permutation_test(treatment, baseline, "problems") == 2 / 2**3


def test_three_seeds_never_reach_a_quarter() -> None:
    assert permutation_test(np.ones((3, 5)), np.zeros((3, 5)), "seeds") == 0.25


def test_random_exchanges_agree_with_all_of_them() -> None:
    units = np.random.default_rng(0).normal(0.2, 1, 14)
    signs = np.array(list(itertools.product([-1, 1], repeat=14)))
    exact = np.mean(np.abs(signs @ units) >= abs(units.sum()) - 1e-12)
    found = permutation_test(units[None], np.zeros((1, 14)), "problems", draws=20_000)
    assert found == pytest.approx(exact, abs=0.015)


def test_the_same_seed_gives_the_same_value() -> None:
    table = np.random.default_rng(0).normal(0.1, 1, (2, 50))
    first, again = (permutation_test(table, 0 * table, "problems", draws=100, seed=3) for _ in range(2))
    assert first == again


@pytest.mark.slow
@pytest.mark.parametrize(("over", "shape"), [("seeds", (8, 1)), ("problems", (1, 9))])
def test_it_keeps_its_level(over: Literal["seeds", "problems"], shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    found = [permutation_test(rng.standard_normal(shape), np.zeros(shape), over) <= 0.05 for _ in range(600)]
    assert 0.02 <= np.mean(found) <= 0.075


def test_no_scores_give_nan() -> None:
    assert math.isnan(permutation_test(np.zeros((0, 3)), np.zeros((0, 3)), "seeds"))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        permutation_test(np.zeros((2, 3)), np.zeros((2, 4)), "seeds")
