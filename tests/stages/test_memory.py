"""Peak memory, and memory that was too little."""

import gc
import subprocess
import sys
import weakref

import pytest
import torch
from stage_samples import sample

from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.stages.training.memory import (
    forget_peak_memory,
    free_memory,
    is_out_of_memory,
    out_of_memory_advice,
    peak_memory,
    peak_memory_of_programs,
)


@pytest.mark.slow
def test_peak_memory_is_measured_anew():
    block = bytearray(300 * 2**20)
    high = peak_memory()
    del block
    forget_peak_memory()
    assert peak_memory() < high


@pytest.mark.slow
def test_the_peak_of_a_program_is_its_own():
    block = "b = bytearray(200 * 2**20)"
    subprocess.run([sys.executable, "-c", block], check=True)
    assert peak_memory_of_programs() > 200 * 2**20


class Circle:
    """What only a search for circles finds unused, as a model and its trainer are."""

    def __init__(self):
        self.itself = self


def test_what_nothing_uses_any_more_is_let_go_of():
    left = weakref.ref(Circle())
    free_memory()
    assert left() is None


def test_what_was_imported_is_not_walked_through_again():
    gc.unfreeze()
    free_memory()
    assert gc.get_freeze_count() > 100 * len(gc.get_objects())


SHORTAGES = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory"),
]


def test_torch_says_in_these_words_that_memory_ran_out():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("error", SHORTAGES)
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("train", ["per_device_train_batch_size", "gradient_checkpointing", "engine.gpu_memory_utilization"]),
        ("reference", ["precompute_ref_batch_size", "engine.gpu_memory_utilization"]),
        ("answer_math", ["engine.max_model_len", "engine.tensor_parallel_size"]),
        ("collect", ["engine.max_model_len", "engine.tensor_parallel_size"]),
    ],
)
def test_too_little_memory_comes_with_what_to_change(error, kind, words):
    advice = out_of_memory_advice(sample(kind), error)
    assert [word for word in words if word not in advice] == []
    assert advice.endswith(".")


@pytest.mark.parametrize("name", adapter_names())
def test_smaller_micro_batches_are_called_a_change_of_method_where_they_are_one(name):
    advice = out_of_memory_advice(sample("train", adapter=[name, 1]), MemoryError())
    assert (f"of {name} this is a change of the method" in advice) != load_adapter(name).exact_accumulation
    assert "per_device_train_batch_size" in advice


@pytest.mark.parametrize("error", [ValueError("memory"), RuntimeError("no device"), OSError(28, "full")])
def test_other_errors_get_no_advice_about_memory(error):
    assert out_of_memory_advice(sample("train"), error) == ""
