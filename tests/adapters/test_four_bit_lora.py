"""4-bit LoRA (QLoRA) on both in-process backends, on a CPU: bitsandbytes has kernels for one."""

import pytest
import torch
from safetensors.torch import load_file

from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:bitsandbytes"),
    pytest.mark.filterwarnings("ignore::FutureWarning:bitsandbytes"),
]

RANK = 2
LAYERS = ("o_proj", "down_proj")
START = StartModel(str(NANO_MODEL), None, "float32", trust_remote_code=False)


@pytest.mark.parametrize("name", ["trl.dpo", "native.dpo"])
def test_the_merged_model_is_the_unquantized_start_and_a_product_of_low_rank(name, nano_pairs, tmp_path):
    pytest.importorskip("bitsandbytes")
    adapter, rows = load_adapter(name), nano_pairs[:8]
    lora = {"r": RANK, "target_modules": list(LAYERS), "load_in_4bit": True}
    values = {"learning_rate": 1e-3, "per_device_train_batch_size": 4, "max_length": 96, "lora": lora}
    settings = adapter.hyperparameters.model_validate(values)
    (tmp_path / "checkpoints").mkdir()
    adapter.reference(START, rows, settings, tmp_path / "reference.parquet")
    loop = ReplayLoop(
        rows=8, seed=0, sft_weights=(0.1, 0.2), reset=Reset("o_proj", 0.5, clear_optimizer=True)
    )
    outcome = adapter.train(
        TrainJob(
            model=START,
            reference=tmp_path / "reference.parquet",
            rows=rows,
            output=tmp_path / "model",
            checkpoints=tmp_path / "checkpoints",
            save_steps=0,
            stop_after=2,
            seed=0,
            loop=loop,
            hyperparameters=settings,
            progress=lambda *_: None,
        )
    )
    before, after = (load_file(f"{folder}/model.safetensors") for folder in (NANO_MODEL, tmp_path / "model"))
    assert before.keys() == after.keys()
    for tensor_name, start in before.items():
        moved = after[tensor_name] - start
        if any(layer in tensor_name for layer in LAYERS):
            assert moved.abs().max() > 0
            singular = torch.linalg.svdvals(moved.double())
            assert singular[RANK:].max() < 1e-5 * singular[0]
        else:
            assert torch.equal(after[tensor_name], start), tensor_name
    assert outcome.frozen_parameters == sum(tensor.numel() for tensor in before.values())
