"""Tokens of a stage, from what it hands back."""

import pytest

from lorr_bench.plan.kinds.registry import KINDS


def test_a_training_counts_what_it_trained_on_and_what_its_method_generated():
    counted = {"train_tokens": 700, "generated_tokens": 30, "optimizer_steps": 5}
    spend = {"train_tokens": 9000, "generated_tokens": 800}
    assert KINDS["train"].tokens({"counted": counted}, spend) == 730


def test_answers_count_their_tokens():
    assert KINDS["answer_math"].tokens({"tokens": 41, "answers": 3}, {}) == 41


@pytest.mark.parametrize("kind", ["collect", "refresh"])
def test_collected_answers_count_their_tokens(kind):
    assert KINDS[kind].tokens({}, {"generated_tokens": 12, "prompts": 4}) == 12


@pytest.mark.parametrize(
    "kind", ["grade_math", "evaluate_general", "contamination", "import_pairs", "refresh"]
)
def test_a_stage_that_counts_nothing_has_none(kind):
    assert KINDS[kind].tokens({"answers": 3}, {}) == 0
