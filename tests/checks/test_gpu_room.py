"""Whether training has room on a GPU, beside an engine or in turns with it, and that the advised change gives it."""

import os
from pathlib import Path

import pytest

from lorr_bench.checks.gpu_room import Change, room_line
from lorr_bench.forecast.devices import read_devices
from lorr_bench.forecast.forecast import estimate_plan
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store

SUITES = Path(__file__).parents[2] / "suites"


@pytest.fixture
def told(tmp_path):
    """What is said of a suite on some devices."""

    def tell(suite, devices, *overrides):
        plan = make_plan(load_suite(SUITES / f"{suite}.yaml", overrides))
        asked = read_devices(devices) if devices else None
        return room_line(plan, estimate_plan(plan, Store(tmp_path / "store"), os.environ, asked))

    return tell


HALVES = ("execution.executor=ray", *(f"execution.resources.{pool}.gpus=0.5" for pool in ("train", "engine")))
"""Of a GPU, for a training and an engine beside it."""


@pytest.mark.slow
def test_a_smaller_share_of_the_engine_is_the_smallest_change_where_it_is_enough(told):
    """Of ORPO with three pairs: 88.7 GiB and a fifth are 106.4; an H200 has 112.3 at 0.2, 105.3 at 0.25."""
    three = "methods.dpo.per_device_train_batch_size=3"
    line = told("paper/main_table", "h200-141gb", three, *HALVES)
    assert line.startswith("Memory: 6 of 17 arms do not fit on one H200 141 GB beside its engine: ")
    assert line.endswith("Smallest change that fits: engine.gpu_memory_utilization: 0.20.")
    smaller = (three, *HALVES, "engine.gpu_memory_utilization=0.20")
    assert "every arm trains on one H200 141 GB beside its engine" in told(
        "paper/main_table", "h200-141gb", *smaller
    )


@pytest.mark.slow
def test_in_turns_with_the_engine_its_share_is_no_matter_for_training(told):
    three = "methods.dpo.per_device_train_batch_size=3"
    line = told("paper/main_table", "h200-141gb", three, "engine.gpu_memory_utilization=0.9")
    assert line.startswith("Memory: every arm trains on one H200 141 GB; ")


def changed(**settings):
    """Overrides of DPO's settings."""
    return [f"methods.dpo.{name}={value}" for name, value in settings.items()]


LARGE_SHARE = ("engine.tensor_parallel_size=2", "engine.gpu_memory_utilization=0.35")


@pytest.mark.slow
def test_a_smaller_micro_batch_with_the_same_batch(told):
    eight = changed(per_device_train_batch_size=8, gradient_accumulation_steps=2)
    line = told("paper/iterative_math", "h100-80gb:4", *LARGE_SHARE, *eight)
    assert "4 of 4 arms do not fit on one H100 80 GB" in line
    assert line.endswith(
        "Smallest change that fits: per_device_train_batch_size divided by 2 in every method; "
        "gradient_accumulation_steps times 2, for the same batches."
    )
    half = changed(per_device_train_batch_size=4, gradient_accumulation_steps=4)
    assert "every arm trains" in told("paper/iterative_math", "h100-80gb:4", *LARGE_SHARE, *half)


def test_more_gpus_are_named_where_those_asked_about_are_too_few(told):
    line = told("paper/main_table", "h100-80gb:1")
    assert "16 of 17 arms do not fit" in line
    assert "On 2 of them this fits: training: {num_processes: 2, sharding: fsdp}; " in line
    assert "Of kto a smaller micro-batch is a change of the method" in line


@pytest.mark.slow
def test_what_is_advised_fits(told):
    batches = [f"methods.{name}.per_device_train_batch_size=1" for name in ("dpo", "sft")]
    changes = [*batches, "methods.kto.per_device_train_batch_size=4"]
    changes += ["training.num_processes=2", "training.sharding=fsdp"]
    assert "every arm trains" in told("paper/main_table", "h100-80gb:2", *changes)
    assert "do not fit" in told("paper/main_table", "h100-80gb:2", *changes[:-2])


def test_a_training_that_takes_more_gpus_than_there_are_is_told(told):
    assert "A training takes 4 GPUs (training.num_processes), here: 1." in told(
        "paper/iterative_math", "h100-80gb:1"
    )


def test_what_nothing_makes_fit_gets_another_way_out(told):
    line = told("paper/iterative_math", "rtx-3090:4")
    # Qwen2.5-7B in float32, and keys and values of 4,096 tokens: 30.47 GB and 0.47 GB. Beside that a block of
    # 8,192 tokens, 4 · 3 · (3,584 + 18,944) bytes each, and 256 · 152,064 logits of 28: 2.21 GB and 1.09 GB.
    assert "The engine itself needs 31.9 GiB, its share is 9.6 GiB." in line
    assert line.endswith("train an adapter (lora), or take larger GPUs.")


def test_checkpointing_is_advised_where_it_is_off(told):
    changes = changed(gradient_checkpointing="false", per_device_train_batch_size=1)
    line = told("paper/iterative_math", "a100-80gb:4", *LARGE_SHARE, *changes)
    assert "Smallest change that fits: gradient_checkpointing: true in every method." in line


def test_a_suite_that_fits_says_so(told):
    assert told("smoke", "rtx-3090").startswith("Memory: every arm trains on one RTX 3090; ")


def test_nothing_is_said_without_gpus(told, monkeypatch):
    monkeypatch.setattr("lorr_bench.forecast.machine.gpu_memory", lambda own: ())
    assert told("smoke", None) == ""


def test_fewer_micro_batches_make_up_for_more_processes():
    change = Change(processes=4, processes_before=1, divisor=1)
    assert str(change) == (
        "training: {num_processes: 4, sharding: fsdp}; gradient_accumulation_steps divided by 4, for the same "
        "batches"
    )


@pytest.mark.slow
def test_in_turns_a_share_too_small_for_the_engine_grows(told):
    """19.2 GiB are 0.137 of the GPU: the next twentieth is 0.15."""
    line = told("paper/main_table", "h200-141gb", "engine.gpu_memory_utilization=0.05")
    assert "The engine itself needs 19.2 GiB, its share is 7.02 GiB." in line
    assert line.endswith("Smallest change that fits: engine.gpu_memory_utilization: 0.15.")
