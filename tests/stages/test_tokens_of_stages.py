"""Tokens of a stage, from what it hands back."""

import pytest

from lorr_bench.stages.tokens import tokens_of
from lorr_bench.store.record import Outcome


def test_a_training_counts_what_it_trained_on_and_what_its_method_generated():
    counted = {"train_tokens": 700, "generated_tokens": 30, "optimizer_steps": 5}
    outcome = Outcome(metrics={"counted": counted}, spend={"train_tokens": 9000, "generated_tokens": 800})
    assert tokens_of("train", outcome) == 730


def test_answers_count_their_tokens():
    assert tokens_of("answer_math", Outcome(metrics={"tokens": 41, "answers": 3})) == 41


@pytest.mark.parametrize("kind", ["collect", "refresh"])
def test_collected_answers_count_their_tokens(kind):
    assert tokens_of(kind, Outcome(spend={"generated_tokens": 12, "prompts": 4})) == 12


@pytest.mark.parametrize(
    "kind", ["grade_math", "evaluate_general", "contamination", "import_pairs", "refresh"]
)
def test_a_stage_that_counts_nothing_has_none(kind):
    assert tokens_of(kind, Outcome(metrics={"answers": 3})) == 0
