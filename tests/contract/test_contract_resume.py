"""A training run that is killed, or ended early on purpose, goes on as if nothing had happened."""

import shutil
from typing import NamedTuple

import pytest
import torch

pytestmark = pytest.mark.slow


class Case(NamedTuple):
    """Where a run is killed.

    Attributes:
        save_steps: Steps between checkpoints.
        kills: The step at which each run is killed, one after the other.
        left: The steps of the last run.
    """

    save_steps: int
    kills: list
    left: list

    def __str__(self):
        return f"saved-every-{self.save_steps}-killed-at-{'-'.join(map(str, self.kills))}"


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


@pytest.mark.parametrize(
    "case",
    [
        Case(save_steps=1, kills=[3, 4, 6], left=[6]),  # step 3 ends the first replay, step 6 the second
        Case(save_steps=2, kills=[3], left=[3, 4, 5, 6]),
        Case(save_steps=0, kills=[2, 5], left=[4, 5, 6]),
    ],
    ids=str,
)
def test_a_killed_run_ends_as_if_it_had_not_been(bench, straight, killed, tmp_path, case):
    for step in case.kills:
        with pytest.raises(killed):
            bench.train(tmp_path, save_steps=case.save_steps, kill_at=step)
    finished = bench.train(tmp_path, save_steps=case.save_steps)
    assert_same(finished, straight)
    assert steps(finished) == case.left
    assert finished.tokens[-1] == straight.tokens[-1]


def test_a_run_that_is_killed_between_two_replays_does_not_lose_the_reset(bench, straight, killed, tmp_path):
    class Deadly:
        """A probe that dies when it should measure: the last step of a replay is made, the reset is not."""

        def start(self, model):
            pass

        def measure(self, model):
            raise killed

    with pytest.raises(killed):
        bench.train(tmp_path, save_steps=1, loop=bench.loop(probe=Deadly()))
    assert_same(bench.train(tmp_path, save_steps=1), straight)


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
    for step in (3, 5):
        with pytest.raises(killed):
            bench.train(tmp_path / "killed", hyperparameters=settings, save_steps=2, kill_at=step)
    finished = bench.train(tmp_path / "killed", hyperparameters=settings, save_steps=2)
    assert_same(finished, expected)
    assert steps(finished) == [5, 6]
