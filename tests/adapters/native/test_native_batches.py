"""Which rows an update takes, and their shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lorr_bench_adapters.native.training.batches import grouped_by_length, updates


def plan(order, tokens=None, *, processes=1, rank=0, batch_size=2, accumulation=2):
    tokens = tokens or dict.fromkeys(order, 1)
    return updates(
        order,
        tokens,
        batch_size=batch_size,
        accumulation=accumulation,
        processes=processes,
        rank=rank,
    )


def test_micro_batches_follow_the_order_and_weigh_the_same():
    found = plan([3, 1, 4, 0, 2])
    assert [[part.rows for part in update] for update in found] == [[(3, 1), (4, 0)], [(2,)]]
    assert [[part.weight for part in update] for update in found] == [[0.5, 0.5], [1.0]]


def test_rows_weigh_the_same_in_a_smaller_micro_batch_too():
    weights = [part.weight for part in plan([0, 1, 2])[0]]
    assert weights == [2 / 3, 1 / 3]


def test_the_tokens_of_a_row_are_those_of_the_whole_update():
    first, second = plan([0, 1, 2, 3, 4], [3, 1, 8, 4, 5])
    assert [part.tokens_per_row for part in first] == [4.0, 4.0]  # (3 + 1 + 8 + 4) / 4
    assert [part.tokens_per_row for part in second] == [5.0]
    other = plan([0, 1, 2, 3, 4], [3, 1, 8, 4, 5], processes=2, rank=1)
    assert [part.tokens_per_row for part in other[0]] == [4.2, 4.2]  # over both processes


def test_processes_share_micro_batches_and_one_without_rows_weighs_nothing():
    first, second = (plan([0, 1, 2, 3, 4], processes=2, rank=rank)[0] for rank in (0, 1))
    assert [part.rows for part in first] == [(0, 1), (4,)]
    assert [part.rows for part in second] == [(2, 3), (4,)]
    assert [part.weight for part in first] == [0.8, 0.4]  # times two, for the mean over two processes
    assert [part.weight for part in second] == [0.8, 0.0]
    assert [part.visited for part in second] == [2, 0]


@pytest.mark.slow
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=30),
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
)
def test_every_row_is_visited_once_and_the_shares_of_an_update_make_one(tokens, shape):
    batch_size, accumulation, processes = shape
    plans = [
        plan(
            range(len(tokens)),
            tokens,
            processes=processes,
            rank=rank,
            batch_size=batch_size,
            accumulation=accumulation,
        )
        for rank in range(processes)
    ]
    visited = [
        row for ranks in plans for update in ranks for part in update for row in part.rows[: part.visited]
    ]
    assert sorted(visited) == list(range(len(tokens)))
    for parts in zip(*plans, strict=True):
        every = [part for ranks in parts for part in ranks]
        assert sum(part.weight for part in every) == pytest.approx(processes)
        rows = sum(part.visited for part in every)
        assert all(part.weight == pytest.approx(processes * part.visited / rows) for part in every)
        mine = sum(tokens[row] for part in every for row in part.rows[: part.visited])
        assert {part.tokens_per_row for part in every} == {mine / rows}


def test_grouping_by_length_keeps_windows_and_mixes_long_and_short():
    sizes = {0: 9, 1: 1, 2: 8, 3: 2, 4: 5, 5: 5}
    assert grouped_by_length([0, 1, 2, 3, 4, 5], sizes, batch_size=2, window=4) == [2, 0, 1, 3, 4, 5]


@pytest.mark.slow
@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 5), st.integers(1, 4))
def test_grouping_by_length_is_a_permutation_of_each_window(sizes, batch_size, batches):
    order, window = list(range(len(sizes))), batch_size * batches
    grouped = grouped_by_length(order, sizes, batch_size, window)
    for begin in range(0, len(order), window):
        assert sorted(grouped[begin : begin + window]) == order[begin : begin + window]
