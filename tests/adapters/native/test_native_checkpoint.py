"""Checkpoints: whole or not there, without pickle, and continued with other rows where that is asked."""

import json

import pytest
import torch
from lorr_bench_adapters.native.methods import SimPO
from safetensors.torch import load_file

from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.trainer import StartModel, TrainJob

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Not an Exception, as a signal is none."""


@pytest.fixture
def train(small_model, nano_pairs, tmp_path):
    """Trains SimPO for two replays of five steps in a folder; returns the weights."""

    def run(name, *, kill_at=None, stop_after=2, save_steps=0, rows=None):
        rows = rows or nano_pairs
        clear = Reset(pattern=r"\.down_proj\.", factor=0.5, clear_optimizer=True)
        settings = {"learning_rate": 1e-3, "per_device_train_batch_size": 8, "max_length": 96}

        def progress(done, *_):
            if done == kill_at:
                raise Killed

        job = TrainJob(
            model=StartModel(str(small_model), None, "float32", trust_remote_code=False),
            reference=None,
            rows=rows,
            output=tmp_path / name / "model",
            checkpoints=tmp_path / name / "checkpoints",
            save_steps=save_steps,
            stop_after=stop_after,
            seed=3,
            loop=ReplayLoop(rows=len(rows), seed=3, sft_weights=(0.1, 0.2), reset=clear),
            hyperparameters=SimPO.hyperparameters.model_validate(settings),
            progress=progress,
        )
        outcome = SimPO().train(job)
        return outcome, load_file(tmp_path / name / "model" / "model.safetensors")

    return run


def assert_equal_runs(first, second):
    assert first[0] == second[0]
    assert all(torch.equal(first[1][name], second[1][name]) for name in first[1])


@pytest.mark.parametrize("kills", [[1], [2, 3], [4, 7, 9], [5, 6], [10]])
def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(train, kills):
    for kill_at in kills:
        with pytest.raises(Killed):
            train("killed", kill_at=kill_at, save_steps=2)
    assert_equal_runs(train("killed", save_steps=2), train("straight"))


def test_only_the_newest_checkpoint_is_kept_and_it_holds_no_pickle(train, tmp_path):
    train("run", save_steps=2)
    folder = tmp_path / "run" / "checkpoints"
    assert [path.name for path in folder.iterdir()] == ["step-8"]
    assert sorted(path.name for path in (folder / "step-8").iterdir()) == [
        "checksums.json",
        "model.safetensors",
        "optimizer.safetensors",
        "random-0.safetensors",
        "state.json",
    ]


def test_a_draft_that_a_kill_left_is_not_read_and_goes_with_the_next_checkpoint(train, tmp_path):
    with pytest.raises(Killed):
        train("run", kill_at=7)
    folder = tmp_path / "run" / "checkpoints"
    draft = folder / "draft-7"
    draft.mkdir()
    (draft / "model.safetensors").write_bytes(b"half of")
    assert_equal_runs(train("run", save_steps=8), train("straight"))
    assert [path.name for path in folder.iterdir()] == ["step-8"]


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(train, tmp_path, monkeypatch):
    from lorr_bench_adapters.native.training import checkpoint

    written = []

    def write(tensors, file):
        written.append(file.name)
        if len(written) == 5:  # the second file of the second checkpoint
            raise Killed
        return save_file(tensors, file)

    save_file = checkpoint.save_file
    monkeypatch.setattr(checkpoint, "save_file", write)
    with pytest.raises(Killed):
        train("run", save_steps=2)
    folder = tmp_path / "run" / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == ["draft-4", "step-2"]
    assert_equal_runs(train("run"), train("straight"))


def test_the_moments_of_reset_tensors_are_not_in_the_checkpoint(train, tmp_path):
    train("run", stop_after=1)
    checkpoint = tmp_path / "run" / "checkpoints" / "step-5"
    moments = load_file(checkpoint / "optimizer.safetensors")
    kept = {name.split("|")[1] for name in moments}
    parameters = set(load_file(checkpoint / "model.safetensors"))
    assert {name for name in parameters if ".down_proj." in name} == parameters - kept
    assert json.loads((checkpoint / "state.json").read_text("utf-8"))["replay"] == 2


def test_a_run_that_stopped_goes_on_with_other_rows(train, nano_pairs):
    train("same", stop_after=1)
    train("other", stop_after=1)
    straight = train("straight")
    assert_equal_runs(train("same"), straight)
    outcome, weights = train("other", rows=nano_pairs[20:] + nano_pairs[:20])
    assert outcome.optimizer_steps == straight[0].optimizer_steps
    assert outcome.replays[0] == straight[0].replays[0]
    assert any(not torch.equal(weights[name], straight[1][name]) for name in weights)
