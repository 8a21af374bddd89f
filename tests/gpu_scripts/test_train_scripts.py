"""The training scripts of ``benchmarks/gpu`` at toy size, on a CPU."""

import importlib
import sys
from pathlib import Path

import pytest

GPU_SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "gpu"

pytestmark = pytest.mark.slow


@pytest.fixture
def measured(monkeypatch):
    """What a script returns at toy size; raises where something is wrong."""
    monkeypatch.syspath_prepend(GPU_SCRIPTS)

    def measure(name):
        script = importlib.import_module(name)
        return script.measure(importlib.import_module("script").Options(toy=True, device="cpu"))

    yield measure
    for name in ("jobs", "script", "random_models", "training_speed"):
        sys.modules.pop(name, None)


def test_long_log_probabilities_are_float32_where_weights_are_sharded(measured):
    assert "trl off by" in measured("train_fsdp_precision")


def test_nothing_is_left_of_a_training(measured):
    assert measured("train_twice").count(": 0 models, 0 optimizers, 0 MiB") == 4


def test_packed_batches_answer_as_single_responses_do(measured):
    assert "masked: off by" in measured("train_packing")


def test_a_continued_training_ends_at_the_same_bits(measured):
    assert measured("train_continue") == "native: the same bits; trl: the same bits"


def test_the_plan_says_what_each_training_takes(measured):
    said = measured("train_memory")
    assert [part.split(":")[0] for part in said.split("; ")] == [
        "native.dpo",
        "trl.dpo",
        "native.orpo",
        "trl.orpo",
    ]


def test_speeds_of_all_variants_are_said(measured):
    said = measured("train_speed")
    assert [name for name in ("TRL by hand", "TRL adapter", "native") if f"{name} " in said] == [
        "TRL by hand",
        "TRL adapter",
        "native",
    ]
