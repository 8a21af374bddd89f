"""What fits on devices, by sums that are made here by hand."""

import pytest

from lorr_bench.draft.training import Fitting, workers_that_fit
from lorr_bench.forecast.devices import DEVICES
from lorr_bench.forecast.machine import main_memory
from lorr_bench.forecast.memory import ASLEEP_BYTES, Machine
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.ports.registry import load_adapter

GIB = 1 << 30
H100 = DEVICES["h100-80gb"].memory_bytes
GPU = ASLEEP_BYTES + 10_400_000_000
WIDE = ASLEEP_BYTES + 85_000_000_000
"""Bytes of a GPU that holds the training of the small one while the engine sleeps, and not beside one awake."""
SMALL, LARGE = "meta-llama/Llama-3.2-3B-Instruct", "Qwen/Qwen2.5-7B-Instruct"
PARAMETERS = {SMALL: 3_212_749_824, LARGE: 7_615_616_512}


def fit(model, machine, pairs=8000, method="native.dpo", max_length=1024):
    size = None if model is None else read_model_size(model)
    fitting = Fitting(size, machine, load_adapter(method), max_length=max_length, context=max_length + 64)
    return fitting.fit(pairs)


def test_a_processor_trains_in_float32():
    found = fit(SMALL, Machine((), 200 * GIB))
    assert (found.dtype, found.training.mixed, found.share, found.fits) == ("float32", False, None, True)


def test_all_weights_of_3b_are_trained_where_weights_gradients_and_moments_have_room():
    found = fit(SMALL, Machine((WIDE,), 0))
    assert (found.dtype, found.training.mixed, found.training.lora) == ("float32", True, None)
    # Weights, gradients and two moments in float32, 20 % of margin.
    assert (1 - found.share) * WIDE < 16 * PARAMETERS[SMALL] * 1.2 < WIDE - ASLEEP_BYTES
    assert (found.share, found.fits) == (0.45, True)


def test_an_engine_that_needs_more_than_the_usual_share_has_it():
    """15.2 GB of weights are more than 0.45 of 25.8 GB, and what vLLM takes at once comes to them."""
    found = fit(LARGE, Machine((24 * GIB,), 0))
    assert (found.share, found.fits) == (0.75, True)


def test_an_adapter_is_trained_where_all_weights_have_no_room():
    assert 16 * PARAMETERS[LARGE] > H100
    found = fit(LARGE, Machine((H100,), 0))
    assert (found.dtype, found.training.mixed, found.fits) == ("bfloat16", False, True)
    assert found.training.lora is not None
    assert found.peak > 2 * PARAMETERS[LARGE]


def test_where_nothing_fits_the_least_is_taken_and_said():
    found = fit(LARGE, Machine((8 * GIB,), 0))
    assert (found.fits, found.rows, found.training.checkpointing) == (False, 1, True)


def test_a_model_of_unknown_size_is_trained_in_the_smallest_batches():
    found = fit(None, Machine((H100,), 0))
    assert (found.fits, found.peak, found.rows, found.accumulation) == (None, None, 1, 64)
    assert found.training.checkpointing


@pytest.mark.parametrize(
    ("pairs", "batch"), [(20, 4), (100, 4), (127, 4), (128, 8), (1023, 32), (1024, 64), (8000, 64)]
)
def test_a_pass_has_sixteen_steps_where_the_pairs_are_enough(pairs, batch):
    found = fit(SMALL, Machine((), 2000 * GIB), pairs)
    assert found.rows * found.accumulation == batch


def test_a_method_whose_loss_depends_on_the_micro_batch_gets_no_smaller_one():
    found = fit(LARGE, Machine((8 * GIB,), 0), method="native.kto")
    assert (found.rows, found.accumulation) == (4, 16)


def test_a_reference_that_has_no_room_in_the_default_batch_gets_a_smaller_one():
    """Of 32 rows 16 pass at once, by the limit of tokens: fewer are asked for where these have no room."""
    found = fit(SMALL, Machine((GPU,), 0))

    def needed(rows):
        """With 20 % of margin: weights in bfloat16, two sequences a row through one block, pieces of logits."""
        block = rows * 2 * 1024 * 2 * (2 * 3072 + 3 * 8192)
        return (2 * PARAMETERS[SMALL] + block + 3 * 4 * (1 << 26)) * 1.2

    assert needed(16) > GPU - ASLEEP_BYTES > needed(8)
    assert (found.reference_rows, found.fits) == (8, True)
    assert fit(SMALL, Machine((WIDE,), 0)).reference_rows is None


def test_a_method_without_a_reference_says_nothing_of_one():
    assert fit(LARGE, Machine((24 * GIB,), 0), method="native.sft").reference_rows is None


def test_stages_side_by_side_are_as_many_as_the_memory_holds():
    found = fit(SMALL, Machine((), 200 * GIB))
    needed = found.peak * 1.5
    assert workers_that_fit(Machine((), int(2.5 * needed)), found, cores=8, usual=8) == 2
    assert workers_that_fit(Machine((), int(0.9 * needed)), found, cores=8, usual=8) == 1
    assert workers_that_fit(Machine((), int(8.5 * needed)), found, cores=16, usual=8) is None
    assert workers_that_fit(Machine((H100,), main_memory()), found, cores=16, usual=8) is None
