"""GRPO and RLOO with the suite's engine: each answer comes from the weights of its update, by transformers."""

import dataclasses
import json
import os
from pathlib import Path

import pytest
from installed import needs_vllm
from training_rows import training_rows
from warm_process import run_warm

from lorr_bench.plan.identity.origins import NANO_MODEL

pytestmark = [pytest.mark.slow, needs_vllm]

ROUNDING = 1e-4
"""Nats by which two programs in float32 differ on this model at most."""
MOVED = 1e-3
"""A weight that moves so far moves log-probabilities beyond rounding."""


@pytest.fixture(scope="module")
def found(nano_pairs, tmp_path_factory):
    """What came of the trainings, by name, of a model that is right now and then; its output head is tied."""
    work = tmp_path_factory.mktemp("colocated")
    rows = [dataclasses.asdict(row) for row in training_rows("prompts", nano_pairs[:12])]
    (work / "prompts.json").write_text(json.dumps(rows), "utf-8")
    script = Path(__file__).with_name("colocated_work.py")
    words = [script, NANO_MODEL, work, work / "prompts.json", work / "found.json"]
    done = run_warm(*words, environment={**os.environ, "VLLM_CPU_OMP_THREADS_BIND": "nobind"})
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((work / "found.json").read_text("utf-8"))


@pytest.mark.parametrize("method", ["grpo", "grpo, lora", "rloo"])
def test_each_answer_comes_from_the_weights_of_its_update(found, method):
    assert found[method]["steps"] == 6
    assert len(found[method]["drawn"]) == 6 * 8
    assert found[method]["moved"] > MOVED
    assert found[method]["apart"] < ROUNDING


def test_a_tied_head_left_as_it_was_would_be_seen(found):
    assert found["the head left as it was"]["apart"] > 10 * ROUNDING


def test_the_same_seed_draws_and_learns_the_same(found):
    assert found["grpo again"] == found["grpo"]


def test_answers_to_one_prompt_are_drawn_apart(found):
    first = found["grpo"]["drawn"][:4]
    assert len({tuple(tokens) for tokens in first}) > 1


def test_generated_tokens_are_those_of_the_engine(found):
    assert found["grpo"]["generated"] == sum(map(len, found["grpo"]["drawn"]))


def test_a_context_too_short_for_prompt_and_answer_is_refused(found):
    assert found["refused"].startswith("DataError")
    assert "the engine's context is 128" in found["refused"]
