"""What TRL's DPO adapter writes, counts and refuses."""

import json
import shutil

import pytest
import torch
from lorr_bench_adapters.trl.base import read_rows
from lorr_bench_adapters.trl.methods import DPO
from lorr_bench_adapters.trl.preference import PreferenceSettings
from lorr_bench_adapters.trl.training.reference_batches import ReferenceBatches
from safetensors.torch import load_file

from lorr_bench.errors import DataError, ModelError
from lorr_bench.lorr.loop import Reset
from lorr_bench.ports.trainer import StartModel

SETTINGS = PreferenceSettings(max_length=96)


def start(folder):
    return StartModel(str(folder), None, "float32", trust_remote_code=False)


@pytest.mark.slow
def test_reference_log_probabilities_are_the_models_own(make_trainer, token_log_probs):
    trainer = make_trainer("dpo")
    written = read_rows(trainer.reference(trainer.settings()), 3)
    for row, pair in zip(written, trainer.rows, strict=False):
        for column, response in (("ref_chosen_logps", pair.chosen), ("ref_rejected_logps", pair.rejected)):
            by_hand = float(token_log_probs(pair.prompt, response)[1].sum())
            assert row[column] == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_a_reference_in_parts_is_that_of_whole_batches(make_trainer, monkeypatch, tmp_path, method):
    """Parts of 200 tokens hold one pair, or two labelled responses."""
    trainer, passes = make_trainer(method), []
    settings, whole, parts = trainer.settings(), tmp_path / "whole", tmp_path / "parts"
    trainer.adapter.reference(trainer.start, trainer.rows, settings, whole)
    monkeypatch.setattr(ReferenceBatches, "max_tokens", 200)
    counted = count_passes(passes)
    monkeypatch.setattr(ReferenceBatches, "_parts", counted(ReferenceBatches._parts))
    trainer.adapter.reference(trainer.start, trainer.rows, settings, parts)
    assert len(passes) >= 4
    assert max(passes) <= 200
    for one, other in zip(read_rows(whole, 12), read_rows(parts, 12), strict=True):
        assert {name: value for name, value in one.items() if "logps" in name} == pytest.approx(
            {name: value for name, value in other.items() if "logps" in name}, rel=1e-5
        )


def count_passes(passes):
    """Notes the tokens of each part."""

    def counted(parts):
        def wrapped(self, inputs):
            found = parts(self, inputs)
            passes.extend(part["input_ids"].numel() for part in found)
            return found

        return wrapped

    return counted


@pytest.mark.slow
def test_the_reset_is_applied_between_replays_only(make_trainer, tmp_path):
    """With α = 0 the reset tensors end one step from θ₀, the others two."""
    trainer = make_trainer("dpo")
    nothing_left = Reset(pattern=r"\.(o_proj|down_proj)\.", factor=0.0, clear_optimizer=True)
    after = trainer(tmp_path / "reset", trainer.loop((0.0, 0.0), nothing_left)).weights
    plain = trainer(tmp_path / "plain", trainer.loop((0.0, 0.0))).weights
    weights = load_file(f"{trainer.start.path}/model.safetensors")
    name = "model.layers.0.self_attn.o_proj.weight"
    # Linear decay over two steps: Adam's first step moves a weight by the rate 1e-3, the second by half of it.
    assert (after[name] - weights[name]).abs().max() <= 0.5e-3 * 1.01
    assert (plain[name] - weights[name]).abs().max() > 0.5e-3 * 1.5


@pytest.mark.slow
def test_a_checkpoint_that_was_cut_off_is_not_used(make_trainer, tmp_path):
    """A crash can leave a newer checkpoint that lacks its mark of completeness."""
    trainer = make_trainer("dpo")
    trainer(tmp_path, trainer.loop((0.0, 0.0)), stop_after=1)
    (whole,) = (tmp_path / "checkpoints").glob("checkpoint-*")
    cut_off = shutil.copytree(whole, whole.with_name("checkpoint-2"))
    (cut_off / "loop.json").unlink()
    (cut_off / "model.safetensors").write_bytes(b"half")
    resumed = trainer(tmp_path, trainer.loop((0.0, 0.0)))
    straight = trainer(tmp_path / "straight", trainer.loop((0.0, 0.0)))
    assert all(torch.equal(resumed.weights[name], straight.weights[name]) for name in straight.weights)


@pytest.mark.parametrize(
    ("rows", "batch", "accumulation", "steps"), [(40, 8, 1, 5), (41, 8, 1, 6), (41, 8, 2, 3), (1, 8, 4, 1)]
)
def test_steps_of_a_pass(rows, batch, accumulation, steps):
    settings = PreferenceSettings(per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation)
    assert DPO().steps_per_pass(rows, settings) == steps


def test_a_prompt_longer_than_max_length_is_an_error(small_model, nano_pairs, tmp_path):
    settings = SETTINGS.model_copy(update={"max_length": 4})
    with pytest.raises(DataError, match="40 of 40 prompts alone reach max_length = 4"):
        DPO().reference(start(small_model), nano_pairs, settings, tmp_path / "reference.parquet")


def test_a_folder_without_tokenizer_is_a_model_error(nano_pairs, tmp_path):
    with pytest.raises(ModelError, match="no tokenizer that loads"):
        DPO().reference(start(tmp_path), nano_pairs, SETTINGS, tmp_path / "reference.parquet")


def test_a_folder_without_weights_is_a_model_error(small_model, nano_pairs, tmp_path):
    for file in small_model.iterdir():
        if file.suffix == ".json":
            shutil.copy(file, tmp_path)
    with pytest.raises(ModelError, match="the model does not load"):
        DPO().reference(start(tmp_path), nano_pairs, SETTINGS, tmp_path / "reference.parquet")


def test_a_tokenizer_without_end_token_is_a_model_error(small_model, nano_pairs, tmp_path):
    shutil.copytree(small_model, tmp_path / "model")
    file = tmp_path / "model" / "tokenizer_config.json"
    settings = json.loads(file.read_text("utf-8"))
    del settings["eos_token"]
    file.write_text(json.dumps(settings), "utf-8")
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        DPO().reference(start(tmp_path / "model"), nano_pairs, SETTINGS, tmp_path / "reference.parquet")
