"""Which rows fit a length, by a tokenizer whose tokens are letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.data.fitting import (
    ROWS_AT_ONCE,
    LeftOut,
    fit_demonstrations,
    fit_pairs,
    fit_prompts,
    named_rows,
    pair_lengths,
    quantile,
)
from lorr_bench.values import Demonstration, Pair, Prompt


class Letters:
    """A letter is its code, ``.`` the end."""

    eos_token = "."

    def __call__(self, texts):
        return {"input_ids": [[ord(letter) for letter in text] for text in texts]}


def pair(name, prompt, chosen, rejected):
    return Pair(name, prompt, chosen, rejected, 0)


def fit(*pairs, max_length=4, wanted=9):
    return fit_pairs(pairs, Letters(), max_length, wanted)


def test_a_prompt_that_fills_the_length_leaves_its_pair_out():
    fitted = fit(
        pair("room", "xyz", "c", "r"), pair("full", "xyzw", "c", "r"), pair("over", "xyzwv", "c", "r")
    )
    assert [kept.id for kept in fitted.pairs] == ["room"]
    assert fitted.long_prompts == [LeftOut("full", 4), LeftOut("over", 5)]
    assert fitted.left_out == 2


def test_responses_that_share_what_fits_are_no_pair():
    """Two letters of each response fit: ``cde`` and ``cdf`` are then the same."""
    fitted = fit(pair("same", "xy", "cde", "cdf"), pair("other", "xy", "cde", "cef"))
    assert [kept.id for kept in fitted.pairs] == ["other"]
    assert fitted.equal == [LeftOut("same", 2 + 3 + 1)]


def test_a_response_that_is_the_beginning_of_the_other_is_told_apart_by_its_end():
    assert fit(pair("p", "xy", "c", "cd")).pairs
    assert not fit(pair("p", "xy", "cd", "cde")).pairs  # the end of the first does not fit either


@pytest.mark.parametrize(
    ("chosen", "rejected", "cut"),
    [("c", "r", (False, False)), ("cd", "r", (True, False)), ("c", "rst", (False, True))],
)
def test_cut_responses_are_told(chosen, rejected, cut):
    """Two letters of prompt and four in all: a letter and the end fit, two letters lose their end."""
    fitted = fit(pair("p", "xy", chosen, rejected))
    assert (fitted.chosen_cut, fitted.rejected_cut) == ([cut[0]], [cut[1]])


def test_nothing_behind_the_last_wanted_pair_is_looked_at():
    pairs = [pair("long", "xyzw", "c", "r"), *(pair(str(i), "x", "c", "r") for i in range(3))]
    fitted = fit(*pairs, pair("late", "xyzwv", "c", "r"), wanted=2)
    assert ([kept.id for kept in fitted.pairs], fitted.seen) == (["0", "1"], 3)
    assert fitted.long_prompts == [LeftOut("long", 4)]
    assert fit(*pairs, wanted=0).seen == 0


@pytest.mark.slow
@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 9), st.integers(0, 9))
def test_a_smaller_budget_is_the_beginning_of_a_larger_one(lengths, small, more):
    pairs = [pair(str(i), "x" * length, "c", "r") for i, length in enumerate(lengths)]
    first, both = fit(*pairs, wanted=small).pairs, fit(*pairs, wanted=small + more).pairs
    assert both[: len(first)] == first
    assert len(both) == min(small + more, sum(length < 4 for length in lengths))


def test_many_pairs_are_looked_at_in_parts():
    pairs = [pair(str(i), "x" * (i % 2 * 4), "c", "r") for i in range(3 * ROWS_AT_ONCE)]
    fitted = fit(*pairs, wanted=ROWS_AT_ONCE + 1)
    assert [kept.id for kept in fitted.pairs] == [str(2 * i) for i in range(ROWS_AT_ONCE + 1)]
    assert fitted.seen == 2 * ROWS_AT_ONCE + 1


def test_demonstrations_follow_the_same_rule_and_count_once_after_cutting():
    rows = [
        Demonstration("xy", "c"),
        Demonstration("xy", "cde"),
        Demonstration("xy", "cdf"),  # `cd` remains of both
        Demonstration("xyzw", "c"),
    ]
    fitted = fit_demonstrations(rows, Letters(), 4)
    assert fitted.rows == rows[:2]
    assert (fitted.cut, fitted.repeated, fitted.long_prompts) == (1, 1, [LeftOut("xyzw", 4)])
    assert fit_demonstrations([], Letters(), 4).rows == []


def test_prompts_must_leave_room():
    rows = [Prompt("short", "xyz", "1"), Prompt("long", "xyzw", "1")]
    fitted = fit_prompts(rows, Letters(), 4)
    assert (fitted.rows, fitted.long_prompts) == (rows[:1], [LeftOut("long", 4)])


def test_the_first_rows_are_named_with_their_lengths():
    rows = [LeftOut(f"row-{i}", 1000 + i) for i in range(7)]
    assert named_rows(rows[:2]) == "row-0 (1,000 tokens), row-1 (1,001 tokens)"
    assert named_rows(rows).endswith("row-4 (1,004 tokens) and 2 more")


def test_lengths_are_those_of_the_prompt_and_of_the_longer_response_with_its_end():
    found = pair_lengths([pair("b", "xyz", "c", "rrr"), pair("a", "x", "cc", "r")], Letters())
    assert (found.prompts, found.longer) == ([1, 3], [4, 7])


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 10), (25, 10), (26, 20), (50, 20), (95, 40), (100, 40)]
)
def test_a_quantile_is_the_smallest_that_so_many_do_not_exceed(percent, expected):
    assert quantile([10, 20, 30, 40], percent) == expected
