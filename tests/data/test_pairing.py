from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.data.pairing import RIGHT, RULES, UNFORMATTED, WRONG, pair_up
from lorr_bench.spec.sources import ROW_RULES
from lorr_bench.values import Completion, Prompt


def asked(count: int):
    """Prompts with four right and four wrong answers each, of 0 to 3 tokens."""
    prompts = [Prompt(f"p{i}", f"question {i}", "1") for i in range(count)]
    answers = [
        [Completion(f"{kind}{i}", i, truncated=False) for kind in "rw" for i in range(4)] for _ in prompts
    ]
    return prompts, answers, [[RIGHT] * 4 + [WRONG] * 4] * count


def pairs_of(scores, rule, prompts=40, tokens=None):
    """The pairs of many prompts that share these scores: every random choice shows up."""
    asked = [Prompt(f"p{i}", "q", "1") for i in range(prompts)]
    lengths = tokens or [1] * len(scores)
    answers = [Completion(f"a{i}", lengths[i], truncated=False) for i in range(len(scores))]
    return pair_up(asked, [answers] * prompts, [scores] * prompts, rule, 0)


def chosen(pairs):
    return {pair.chosen for pair in pairs}


def rejected(pairs):
    return {pair.rejected for pair in pairs}


def test_every_rule_of_the_suite_has_a_function():
    assert set(RULES) == set(typing.get_args(ROW_RULES))


def test_one_right_is_paired_with_one_wrong():
    pairs = pair_up(*asked(30), "one_each", 0)
    assert [pair.prompt_index for pair in pairs] == list(range(30))
    assert chosen(pairs) == {"r0", "r1", "r2", "r3"}
    assert rejected(pairs) == {"w0", "w1", "w2", "w3"}
    assert {(pair.chosen_score, pair.rejected_score) for pair in pairs} == {(1.0, 0.0)}


def test_longest_correct_takes_the_most_tokens():
    pairs = pair_up(*asked(30), "longest_correct", 0)
    assert chosen(pairs) == {"r3"}
    assert rejected(pairs) == {"w0", "w1", "w2", "w3"}


@pytest.mark.parametrize("rule", RULES)
def test_pairs_of_a_prompt_do_not_depend_on_the_others(rule):
    prompts, answers, scores = asked(20)
    scores = [[*row[:7], UNFORMATTED] for row in scores]
    many = pair_up(prompts, answers, scores, rule, 5)
    alone = pair_up(prompts[7:8], answers[7:8], scores[7:8], rule, 5)[0]
    assert (alone.chosen, alone.rejected) == (many[7].chosen, many[7].rejected)
    assert pair_up(prompts, answers, scores, rule, 5) == many


@pytest.mark.parametrize("rule", ["one_each", "longest_correct", "best_random"])
def test_the_seed_draws_the_answers(rule):
    assert pair_up(*asked(20), rule, 5) != pair_up(*asked(20), rule, 6)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "scores", [[], [RIGHT], [RIGHT, RIGHT], [WRONG, WRONG], [None, WRONG], [RIGHT, None]]
)
def test_answers_that_are_not_told_apart_give_no_pair(rule, scores):
    assert pairs_of(scores, rule) == []


@pytest.mark.parametrize("rule", RULES)
def test_empty_and_unscored_answers_are_not_used(rule):
    answers = [Completion(text, 1, truncated=False) for text in (" ", "", "right", "slow", "wrong")]
    scores = [RIGHT, WRONG, RIGHT, None, WRONG]
    pair = pair_up([Prompt("p", "q", "1")], [answers], [scores], rule, 0)[0]
    assert (pair.chosen, pair.rejected) == ("right", "wrong")


class TestVerifierLength:
    """Every branch of DPO-VP's rule."""

    def test_the_longest_right_against_a_random_unformatted(self):
        scores = [RIGHT, RIGHT, WRONG, UNFORMATTED, UNFORMATTED]
        pairs = pairs_of(scores, "verifier_length", tokens=[1, 5, 9, 2, 3])
        assert chosen(pairs) == {"a1"}
        assert rejected(pairs) == {"a3", "a4"}
        assert {(pair.chosen_score, pair.rejected_score) for pair in pairs} == {(1.0, -1.0)}

    def test_without_an_unformatted_a_random_wrong_is_rejected(self):
        pairs = pairs_of([RIGHT, WRONG, WRONG], "verifier_length", tokens=[1, 5, 9])
        assert chosen(pairs) == {"a0"}
        assert rejected(pairs) == {"a1", "a2"}

    def test_without_a_right_the_longest_wrong_is_chosen(self):
        pairs = pairs_of([WRONG, WRONG, UNFORMATTED], "verifier_length", tokens=[4, 2, 9])
        assert chosen(pairs) == {"a0"}
        assert rejected(pairs) == {"a2"}

    @pytest.mark.parametrize("scores", [[UNFORMATTED] * 3, [WRONG] * 3, [RIGHT] * 3])
    def test_one_score_alone_gives_no_pair(self, scores):
        assert pairs_of(scores, "verifier_length") == []


def test_best_worst_takes_the_first_of_equals():
    pairs = pairs_of([0.5, 2.0, -1.0, 2.0, -1.0], "best_worst")
    assert {(pair.chosen, pair.rejected, pair.chosen_score, pair.rejected_score) for pair in pairs} == {
        ("a1", "a2", 2.0, -1.0)
    }


def test_best_worst_of_verdicts_is_the_first_right_and_the_first_wrong():
    pairs = pairs_of([WRONG, RIGHT, WRONG, RIGHT], "best_worst")
    assert {(pair.chosen, pair.rejected) for pair in pairs} == {("a1", "a0")}


def test_best_random_draws_among_the_lower():
    pairs = pairs_of([0.5, 2.0, -1.0, 2.0], "best_random")
    assert chosen(pairs) == {"a1"}
    assert rejected(pairs) == {"a0", "a2"}


@pytest.mark.slow
@given(
    st.lists(st.none() | st.sampled_from([-1.0, 0.0, 1.0]), max_size=6),
    st.sampled_from(sorted(RULES)),
    st.integers(0, 5),
)
def test_a_chosen_answer_always_scores_higher(scores, rule, seed):
    answers = [Completion(f"a{i}", i, truncated=False) for i in range(len(scores))]
    for pair in pair_up([Prompt("p", "q", "1")], [answers], [scores], rule, seed):
        assert pair.chosen_score > pair.rejected_score
        assert scores[int(pair.chosen[1:])] == pair.chosen_score
        assert scores[int(pair.rejected[1:])] == pair.rejected_score
