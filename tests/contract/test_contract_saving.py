"""What can't be saved is found before the training; what is only without effect is left out."""

import dataclasses
import json
import shutil

import pytest
import torch

from lorr_bench.errors import ModelError

pytestmark = pytest.mark.slow

LORA = {"r": 2, "target_modules": ["q_proj", "o_proj", "down_proj"]}
# Transformers loads this, heeds its end tokens, and refuses to save it.
GREEDY = {"do_sample": False, "temperature": 0.7, "top_p": 0.9, "eos_token_id": [1, 5], "max_new_tokens": 9}


@pytest.fixture
def greedy(bench, tmp_path):
    """The start model with such a generation_config.json."""
    from transformers import AutoModelForCausalLM

    folder = tmp_path / "greedy"
    shutil.copytree(bench.start.path, folder)
    (folder / "generation_config.json").write_text(json.dumps(GREEDY), "utf-8")
    model = AutoModelForCausalLM.from_pretrained(folder)
    with pytest.raises(ValueError, match="temperature"):
        model.save_pretrained(tmp_path / "refused")
    return dataclasses.replace(bench.start, path=str(folder))


def assert_settings_without_effect_are_left_out(trained, caplog):
    """And the end tokens stay."""
    saved = json.loads((trained.folder / "output" / "generation_config.json").read_text("utf-8"))
    assert set(saved["eos_token_id"]) == {1, 5}
    assert (saved.get("do_sample", False), saved["max_new_tokens"]) == (False, 9)
    assert [name for name in ("temperature", "top_p") if saved.get(name) is not None] == []
    assert "temperature = 0.7" in caplog.text
    assert "top_p = 0.9" in caplog.text


def test_settings_without_effect_are_left_out_and_the_weights_are_the_same(
    bench, stopped, greedy, tmp_path, caplog
):
    trained = bench.train(tmp_path / "run", model=greedy, save_steps=2, stop_after=1)
    assert_settings_without_effect_are_left_out(trained, caplog)
    if not bench.adapter.online:  # whose answers end at its end tokens
        assert all(torch.equal(stopped.weights[name], trained.weights[name]) for name in stopped.weights)


def test_settings_without_effect_are_left_out_with_lora_too(bench, greedy, tmp_path, caplog):
    settings = bench.settings(lora=LORA)
    trained = bench.train(
        tmp_path / "run", model=greedy, hyperparameters=settings, save_steps=2, stop_after=1
    )
    assert_settings_without_effect_are_left_out(trained, caplog)


@pytest.mark.parametrize("part", ["config", "generation_config", "tokenizer"])
def test_what_can_not_be_saved_is_found_before_a_step_is_made(bench, tmp_path, monkeypatch, part):
    import transformers

    def refuse(self, *_, **__):
        raise TypeError("Object of type set is not JSON serializable")

    def never(*_):
        raise AssertionError("a step was made")

    owner = {
        "config": transformers.PreTrainedConfig,
        "generation_config": transformers.GenerationConfig,
        "tokenizer": transformers.PreTrainedTokenizerBase,
    }[part]
    monkeypatch.setattr(owner, "save_pretrained", refuse)
    with pytest.raises(
        ModelError, match=f"{part}.* can't be saved, so nothing is trained: .*type set"
    ) as caught:
        bench.train(tmp_path, progress=never)
    assert not caught.value.may_pass
    assert "folder" in caught.value.fix
    assert not list(tmp_path.rglob("*.trial"))
