"""A grid as its combinations, and the best of what came of them."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.plan.tuning.grid import best_of, combinations, edges_of, size_of
from lorr_bench.values import DIVERGED, NOT_RUN, Spend, Try, Tuned, total_spend

GRIDS = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), max_size=4
)


def test_the_last_hyper_parameter_changes_first():
    assert list(combinations({"beta": [1, 2], "rate": [3, 4]})) == [
        {"beta": 1, "rate": 3},
        {"beta": 1, "rate": 4},
        {"beta": 2, "rate": 3},
        {"beta": 2, "rate": 4},
    ]


@pytest.mark.slow
@given(grid=GRIDS)
def test_all_combinations_are_the_product(grid):
    expected = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    assert list(combinations(grid)) == expected
    assert size_of(grid) == len(expected)


@pytest.mark.slow
@given(grid=GRIDS, most=st.integers(1, 300))
def test_drawn_ones_are_different_and_in_the_order_of_the_grid(grid, most):
    whole, drawn = list(combinations(grid)), list(combinations(grid, most))
    assert len(drawn) == min(most, len(whole))
    places = [whole.index(each) for each in drawn]
    assert places == sorted(set(places))
    assert drawn == list(combinations(grid, most))


def test_the_draw_stays_for_good():
    """Python promises the sequence of ``Random(0).random()``: 0.8444, 0.7579, 0.4205, 0.2589, 0.5112."""
    assert [each["a"] for each in combinations({"a": range(1000)}, 5)] == [258, 420, 511, 757, 844]


def tried(*values, reason=""):
    return Try({}, values, reason)


@pytest.mark.parametrize(
    ("tries", "best"),
    [
        ([tried(0.4), tried(0.6), tried(0.5)], 1),
        ([tried(0.4, 0.6), tried(0.9, 0.3)], 1),  # means 0.5 and 0.6
        ([tried(0.1), tried(0.2, 0.3), tried(0.3, 0.2)], 1),  # equal: the first
        ([tried(reason=DIVERGED), tried(0.0)], 1),  # worse than nothing right
        ([tried(0.5, reason=DIVERGED), tried(0.1, 0.1)], 1),  # one of two seeds diverged
        ([tried(reason=DIVERGED), tried(reason=DIVERGED)], None),
        ([tried(0.9), tried(reason=NOT_RUN)], None),
        ([tried(0.9), tried(0.8, reason="`train` failed: no memory")], None),
        ([tried()], 0),  # nothing to choose from
    ],
)
def test_the_best_has_the_highest_mean(tries, best):
    assert best_of(tries) == best


def test_values_at_the_edge_of_the_grid_are_named():
    grid = {"beta": [5, 0.5, 2], "rate": [1, 2, 3], "kind": ["a", "b"], "decay": [0], "bias": [False, True]}
    settings = {"beta": 0.5, "rate": 2, "kind": "b", "decay": 0, "bias": True}
    assert edges_of(settings, grid) == {"beta": "smallest"}
    assert edges_of({**settings, "beta": 2, "rate": 3}, grid) == {"rate": "largest"}


def test_settings_in_words():
    assert str(Try({"beta": 2, "learning_rate": 3.0e-4, "kind": "sigmoid"})) == (
        "beta 2, learning_rate 0.0003, kind sigmoid"
    )


def test_a_try_without_its_scores_has_none_to_show():
    assert math.isnan(tried().score)
    assert math.isnan(tried(0.5, reason=DIVERGED).score)
    assert tried(0.25, 0.75).score == 0.5


def test_the_runner_up_is_the_best_of_the_others():
    tries = (tried(0.4), tried(0.9), tried(0.6), tried(reason=DIVERGED))
    assert Tuned("dpo+plain", 8, (8,), tries, chosen=1).runner_up == tried(0.6)
    assert Tuned("dpo+plain", 8, (8,), (tried(0.4), tried(reason=DIVERGED)), chosen=0).runner_up is None


def test_spends_add_up_but_for_memory():
    spends = [
        Spend(optimizer_steps=2, wall_seconds=1.5, peak_memory_bytes=7),
        Spend(optimizer_steps=3, peak_memory_bytes=5),
    ]
    assert total_spend(spends) == Spend(optimizer_steps=5, wall_seconds=1.5, peak_memory_bytes=7)
    assert total_spend([]) == Spend()
