"""No pickle is loaded: not as weights, not from a checkpoint, not as data."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from explosives import pickled_bomb, torch_bomb
from lorr_bench_adapters.external.checkpoints import _Training
from lorr_bench_adapters.loading import load_model
from lorr_bench_adapters.settings import LoraSettings
from lorr_bench_adapters.trl.training.checkpoint_state import refuse_pickles

from lorr_bench.data.hub import source_rows
from lorr_bench.errors import DataError, ModelError, StageError
from lorr_bench.generate.engine import Engine, EngineSettings
from lorr_bench.grade.reward import score_many
from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.plan.identity.origins import model_origin
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.spec.sources import ModelSpec, RewardModelSpec
from lorr_bench.stages.training import anchor

PICKLED_WEIGHTS = "pytorch_model.bin"


def test_the_bomb_goes_off_where_a_pickle_is_loaded(mark: Path) -> None:
    pickle.loads(pickled_bomb(mark))
    assert mark.exists()


def pickled_model(small_model: Path, folder: Path, mark: Path, *, decoy: bool) -> Path:
    """A model folder whose weights are a bomb; with a decoy, a file that looks like safe ones as well."""
    shutil.copytree(small_model, folder)
    (folder / "model.safetensors").unlink()
    torch_bomb(folder / PICKLED_WEIGHTS, mark)
    if decoy:
        shutil.copy(small_model / "model.safetensors", folder / "others.safetensors")
    return folder


def start(folder: Path) -> StartModel:
    return StartModel(str(folder), None, "float32", trust_remote_code=False)


@pytest.mark.slow
def test_a_folder_with_pickled_weights_alone_is_refused_by_the_plan(
    small_model: Path, tmp_path: Path, mark: Path
) -> None:
    folder = pickled_model(small_model, tmp_path / "model", mark, decoy=False)
    with pytest.raises(ModelError, match=r"no \*\.safetensors \(pickled weights are never loaded\)"):
        model_origin(ModelSpec(path=str(folder)), tmp_path, Revisions())
    assert not mark.exists()


def test_training_loads_no_pickled_weights(small_model: Path, tmp_path: Path, mark: Path) -> None:
    folder = pickled_model(small_model, tmp_path / "model", mark, decoy=True)
    with pytest.raises(ModelError, match=r"does not load: .*safetensors"):
        load_model(start(folder))
    assert not mark.exists()


def test_a_reset_loads_no_pickled_anchor(small_model: Path, tmp_path: Path, mark: Path) -> None:
    folder = pickled_model(small_model, tmp_path / "model", mark, decoy=True)
    make = anchor.anchor_model("start", start(folder), start(small_model), 0)
    assert make is not None
    with pytest.raises(OSError, match="safetensors"):
        make(None)
    assert not mark.exists()


def test_a_reward_model_is_no_pickle(small_model: Path, tmp_path: Path, mark: Path) -> None:
    folder = pickled_model(small_model, tmp_path / "model", mark, decoy=True)
    with pytest.raises(ModelError, match=r"be loaded: .*safetensors"):
        score_many(["2 + 2 ="], [["4"]], RewardModelSpec(path=str(folder)))
    assert not mark.exists()


def test_the_engine_asks_for_safe_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    vllm = ModuleType("vllm")
    vllm.LLM = lambda **options: given.update(options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    names = {"kv_cache_gib": 1, "gpu_memory_utilization": 0.5, "enforce_eager": True}
    Engine(
        "folder", None, EngineSettings(dtype="float32", max_model_len=64, trust_remote_code=False, **names)
    )
    assert given["load_format"] == "safetensors"


def test_an_external_trainer_s_pickled_adapter_is_not_loaded(
    small_model: Path, tmp_path: Path, mark: Path
) -> None:
    (tmp_path / "trained").mkdir()
    torch_bomb(tmp_path / "trained" / "adapter_model.bin", mark)
    training = object.__new__(_Training)
    training._job = SimpleNamespace(
        model=start(small_model), hyperparameters=SimpleNamespace(lora=LoraSettings())
    )  # type: ignore[assignment]
    with pytest.raises(ModelError, match=r"there is no adapter_model\.safetensors"):
        training._load(tmp_path / "trained")
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", PICKLED_WEIGHTS, "ref/adapter_model.bin"]
)
def test_a_pickle_in_a_checkpoint_is_refused(name: str, tmp_path: Path, mark: Path) -> None:
    path = tmp_path / "checkpoint-3" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(pickled_bomb(mark))
    with pytest.raises(
        StageError, match=f"the checkpoint holds the pickle {path.name}, which is never loaded"
    ):
        refuse_pickles(tmp_path / "checkpoint-3")
    assert not mark.exists()


class EndedError(Exception):
    """Ends training from outside."""


def job(small_model: Path, nano_pairs: Any, folder: Path) -> TrainJob:
    """Two replays of two steps each, with a checkpoint between them."""
    adapter = load_adapter("trl.sft")
    from lorr_bench.values import Demonstration

    return TrainJob(
        model=start(small_model),
        reference=None,
        rows=[Demonstration(pair.prompt, pair.chosen) for pair in nano_pairs[:8]],
        output=folder / "model",
        checkpoints=folder / "scratch",
        save_steps=1,
        stop_after=2,
        seed=0,
        loop=ReplayLoop(rows=8, seed=0, sft_weights=(0.0, 0.0), reset=None),
        hyperparameters=adapter.hyperparameters.model_validate({"per_device_train_batch_size": 4}),
        progress=lambda *_: None,
        grading={},
    )


@pytest.fixture
def interrupted(small_model: Path, nano_pairs: Any, tmp_path: Path) -> TrainJob:
    """A training run that was ended after its third step."""

    def until_three(done: int, *_: int) -> None:
        if done == 3:
            raise EndedError

    run = job(small_model, nano_pairs, tmp_path)
    run.checkpoints.mkdir()
    with pytest.raises(EndedError):
        load_adapter("trl.sft").train(replace(run, progress=until_three))
    return job(small_model, nano_pairs, tmp_path)


@pytest.mark.slow
def test_training_that_continues_loads_no_pickle(interrupted: TrainJob, mark: Path) -> None:
    (checkpoint,) = interrupted.checkpoints.glob("checkpoint-*")
    assert {path.name for path in checkpoint.iterdir() if path.suffix in (".bin", ".pt", ".pth")} <= {
        "training_args.bin"
    }
    torch_bomb(checkpoint / "training_args.bin", mark)  # is written for people, and never read
    load_adapter("trl.sft").train(interrupted)
    assert not mark.exists()


@pytest.mark.slow
def test_training_does_not_continue_from_a_planted_pickle(interrupted: TrainJob, mark: Path) -> None:
    (checkpoint,) = interrupted.checkpoints.glob("checkpoint-*")
    torch_bomb(checkpoint / "optimizer.pt", mark)
    with pytest.raises(StageError, match=r"the checkpoint holds the pickle optimizer\.pt"):
        load_adapter("trl.sft").train(interrupted)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.pkl", None),
        ("pairs.py", "from pathlib import Path\nPath({mark!r}).touch()\n"),
        ("twin.py", "from pathlib import Path\nPath({mark!r}).touch()\n"),
    ],
)
def test_a_data_set_runs_nothing(
    name: str, content: str | None, tmp_path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder that is called like the id is where `datasets` looks first.
    folder = tmp_path / "owner" / "twin"
    folder.mkdir(parents=True)
    data = pickled_bomb(mark) if content is None else content.format(mark=str(mark)).encode()
    (folder / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="the data set cannot be loaded"):
        list(source_rows("owner/twin", tmp_path, revision="main", split="train"))
    assert not mark.exists()


def test_stored_answers_are_text(tmp_path: Path, mark: Path) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(pickled_bomb(mark))
    with pytest.raises(DataError, match="not UTF-8 text"):
        list(source_rows("pairs.jsonl", tmp_path, revision=None, split=None))
    assert json.dumps(str(mark)) not in (tmp_path / "pairs.jsonl").read_text("utf-8", "replace")
    assert not mark.exists()
