"""LoRA on TRL: what is saved, what a reset does to the adapter, and what is refused."""

import importlib.util

import pytest
import torch
from safetensors.torch import load_file

from lorr_bench.errors import MissingPackageError, ModelError
from lorr_bench.lorr.loop import Reset

pytestmark = pytest.mark.slow

LORA = {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj", "o_proj", "down_proj"]}
HALVE = Reset(r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True)
STEPS = {"per_device_train_batch_size": 4, "lora": LORA}


@pytest.fixture(scope="module")
def trainer(make_trainer):
    return make_trainer("dpo")


@pytest.fixture(scope="module")
def halved(trainer, tmp_path_factory):
    """Ended after the first replay and its reset."""
    loop = trainer.loop((0.0, 0.1), HALVE)
    return trainer(tmp_path_factory.mktemp("halved"), loop, settings=STEPS, stop_after=1)


@pytest.fixture(scope="module")
def kept(trainer, tmp_path_factory):
    """The same without a reset."""
    loop = trainer.loop((0.0, 0.1))
    return trainer(tmp_path_factory.mktemp("kept"), loop, settings=STEPS, stop_after=1)


def adapter_of(trained):
    """The adapter in the checkpoint: ``(A, B)`` by the name of the weight it is added to."""
    (checkpoint,) = (trained.folder / "checkpoints").glob("checkpoint-*")
    tensors = load_file(checkpoint / "adapter_model.safetensors")
    layers = {name.rpartition(".lora_")[0] for name in tensors}
    return {
        layer.removeprefix("base_model.model.") + ".weight": (
            tensors[f"{layer}.lora_A.weight"],
            tensors[f"{layer}.lora_B.weight"],
        )
        for layer in layers
    }


def test_a_reset_halves_the_product_of_the_adapter_exactly(halved, kept):
    before, after = adapter_of(kept), adapter_of(halved)
    assert len(before) == 6  # three kinds of layers, two layers
    for name, (down, up) in before.items():
        share = 0.5 if "o_proj" in name or "down_proj" in name else 1.0
        assert torch.equal(after[name][0], down)
        assert torch.equal(after[name][1], share * up)
        assert up.abs().max() > 0


def test_what_is_saved_is_the_base_and_the_product(trainer, kept):
    base = load_file(f"{trainer.start.path}/model.safetensors")
    products = {name: 12 / 4 * up @ down for name, (down, up) in adapter_of(kept).items()}
    assert kept.weights.keys() == base.keys()
    for name, tensor in kept.weights.items():
        if name in products:
            torch.testing.assert_close(tensor, base[name] + products[name], rtol=0, atol=1e-7)
        else:
            assert torch.equal(tensor, base[name])


def test_trained_parameters_are_those_of_the_adapter(kept):
    expected = sum(down.numel() + up.numel() for down, up in adapter_of(kept).values())
    assert kept.outcome.parameters == expected


def test_an_ended_run_goes_on_with_its_adapter(trainer, halved, tmp_path):
    import shutil

    loop = trainer.loop((0.0, 0.1), HALVE)
    straight = trainer(tmp_path / "straight", loop, settings=STEPS)
    shutil.copytree(halved.folder / "checkpoints", tmp_path / "again" / "checkpoints")
    again = trainer(tmp_path / "again", trainer.loop((0.0, 0.1), HALVE), settings=STEPS)
    assert [
        name for name in again.weights if not torch.equal(again.weights[name], straight.weights[name])
    ] == []
    assert again.outcome == straight.outcome


@pytest.mark.parametrize("method", ["kto", "orpo", "sft"])
def test_other_trainers_take_an_adapter_too(method, make_trainer, tmp_path):
    trainer = make_trainer(method)
    weights = (0.2,) if trainer.adapter.takes_sft_term else (0.0,)
    trained = trainer(tmp_path, trainer.loop(weights), settings=STEPS)
    base = load_file(f"{trainer.start.path}/model.safetensors")
    moved = {name for name in base if not torch.equal(trained.weights[name], base[name])}
    assert moved == {name for name in base if name.split(".")[-2] in LORA["target_modules"]}


def test_layers_that_the_model_does_not_have_are_an_error(trainer, tmp_path):
    with pytest.raises(ModelError, match="LoRA does not fit the model"):
        trainer(tmp_path, settings={"lora": {"target_modules": ["no_such_proj"]}})


@pytest.mark.parametrize("method", ["dpo", "sft"])
def test_four_bits_without_their_package_are_an_error(method, make_trainer, tmp_path, monkeypatch):
    found = importlib.util.find_spec

    def without(name, *rest):
        return None if name == "bitsandbytes" else found(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(MissingPackageError, match="4-bit weights need bitsandbytes"):
        make_trainer(method)(tmp_path, settings={"lora": {"load_in_4bit": True}})
