"""λ by the formulas of the record, orders as permutations."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.lorr.schedule import replay_order, sft_weights


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", (1 / 6, 1 / 3, 1 / 2)),  # 0.5·ℓ/3
        ("from_zero", (0.0, 0.25, 0.5)),  # 0.5·(ℓ-1)/2
        ("constant", (0.5, 0.5, 0.5)),
    ],
)
def test_three_replays_with_the_published_cap(schedule, expected):
    assert sft_weights(3, schedule, 0.5) == pytest.approx(expected, abs=1e-15)


def test_from_zero_with_one_replay_is_zero():
    assert sft_weights(1, "from_zero", 0.5) == (0.0,)


@pytest.mark.slow
@given(st.integers(1, 50), st.sampled_from(["linear", "from_zero", "constant"]), st.floats(0, 10))
def test_weights_never_fall_and_never_pass_the_cap(replays, schedule, cap):
    weights = sft_weights(replays, schedule, cap)
    assert len(weights) == replays
    assert all(a <= b for a, b in itertools.pairwise(weights))
    assert max(weights) <= cap * (1 + 1e-12)


@pytest.mark.slow
@given(st.integers(0, 300), st.integers(0, 10**6), st.integers(1, 20))
def test_an_order_is_a_permutation_and_repeats_itself(rows, seed, replay):
    order = replay_order(rows, seed, replay)
    assert sorted(order) == list(range(rows))
    assert order == replay_order(rows, seed, replay)


def test_each_replay_and_each_seed_has_an_order_of_its_own():
    orders = [tuple(replay_order(50, seed, replay)) for seed in (0, 1) for replay in (1, 2, 3)]
    assert len(set(orders)) == 6
