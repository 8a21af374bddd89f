"""Finished stages and tasks, made by hand."""

import json
from types import SimpleNamespace

import pytest
from scripted_fingerprint import SCRIPTED

from lorr_bench.data.nano import tokenizer
from lorr_bench.plan.stage import Stage
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.record import RECORD_FILE, Outcome, Record

TRAINING = {
    "adapter": ["trl.dpo", 1],
    "hyperparameters": {"per_device_train_batch_size": 4},
    "sft_weights": [0.1, 0.2, 0.3],
    "reset": None,
    "round": [1, 1],
    "stop_after": 3,
    "processes": [1, None],
    "unique_pairs": 10,
    "seed": 5,
    "dtype": "float32",
    "trust_remote_code": False,
}
SETTING = {"model_path": "the start", "revision": None}
SETTING |= {"save_steps": 7, "diagnostics": False, "places": {}}


@pytest.fixture
def finished(tmp_path):
    """A folder with the record of a finished stage."""

    def make(name, *, spend=None, params=None, metrics=None):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        stage = Stage("collect", name, params or {})
        outcome = Outcome(metrics=metrics or {}, spend=spend or {})
        record = Record(stage.digest, stage.to_dict(), outcome, {}, 0.0, 1.0, {})
        (folder / RECORD_FILE).write_text(json.dumps(record.to_dict()), "utf-8")
        return folder

    return make


@pytest.fixture
def training(tmp_path):
    """A train task."""

    def make(inputs, setting=None, **params):
        stage = Stage("train", "train", {**TRAINING, **params}, setting={**SETTING, **(setting or {})})
        output = tmp_path / "out"
        output.mkdir(exist_ok=True)
        return Task(stage, inputs, output, tmp_path / "scratch", EngineRoom(), lambda *_: None)

    return make


@pytest.fixture
def adapters(monkeypatch):
    """Replace the adapter that the stages load.

    What it saves is no model, so it has a scripted fingerprint; rows are fitted by the embedded tokenizer.
    """
    from lorr_bench.stages import fingerprint
    from lorr_bench.stages.training import charge, selection, train

    monkeypatch.setattr(fingerprint, "take_fingerprint", lambda model: SCRIPTED)
    monkeypatch.setattr(selection, "load_tokenizer", lambda _: tokenizer.build())

    def install(adapter):
        for module in (charge, train):
            monkeypatch.setattr(module, "load_adapter", lambda name: adapter)
        return adapter

    install(SimpleNamespace(online=False))
    return install
