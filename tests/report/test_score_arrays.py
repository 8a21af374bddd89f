"""Scores as arrays."""

import pytest

from lorr_bench.report.score_arrays import stack
from lorr_bench.values import START, Score, Stratum


def score(per_problem, strata=()):
    return Score(START, "group", "general", "acc", 0.0, per_problem, strata=strata)


def test_problems_count_as_they_weigh():
    """Means of 1 and 1/4 with weights of a third and two thirds, and of 0 and 3/4."""
    strata = (Stratum(2, 1 / 3), Stratum(4, 2 / 3))
    scores = [score((1, 1, 0, 0, 0, 1), strata), score((0, 0, 1, 1, 1, 0), strata)]
    table, by_problem = stack(scores)
    assert by_problem
    assert table.mean(axis=1) == pytest.approx([1 / 3 + 2 / 3 / 4, 2 / 3 * 3 / 4])


def test_without_weights_they_are_as_they_were():
    table, _ = stack([score((1, 0, 0)), score((1, 1, 0))])
    assert table.tolist() == [[1, 0, 0], [1, 1, 0]]
