from __future__ import annotations

import math
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lorr_bench.evaluate.metrics import (
    average_at_k,
    majority_at_k,
    missing_reason,
    pass_at_k,
    repeat_deviation,
)

NAN = math.nan
verdicts = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 7)),
    elements=st.sampled_from([0.0, 1.0]),
)
verdicts_with_gaps = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 7)),
    elements=st.sampled_from([0.0, 1.0, NAN]),
)


def test_the_average_is_the_share_of_right_answers():
    assert average_at_k([[1, 0, 0, 1], [1, 1, 1, 0]]).tolist() == [0.5, 0.75]


def test_the_average_is_nan_where_an_answer_is_missing():
    np.testing.assert_equal(average_at_k([[1, NAN], [1, 1]]), [NAN, 1.0])


def test_pass_at_k_of_chen_by_hand():
    # 5 answers, 2 right: 1 - C(3, 2) / C(5, 2) = 1 - 3 / 10; with 3 drawn 1 - C(3, 3) / C(5, 3) = 1 - 1 / 10.
    table = [[1, 0, 1, 0, 0]]
    assert pass_at_k(table, 2) == pytest.approx([0.7])
    assert pass_at_k(table, 3) == pytest.approx([0.9])
    assert pass_at_k(table, 4).tolist() == [1.0]


def test_pass_at_k_counts_the_answers_that_are_there():
    # 3 answers of 4, 1 right: 1 - C(2, 2) / C(3, 2) = 1 - 1 / 3.
    np.testing.assert_allclose(pass_at_k([[1, NAN, 0, 0], [1, NAN, NAN, NAN]], 2), [2 / 3, NAN])


def test_pass_at_k_of_many_answers_stays_exact():
    # 1 - C(9999, 5000) / C(10000, 5000) = 1 - 5000 / 10000.
    table = np.zeros((1, 10_000))
    table[0, 0] = 1
    assert pass_at_k(table, 5_000) == pytest.approx([0.5], rel=1e-9)


@pytest.mark.slow
@given(verdicts)
def test_pass_at_1_is_the_average(table):
    assert pass_at_k(table, 1) == pytest.approx(average_at_k(table))


@pytest.mark.slow
@given(verdicts)
def test_more_draws_never_pass_less(table):
    chances = [pass_at_k(table, k) for k in range(1, table.shape[1] + 1)]
    assert all((late >= early - 1e-12).all() for early, late in pairwise(chances))


@pytest.mark.slow
@given(verdicts_with_gaps, st.integers(1, 7))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_answer(table, k):
    for found, row in zip(pass_at_k(table, k), table, strict=True):
        subsets = list(combinations(row[~np.isnan(row)], k))
        expected = np.mean([max(subset) for subset in subsets]) if subsets else NAN
        assert found == pytest.approx(expected, nan_ok=True)


def test_no_draw_is_an_error():
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        pass_at_k([[1.0]], 0)


@pytest.mark.parametrize("table", [[1.0, 0.0], [[[1.0]]], [[], []]])
def test_verdicts_need_problems_and_repeats(table):
    with pytest.raises(ValueError, match=r"shape \(problems, repeats\)"):
        average_at_k(table)


@pytest.mark.parametrize(
    ("answers", "correct", "expected"),
    [
        (["7", "7", "8"], [1, 1, 0], 1.0),
        (["7", "8", "8"], [1, 0, 0], 0.0),
        (["1/2", "0.5", "3", "3", "4"], [1, 1, 0, 0, 0], 1 / 2),  # forms of the right answer vote together
        (["7", "8", "9"], [1, 0, 0], 1 / 3),
        (["7", None, None, None], [1, 0, 0, 0], 1.0),  # no final answer, no vote
        ([None, None], [0, 0], 0.0),
        ([r"\dfrac{1}{3}", r"$\frac{1}{3}$.", "5"], [0, 0, 1], 0.0),  # one wrong answer in two looks
        (["(1, 2)", r"\left(1,2\right)", "5"], [0, 0, 1], 0.0),
        (["1 1/2", "11/2", "5"], [0, 0, 1], 1 / 3),
    ],
)
def test_the_majority_by_hand(answers, correct, expected):
    assert majority_at_k([answers], [correct]).tolist() == [pytest.approx(expected)]


def test_the_majority_is_nan_where_an_answer_is_missing():
    np.testing.assert_equal(majority_at_k([["7", None], ["7", "7"]], [[1, NAN], [1, 1]]), [NAN, 1.0])


def test_the_shapes_of_answers_and_verdicts_must_agree():
    with pytest.raises(ValueError, match=r"shape of the verdicts, \(1, 2\)"):
        majority_at_k([["7"]], [[1, 0]])


@pytest.mark.slow
@given(st.lists(st.sampled_from([None, "7", "8", "9"]), min_size=1, max_size=7))
def test_the_majority_is_the_mean_over_all_ways_to_break_the_tie(answers):
    correct = [float(answer == "7") for answer in answers]
    found = majority_at_k([answers], [correct])[0]
    votes = [answer for answer in answers if answer]
    winners = [a for a in set(votes) if votes.count(a) == max(votes.count(other) for other in votes)]
    drawn = [winner == "7" for winner in winners]
    assert found == pytest.approx(np.mean(drawn) if drawn else 0.0)


def test_all_right_answers_win_whatever_their_text():
    for texts in product(["7", "seven"], repeat=3):
        assert majority_at_k([texts], [[1, 1, 1]]).tolist() == [1.0]


def test_the_deviation_of_repeats_by_hand():
    # Accuracies 1, 1/2 and 0: mean 1/2, squares 1/4 + 0 + 1/4, over 2 is 1/4, its root 1/2.
    assert repeat_deviation([[1, 1, 0], [1, 0, 0]]) == pytest.approx(0.5)


def test_the_deviation_leaves_incomplete_repeats_out():
    # Accuracies 1 and 0 of the complete ones: deviation sqrt(1/2).
    assert repeat_deviation([[1, NAN, 0], [1, 1, 0]]) == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize("table", [[[1], [0]], [[1, NAN], [0, 1]], [[1, 1], [NAN, NAN]]])
def test_one_complete_repeat_has_no_deviation(table):
    assert math.isnan(repeat_deviation(table))


def test_the_reason_counts_problems_and_answers():
    table = np.ones((500, 4))
    assert missing_reason(table, "avg@4", 4) == ""
    assert missing_reason(table[:1], "pass@8", 8) == (
        "1 of 1 problem lacks answers: pass@8 needs 8, 4 were drawn"
    )
    table[:3, 1:] = NAN
    assert missing_reason(table, "avg@4", 4) == ("3 of 500 problems lack answers: avg@4 needs 4, 1 was drawn")
    assert missing_reason(table, "pass@8", 8) == (
        "500 of 500 problems lack answers: pass@8 needs 8, 1 to 4 were drawn"
    )
