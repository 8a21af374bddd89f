"""A model that training has driven to infinity is refused."""

import math

import pytest
import torch
from safetensors.torch import save_file

from lorr_bench.data.pairs import write_pairs
from lorr_bench.errors import StageError
from lorr_bench.stages.finite import check_finite
from lorr_bench.stages.train import train


def write(folder, name, **tensors):
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / name)


def test_a_model_of_numbers_passes(tmp_path):
    write(tmp_path, "model.safetensors", a=torch.ones(2), b=torch.arange(3))
    check_finite(tmp_path, "train dpo")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_tensor_that_diverged_is_named(tmp_path, value, dtype):
    bad = torch.zeros(3, dtype=dtype)
    bad[1] = value
    write(tmp_path, "model-1.safetensors", embed=torch.ones(2))
    write(tmp_path, "model-2.safetensors", norm=bad)
    with pytest.raises(
        StageError, match="training diverged: norm holds values that are no numbers"
    ) as caught:
        check_finite(tmp_path, "train dpo+lorr, seed 3")
    assert caught.value.where == "train dpo+lorr, seed 3"
    assert "learning_rate" in caught.value.fix
    assert "dtype" in caught.value.fix


@pytest.mark.slow
def test_a_method_at_an_absurd_learning_rate_diverges(training, finished, small_model, nano_pairs):
    collection = finished("collection")
    write_pairs(collection / "pairs.jsonl", nano_pairs)
    task = training(
        {"pairs": collection},
        {"model_path": str(small_model), "save_steps": 1},
        adapter=["trl.sft", 1],
        hyperparameters={"learning_rate": 1e38, "max_grad_norm": 0},
        sft_weights=[0.0],
        stop_after=1,
    )
    with pytest.raises(StageError, match="training diverged") as caught:
        train(task)
    assert caught.value.where == task.stage.label
    assert not task.scratch.exists()  # its checkpoints hold the same
