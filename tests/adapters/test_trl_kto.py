"""Which responses KTO on TRL takes for mismatched ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lorr_bench_adapters.trl.labels import apart


def test_in_batches_of_four_chosen_responses_come_first():
    assert apart(10, 4) == [0, 2, 1, 3, 4, 6, 5, 7, 8, 9]


@pytest.mark.slow
@given(st.integers(0, 60), st.integers(4, 17))
def test_every_row_stays_in_its_batch(rows, batch_size):
    order = apart(rows, batch_size)
    assert sorted(order) == list(range(rows))
    assert all(row // batch_size == place // batch_size for place, row in enumerate(order))


@pytest.mark.slow
@given(st.integers(1, 6), st.integers(4, 17))
def test_no_response_of_a_whole_batch_meets_its_own_prompt(batches, batch_size):
    """TRL gives each row the response of the row before it in the batch, the first that of the last."""
    order = apart(batches * batch_size, batch_size)
    for begin in range(0, len(order), batch_size):
        batch = order[begin : begin + batch_size]
        assert all(row // 2 != other // 2 for row, other in zip(batch, [batch[-1], *batch], strict=False))
