"""What a suite can say about prompts and scores."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from lorr_bench.spec.evaluation import MathBenchmark
from lorr_bench.spec.sources import COLUMN_PRESETS, CollectSpec, ColumnNames, PairFileSpec, PromptSpec

COLLECT = {"source": "nano/train", "num_prompts": 10, "max_tokens": 32}
REWARD_MODEL = {"path": "owner/model", "revision": "abc"}


@pytest.mark.parametrize("pattern", ["boxed", "#### (.*)", "(?:so|thus) (.*)", None])
def test_an_answer_pattern_has_one_group(pattern):
    assert PromptSpec(source="x.jsonl", answer_pattern=pattern).answer_pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("#### .*", "exactly one group in parentheses, has 0"),
        ("(a)(b)", "exactly one group in parentheses, has 2"),
        ("(", "neither `boxed` nor a regular expression"),
    ],
)
def test_other_patterns_are_refused(pattern, fault):
    with pytest.raises(ValidationError, match=fault):
        PromptSpec(source="x.jsonl", answer_pattern=pattern)


def test_a_reward_model_reads_no_answers_unless_told_to():
    scored = {**COLLECT, "reward_model": REWARD_MODEL, "pair_rule": "best_worst"}
    assert CollectSpec(**scored).answer_column is None
    assert CollectSpec(**scored, answer_column="answer").answer_column == "answer"
    assert CollectSpec(**COLLECT).answer_column == "answer"


def test_a_collection_extends_smaller_ones():
    assert CollectSpec(**COLLECT).extends == ()
    assert CollectSpec(**COLLECT, extends=[4, 9]).extends == (4, 9)


@pytest.mark.parametrize(
    ("numbers", "fault"),
    [
        ([10], r"`num_prompts: 10` must be above `extends: \[10\]`"),
        ([4, 12], r"`num_prompts: 10` must be above `extends: \[4, 12\]`"),
        ([9, 4], "must rise, without repeats"),
        ([0], "greater than 0"),
    ],
)
def test_other_extensions_are_refused(numbers, fault):
    with pytest.raises(ValidationError, match=fault):
        CollectSpec(**COLLECT, extends=numbers)


def test_the_verifier_needs_answers():
    with pytest.raises(ValidationError, match="the verifier needs right answers"):
        CollectSpec(**COLLECT, answer_column=None)


def test_a_benchmark_needs_answers():
    with pytest.raises(ValidationError, match="answers can't be graded without the right one"):
        MathBenchmark(name="easy", source="x.jsonl", max_tokens=32, answer_column=None)


@pytest.mark.parametrize("rule", ["one_each", "longest_correct", "verifier_length"])
def test_a_reward_model_does_not_serve_rules_of_right_and_wrong(rule):
    with pytest.raises(ValidationError, match=f"pair_rule: {rule}.*choose `best_worst` or `best_random`"):
        CollectSpec(**COLLECT, reward_model=REWARD_MODEL, pair_rule=rule)


@pytest.mark.parametrize("rule", ["best_worst", "best_random"])
def test_rules_of_scores_serve_both_scorers(rule):
    assert CollectSpec(**COLLECT, pair_rule=rule).pair_rule == rule
    assert CollectSpec(**COLLECT, pair_rule=rule, reward_model=REWARD_MODEL).pair_rule == rule


def test_every_name_of_columns_stands_for_something():
    assert set(COLUMN_PRESETS) == set(get_args(ColumnNames))


def test_what_is_said_beside_the_name_of_columns_goes_before():
    spec = PairFileSpec(source="x.jsonl", columns="orca_dpo", prompt_column="q")
    assert (spec.prompt_column, spec.system_column, spec.chat_template) == ("q", "system", True)


def test_an_unknown_name_of_columns_is_refused_with_those_there_are():
    with pytest.raises(ValidationError, match="'distilabel_orca', 'hh_rlhf'"):
        PairFileSpec(source="x.jsonl", columns="orca")


def test_a_system_turn_needs_the_template():
    with pytest.raises(ValidationError, match="add `chat_template: true`, or leave it out"):
        PairFileSpec(source="x.jsonl", system_column="system")
