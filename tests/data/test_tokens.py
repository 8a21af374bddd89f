"""Texts to tokens: where responses begin, end and are cut."""

import pytest

from lorr_bench.data.tokens import TokenPair, TokenResponse, common_length, tokenize_pairs, tokenize_responses
from lorr_bench.errors import DataError
from lorr_bench.values import Demonstration, Pair


class Letters:
    """A letter is its code, ``.`` the end; ``ab`` merges into one token, as subword tokenizers do."""

    eos_token = "."

    def __call__(self, texts):
        return {"input_ids": [[ord(token) for token in text.replace("ab", "Ω")] for text in texts]}


def ids(text):
    return Letters()([text])["input_ids"][0]


def test_a_pair_is_prompt_and_two_ended_responses():
    (pair,) = tokenize_pairs([Pair("p", "xy", "cd", "e", 0)], Letters(), 9)
    assert pair == TokenPair(ids("xy"), ids("cd."), ids("e."))


def test_an_end_that_is_there_is_not_added_again():
    (pair,) = tokenize_pairs([Pair("p", "xy", "c.", "d", 0)], Letters(), 9)
    assert pair.chosen == ids("c.")


def test_the_end_at_which_the_model_stopped_comes_before_the_tokenizers_own():
    (pair,) = tokenize_pairs([Pair("p", "xy", "c", "d", 0, chosen_end="!", rejected_end="")], Letters(), 9)
    assert pair == TokenPair(ids("xy"), ids("c!"), ids("d."))


def test_a_response_that_was_never_finished_has_no_end():
    (pair,) = tokenize_pairs([Pair("p", "xy", "c", "d", 0, rejected_truncated=True)], Letters(), 9)
    assert pair == TokenPair(ids("xy"), ids("c."), ids("d"))


def test_where_a_token_merges_with_the_prompt_both_responses_begin_before_it():
    (pair,) = tokenize_pairs([Pair("p", "xa", "b", "c", 0)], Letters(), 9)
    assert pair == TokenPair(ids("x"), ids("ab."), ids("ac."))


def test_long_responses_are_cut():
    (pair,) = tokenize_pairs([Pair("p", "xy", "cdefg", "h", 0)], Letters(), 4)
    assert pair == TokenPair(ids("xy"), ids("cd"), ids("h."))


def test_a_response_follows_the_rules_of_pairs():
    found = tokenize_responses([Demonstration("xa", "b"), Demonstration("xy", "cdefg")], Letters(), 4)
    assert found == [TokenResponse(ids("x"), ids("ab.")), TokenResponse(ids("xy"), ids("cd"))]


def test_nothing_gives_nothing():
    assert tokenize_pairs([], Letters(), 4) == []
    assert tokenize_responses([], Letters(), 4) == []


@pytest.mark.parametrize("prompt", ["xyzw", "xyzwv"])
def test_prompts_without_room_for_a_response_are_an_error(prompt):
    with pytest.raises(DataError, match="1 of 2 prompts alone reach max_length = 4"):
        tokenize_responses([Demonstration(prompt, "c"), Demonstration("x", "d")], Letters(), 4)
    with pytest.raises(DataError, match="1 of 1 prompts"):
        tokenize_pairs([Pair("p", prompt, "c", "d", 0)], Letters(), 4)


@pytest.mark.parametrize(("first", "second", "length"), [("", "a", 0), ("xy", "xz", 1), ("xy", "xyz", 2)])
def test_common_beginnings_are_counted(first, second, length):
    assert common_length(first, second) == length
