"""What transformers loads and does not save."""

import errno
import json
import shutil
from types import SimpleNamespace

import pytest
from lorr_bench_adapters.loading import load_model
from lorr_bench_adapters.saving import check_saving, drop_ignored_settings, ignored_settings

from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.errors import ModelError
from lorr_bench.ports.trainer import StartModel


@pytest.fixture
def load(small_model, tmp_path):
    """Loads the small model with other generation settings."""

    def load(**settings):
        folder = tmp_path / "start"
        shutil.copytree(small_model, folder)
        (folder / "generation_config.json").write_text(json.dumps(settings), "utf-8")
        return load_model(StartModel(str(folder), None, "float32", trust_remote_code=False))

    return load


@pytest.mark.parametrize(
    ("settings", "stays"),
    [
        (
            {"do_sample": False, "temperature": 0.7, "top_k": 20, "eos_token_id": [1, 3]},
            ["do_sample", "eos_token_id"],
        ),
        ({"top_p": 0.8, "min_p": 0.1, "repetition_penalty": 1.1}, ["repetition_penalty"]),
        ({"length_penalty": 2.0, "early_stopping": True, "pad_token_id": 0}, ["pad_token_id"]),
        ({"output_scores": True, "bos_token_id": 2}, ["bos_token_id"]),
        ({"pad_token_id": -1, "eos_token_id": 1}, ["eos_token_id"]),
        ({"do_sample": True, "temperature": 0.7}, ["do_sample", "temperature"]),
    ],
)
def test_only_what_has_no_effect_is_left_out(load, tmp_path, settings, stays):
    model = load(**settings)
    model.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "generation_config.json").read_text("utf-8"))
    left = {name: value for name, value in saved.items() if name in settings and value is not None}
    assert left == {name: settings[name] for name in stays}


def test_settings_that_contradict_each_other_do_not_load(load):
    with pytest.raises(ModelError, match="num_return_sequences"):
        load(num_return_sequences=3)


def test_a_model_that_generates_nothing_has_no_such_settings():
    drop_ignored_settings(SimpleNamespace())


def test_what_is_wrong_but_not_without_effect_is_no_setting_to_leave_out():
    def validate(strict):
        raise ValueError("Every token in `forced_eos_token_id` is also in `suppress_tokens`.")

    assert ignored_settings(SimpleNamespace(validate=validate)) == []


def test_a_full_disk_is_told_as_one(load, small_model, tmp_path, monkeypatch):
    model = load()
    start = StartModel(str(small_model), None, "float32", trust_remote_code=False)

    def no_room(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(model.config), "save_pretrained", no_room)
    with pytest.raises(OSError, match="No space left"):
        check_saving(model, load_tokenizer(start), tmp_path / "model")
