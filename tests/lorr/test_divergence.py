"""Values that are no numbers end a training, whatever holds them."""

import math

import pytest
import torch

from lorr_bench.errors import DivergedError
from lorr_bench.lorr.divergence import check_tensor, check_values, check_weights
from lorr_bench.lorr.loop import ReplayLoop

NO_NUMBERS = [math.nan, math.inf, -math.inf]


def test_numbers_pass():
    check_values({"loss": 1e308, "grad_norm": 0.0})
    check_weights(torch.nn.Linear(2, 2))
    check_tensor("counts", torch.arange(3))


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_the_value_that_is_no_number_is_named_with_advice(value):
    with pytest.raises(DivergedError, match=f"training diverged: grad_norm is {value}") as caught:
        check_values({"loss": 1.0, "grad_norm": value})
    assert [
        word for word in ("learning_rate", "max_grad_norm", "dtype") if word not in caught.value.fix
    ] == []


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_the_weight_that_is_no_number_is_named(value):
    layer = torch.nn.Linear(2, 2)
    layer.bias.data[1] = value
    with pytest.raises(DivergedError, match="training diverged: bias holds values that are no numbers"):
        check_weights(layer)
    with pytest.raises(DivergedError, match="training diverged: head holds"):
        check_tensor("head", torch.tensor([1.0, value]))


def test_it_is_not_tried_again():
    assert not DivergedError("training diverged").may_pass


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_diagnostics_that_are_no_numbers_end_the_replay_before_its_reset(value):
    class Probe:
        def start(self, model):
            pass

        def measure(self, model):
            return {"entropy": 1.0, "kl_to_start": value}

    loop = ReplayLoop(rows=1, seed=0, sft_weights=(0.0,), reset=None, probe=Probe())
    with pytest.raises(DivergedError, match="kl_to_start"):
        loop.finish(1, None, None)
    assert loop.diagnostics == []
