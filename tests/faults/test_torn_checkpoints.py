"""A checkpoint that was cut off or damaged is passed over: training ends at the same weights all the same."""

import shutil

import pytest

from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.store.seal import SEAL_FILE
from lorr_bench.values import Demonstration

pytestmark = pytest.mark.slow

HALVE = Reset("o_proj", 0.5, clear_optimizer=True)
SETTINGS = {"learning_rate": 1e-3, "per_device_train_batch_size": 4, "max_length": 96}


class Killed(BaseException):
    """Not an Exception, so that nothing on the way takes it for a failure."""


class Bench:
    """Trains two replays of three steps, with a checkpoint after every second step.

    Attributes:
        straight: The weights of a run that was not interrupted.
        killed: Folder of a run that was killed in step 5, with the checkpoint of step 4.
        older: The same, killed in step 3, with the checkpoint of step 2.
    """

    def __init__(self, adapter, model, pairs, folder):
        self._adapter = adapter
        self._model = StartModel(str(model), None, "float32", trust_remote_code=False)
        self._rows = [Demonstration(pair.prompt, pair.chosen) for pair in pairs[:12]]
        self.straight = self.train(folder / "straight")[0]
        self.killed = self._kill(folder / "killed", 5)
        self.older = self._kill(folder / "older", 3)

    def train(self, folder, kill_at=None):
        """Train, or go on; gives the weights and the first step that was made."""
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        steps = []

        def progress(step, total, tokens=0):
            steps.append(step)
            if step == kill_at:
                raise Killed

        job = TrainJob(
            model=self._model,
            reference=None,
            rows=self._rows,
            output=folder / "output",
            checkpoints=folder / "checkpoints",
            save_steps=2,
            stop_after=2,
            seed=3,
            loop=ReplayLoop(rows=12, seed=3, sft_weights=(0.0, 0.0), reset=HALVE),
            hyperparameters=self._adapter.hyperparameters.model_validate(SETTINGS),
            progress=progress,
        )
        self._adapter.train(job)
        return (folder / "output" / "model.safetensors").read_bytes(), steps[0]

    def _kill(self, folder, step):
        with pytest.raises(Killed):
            self.train(folder, step)
        return folder


@pytest.fixture(scope="module", params=["native.sft", "trl.sft"])
def bench(request, small_model, nano_pairs, tmp_path_factory):
    return Bench(load_adapter(request.param), small_model, nano_pairs, tmp_path_factory.mktemp("bench"))


@pytest.fixture
def run(bench, tmp_path):
    """A copy of the killed run."""
    return shutil.copytree(bench.killed, tmp_path / "run")


def files(run):
    return sorted(path for path in (run / "checkpoints").rglob("*") if path.is_file())


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_the_end(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


DAMAGES = [remove, empty, cut_in_half, cut_the_end, flip_a_bit]


def test_a_sound_checkpoint_is_continued_from(bench, run):
    assert bench.train(run) == (bench.straight, 5)


def test_whatever_file_is_torn_training_begins_again_and_ends_the_same(bench, run, tmp_path):
    some = files(run)[:: len(files(run)) // 4]  # tests/faults/test_bit_flips.py takes every byte of a seal
    for number, path in enumerate(some):
        torn = shutil.copytree(run, tmp_path / f"torn-{number}")
        DAMAGES[number % len(DAMAGES)](torn / path.relative_to(run))
        assert bench.train(torn) == (bench.straight, 1), path.name


@pytest.mark.parametrize("damage", [remove, flip_a_bit])
def test_training_goes_on_from_the_checkpoint_before(bench, run, damage):
    damage(files(run)[-1])
    shutil.copytree(bench.older / "checkpoints", run / "checkpoints", dirs_exist_ok=True)
    assert bench.train(run) == (bench.straight, 3)


def test_a_checkpoint_that_was_never_sealed_is_passed_over(bench, run):
    """The process was killed, or the disk was full, before the seal."""
    (run / "checkpoints" / files(run)[0].parent.name / SEAL_FILE).unlink()
    assert bench.train(run) == (bench.straight, 1)
