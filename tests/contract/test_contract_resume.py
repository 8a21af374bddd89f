"""A training run that is killed, or ended early on purpose, goes on as if nothing had happened."""

import shutil

import pytest
import torch

pytestmark = pytest.mark.slow


def assert_same(left, right):
    assert left.weights.keys() == right.weights.keys()
    assert [name for name in left.weights if not torch.equal(left.weights[name], right.weights[name])] == []
    assert left.diagnostics == right.diagnostics
    assert left.resets_done == right.resets_done
    assert left.outcome == right.outcome


def steps(trained):
    return [step for step, _ in trained.progress]


@pytest.fixture
def continued(stopped, tmp_path):
    """A new folder with the checkpoint of a run that ended after its first replay."""
    shutil.copytree(stopped.folder / "checkpoints", tmp_path / "checkpoints")
    return tmp_path


class Deadly:
    """A probe that dies when it should measure: the last step of a replay is made, the reset is not."""

    def __init__(self, killed):
        self._killed = killed

    def start(self, model):
        pass

    def measure(self, model):
        raise self._killed


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(bench, straight, killed, tmp_path):
    """Between two replays, which must not lose the reset; after a checkpoint; and one step after another one."""
    with pytest.raises(killed):
        bench.train(tmp_path, save_steps=1, loop=bench.loop(probe=Deadly(killed)))
    for step in (4, 6):  # step 3 ends the first replay, step 6 the second
        with pytest.raises(killed):
            bench.train(tmp_path, save_steps=2, kill_at=step)
    finished = bench.train(tmp_path, save_steps=2)
    assert_same(finished, straight)
    assert steps(finished) == [5, 6]
    assert finished.tokens[-1] == straight.tokens[-1]


def test_two_runs_of_one_replay_each_equal_one_of_two(bench, straight, continued):
    second = bench.train(continued)
    assert_same(second, straight)
    assert steps(second) == [4, 5, 6]


def test_a_run_that_had_reached_its_stop_does_not_go_beyond_it(bench, stopped, continued):
    """Its process can die after the last checkpoint and before its results are stored."""
    again = bench.train(continued, stop_after=1)
    assert steps(again) == []
    assert_same(again, stopped)


LORA = {"r": 2, "lora_dropout": 0.2, "target_modules": ["q_proj", "o_proj", "down_proj"]}


def test_a_killed_lora_run_ends_as_if_it_had_not_been(bench, killed, tmp_path):
    """Dropout draws from the random state at every step, so that one lost draw would show."""
    settings = bench.settings(lora=LORA)
    if getattr(settings, "lora", None) is None:
        pytest.skip("takes no LoRA adapter")
    expected = bench.train(tmp_path / "straight", hyperparameters=settings)
    with pytest.raises(killed):
        bench.train(tmp_path / "killed", hyperparameters=settings, save_steps=2, kill_at=3)
    finished = bench.train(tmp_path / "killed", hyperparameters=settings, save_steps=2)
    assert_same(finished, expected)
    assert steps(finished) == [3, 4, 5, 6]
