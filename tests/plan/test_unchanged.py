"""Files that change while a run goes on, or differ between machines."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import yaml

from lorr_bench.errors import StageError
from lorr_bench.plan.identity import unchanged
from lorr_bench.plan.identity.unchanged import Inputs
from lorr_bench.plan.plan import make_plan


@pytest.fixture
def world(load, values, small_model, tmp_path, monkeypatch):
    """A suite of files alone, and its stages of each kind."""
    monkeypatch.chdir(tmp_path)
    for name in ("model", "judge"):
        shutil.copytree(small_model, tmp_path / name)
    for name in ("prompts", "benchmark"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"problem": "p", "answer": "1"}) + "\n", "utf-8")
    (tmp_path / "rows.json").write_text("[]", "utf-8")
    (tmp_path / "tasks").mkdir()
    task = {"task": "mine", "dataset_path": "json", "dataset_kwargs": {"data_files": "rows.json"}}
    (tmp_path / "tasks" / "mine.yaml").write_text(yaml.safe_dump(task), "utf-8")
    values["model"] = "model"
    values["data"]["collect"] |= {
        "source": "prompts.jsonl", "reward_model": {"path": "judge"}, "pair_rule": "best_worst",
    }  # fmt: skip
    values["evaluation"]["math"][0] |= {"source": "benchmark.jsonl", "cluster_column": "text"}
    values["evaluation"]["general"] = [{"tasks": ["mine"], "include_path": "tasks"}]
    return {stage.kind: stage for stage in make_plan(load(values)).stages}


WITH_THE_MODEL = {"fingerprint", "sample", "reference", "train", "answer_math", "evaluate_general"}
READ = {
    "model/config.json": WITH_THE_MODEL,
    "model/new.jinja": WITH_THE_MODEL,
    "judge/config.json": {"score"},
    "prompts.jsonl": {"sample", "contamination"},
    "benchmark.jsonl": {"answer_math", "families"},
    "tasks/mine.yaml": {"evaluate_general"},
    "rows.json": {"evaluate_general"},
    "model/README.md": set(),
}


@pytest.mark.parametrize(("name", "kinds"), READ.items())
def test_a_stage_whose_files_changed_is_refused_and_others_are_not(world, tmp_path, name, kinds):
    inputs = Inputs()
    for stage in world.values():
        inputs.check(stage)
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    refused = set()
    for kind, stage in world.items():
        try:
            inputs.check(stage)
        except StageError:
            refused.add(kind)
    assert refused == kinds


def test_a_model_is_read_once_while_it_looks_the_same(world, tmp_path, monkeypatch):
    inputs, read = Inputs(), []
    whole = unchanged.folder_digest
    monkeypatch.setattr(unchanged, "folder_digest", lambda *of: read.append(of[0].name) or whole(*of))
    for _ in range(3):
        for kind in ("train", "sample", "score"):
            inputs.check(world[kind])
    assert sorted(read) == ["judge", "model"]
    os.utime(tmp_path / "model" / "config.json", (0, 0))
    inputs.check(world["train"])
    assert sorted(read) == ["judge", "model", "model"]


def test_a_model_that_is_gone_is_told(world, tmp_path):
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(StageError, match="model is not what it was"):
        Inputs().check(world["train"])


@pytest.mark.parametrize("name", ["saved/data.arrow", "model/tokenizer_config.json"])
def test_pairs_that_are_written_in_a_template_rest_on_set_and_model(
    load, values, small_model, tmp_path, name
):
    shutil.copytree(small_model, tmp_path / "model")
    (tmp_path / "saved").mkdir()
    for file in ("state.json", "data.arrow"):
        (tmp_path / "saved" / file).write_text("{}", "utf-8")
    values |= {"model": "model", "data": {"pairs": {"source": "saved"}}}
    stage = next(stage for stage in make_plan(load(values)).stages if stage.kind == "import_pairs")
    Inputs().check(stage)
    (tmp_path / name).write_text('{"other": 1}', "utf-8")
    with pytest.raises(StageError, match="is not what it was when the run was planned"):
        Inputs().check(stage)
