"""The native backend on a GPU, with and without fused kernels."""

import importlib.util

import pytest
import torch
from lorr_bench_adapters.native.methods import DPO
from safetensors.torch import load_file

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.ports.trainer import StartModel, TrainJob

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator"),
]


@pytest.fixture
def train(small_model, nano_pairs, tmp_path):
    def run(name, **settings):
        hyperparameters = DPO.hyperparameters.model_validate(
            {"learning_rate": 1e-3, "per_device_train_batch_size": 8, "max_length": 96, **settings}
        )
        start = StartModel(str(small_model), None, "float32", trust_remote_code=False)
        reference = tmp_path / f"{name}.parquet"
        DPO().reference(start, nano_pairs, hyperparameters, reference)
        job = TrainJob(
            model=start,
            reference=reference,
            rows=nano_pairs,
            output=tmp_path / name,
            checkpoints=tmp_path / f"{name}-checkpoints",
            save_steps=2,
            stop_after=2,
            seed=3,
            loop=ReplayLoop(rows=40, seed=3, sft_weights=(0.0, 0.1), reset=None),
            hyperparameters=hyperparameters,
            progress=lambda *_: None,
        )
        return DPO().train(job), load_file(tmp_path / name / "model.safetensors")

    return run


def assert_close_runs(first, second, tolerance):
    for mine, theirs in zip(first[0].replays, second[0].replays, strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], abs=tolerance)
    for name, tensor in first[1].items():
        torch.testing.assert_close(second[1][name], tensor, rtol=0, atol=tolerance)


def test_packed_and_padded_batches_train_alike(train):
    assert_close_runs(train("packed"), train("padded", padding_free=False), 1e-3)


def test_mixed_precision_trains_alike(train):
    assert_close_runs(train("float32"), train("bf16", bf16=True), 2e-2)


@pytest.mark.skipif(importlib.util.find_spec("liger_kernel") is None, reason="needs liger-kernel")
def test_fused_kernels_train_alike(train):
    assert_close_runs(train("plain"), train("fused", use_liger_kernel=True), 1e-3)
