"""Finished stages and tasks, made by hand."""

import json
from types import SimpleNamespace

import pytest
from scripted_fingerprint import SCRIPTED
from stage_samples import sample

from lorr_bench.data.nano import tokenizer
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.record import RECORD_FILE, Outcome, Record

TRAINING = {"sft_weights": [0.1, 0.2, 0.3], "stop_after": 3, "unique_pairs": 10, "seed": 5}


@pytest.fixture
def finished(tmp_path):
    """A folder with the record of a finished stage."""

    def make(name, *, spend=None, metrics=None, **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        stage = sample("collect", name, **changes)
        outcome = Outcome(metrics=metrics or {}, spend=spend or {})
        record = Record(stage.digest, stage.to_dict(), outcome, {}, 0.0, 1.0, {})
        (folder / RECORD_FILE).write_text(json.dumps(record.to_dict()), "utf-8")
        return folder

    return make


@pytest.fixture
def training(tmp_path):
    """A train task."""

    def make(inputs, setting=None, **params):
        settings = {"save_steps": 7, **(setting or {})}
        stage = sample("train", "train", setting=settings, **{**TRAINING, **params})
        output = tmp_path / "out"
        output.mkdir(exist_ok=True)
        return Task(stage, inputs, output, tmp_path / "scratch", EngineRoom(), lambda *_: None)

    return make


@pytest.fixture
def adapters(monkeypatch):
    """Replace the adapter that the stages load.

    What it saves is no model, so it has a scripted fingerprint; rows are fitted by the embedded tokenizer.
    """
    from lorr_bench.plan.kinds import train
    from lorr_bench.stages import fingerprint
    from lorr_bench.stages.training import selection

    monkeypatch.setattr(fingerprint, "take_fingerprint", lambda model: SCRIPTED)
    monkeypatch.setattr(selection, "load_tokenizer", lambda _: tokenizer.build())

    def install(adapter):
        monkeypatch.setattr(train, "adapter_of", lambda name: adapter)
        return adapter

    install(SimpleNamespace(online=False))
    return install
