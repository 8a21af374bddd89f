"""A training that ran into values that are no numbers: one lasting error, and no checkpoints left."""

import math

import pytest
import torch
from safetensors.torch import save_file

from lorr_bench.data.pairs import write_pairs
from lorr_bench.errors import DivergedError
from lorr_bench.stages.training.finite import check_finite
from lorr_bench.stages.training.train import train


def write(folder, name, **tensors):
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / name)


def test_a_model_of_numbers_passes(tmp_path):
    write(tmp_path, "model.safetensors", a=torch.ones(2), b=torch.arange(3))
    check_finite(tmp_path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_tensor_that_diverged_is_named(tmp_path, value, dtype):
    bad = torch.zeros(3, dtype=dtype)
    bad[1] = value
    write(tmp_path, "model-1.safetensors", embed=torch.ones(2))
    write(tmp_path, "model-2.safetensors", norm=bad)
    with pytest.raises(DivergedError, match="training diverged: norm holds values that are no numbers"):
        check_finite(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
@pytest.mark.parametrize(
    ("name", "processes", "batch"),
    [  # a batch of 4 leaves a further loss to notice it, one of all 10 rows only the saved model
        ("trl.sft", [1, None], 4),
        ("trl.sft", [1, None], 10),
        ("native.sft", [1, None], 4),
        ("native.sft", [1, None], 10),
        ("trl.sft", [2, "ddp"], 4),  # the saved model is looked at outside of the ranks
    ],
)
def test_a_method_at_an_absurd_learning_rate_diverges(  # noqa: PLR0917
    training, finished, small_model, nano_pairs, name, processes, batch
):
    collection = finished("collection")
    write_pairs(collection / "pairs.jsonl", nano_pairs)
    batch //= processes[0]
    task = training(
        {"pairs": collection},
        {"model_path": str(small_model), "save_steps": 1},
        adapter=[name, 1],
        hyperparameters={
            "learning_rate": 1e38,
            "max_grad_norm": 0,
            "per_device_train_batch_size": batch,
        },
        sft_weights=[0.0],
        stop_after=1,
        processes=processes,
    )
    with pytest.raises(DivergedError, match="training diverged") as caught:
        train(task)
    assert caught.value.where == task.stage.label
    assert not caught.value.may_pass  # so that it is not tried again
    assert "learning_rate" in caught.value.fix
    assert "dtype" in caught.value.fix
    assert not task.scratch.exists()  # its checkpoints hold the same
