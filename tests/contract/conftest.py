"""One small training of each registered adapter, shared by the tests of the contract."""

import dataclasses
import gc
from pathlib import Path

import pytest
from safetensors.torch import load_file
from training_rows import training_rows

from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob, TrainOutcome

SETTINGS = {
    "learning_rate": 1e-3,
    "per_device_train_batch_size": 4,
    "max_length": 96,
    "num_generations": 2,
    "max_completion_length": 56,
}
ROWS = {"pairs": 12, "labels": 12, "chosen": 12, "right_answers": 12, "prompts": 6}  # three steps a pass
SFT_WEIGHTS = (0.1, 0.2)
HALVE = Reset(pattern=r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True)


class Measured:
    """A probe with one number that any change of the weights changes."""

    def start(self, model):
        """Nothing to remember."""

    def measure(self, model):
        return {"sum": sum(float(p.detach().double().sum()) for p in model.parameters())}


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came of a training run.

    Attributes:
        outcome: What the adapter returned.
        weights: Saved tensors by name.
        diagnostics: What the loop measured.
        resets_done: How often the loop reset.
        progress: What was told, one ``(step, total)`` for each time.
        tokens: The tokens that were told with them.
        folder: Folder of the run; ``output`` and ``checkpoints`` lie in it.
    """

    outcome: TrainOutcome
    weights: dict
    diagnostics: list
    resets_done: int
    progress: list
    tokens: list
    folder: Path


class Workbench:
    """Trains one adapter on a few rows."""

    def __init__(self, adapter, model, pairs, folder):
        self.adapter = adapter
        self.folder = folder
        self.start = StartModel(str(model), None, "float32", trust_remote_code=False)
        self.start_weights = load_file(model / "model.safetensors")
        self.replays = len(SFT_WEIGHTS)
        self.rows = training_rows(adapter.rows, pairs)[: ROWS[adapter.rows]]
        self.hyperparameters = self.settings()
        self.steps_per_pass = adapter.steps_per_pass(len(self.rows), self.hyperparameters)
        self.reference = None
        if adapter.needs_reference:
            self.reference = folder / "reference.parquet"
            more = training_rows(adapter.rows, pairs)[: ROWS[adapter.rows] + 4]
            adapter.reference(self.start, more, self.hyperparameters, self.reference)

    def settings(self, **changes):
        fields = self.adapter.hyperparameters.model_fields
        values = {name: value for name, value in {**SETTINGS, **changes}.items() if name in fields}
        return self.adapter.hyperparameters.model_validate(values)

    def loop(self, seed=3, reset=HALVE, probe=None):
        weights = SFT_WEIGHTS if self.adapter.takes_sft_term else (0.0,) * self.replays
        return ReplayLoop(
            rows=len(self.rows), seed=seed, sft_weights=weights, reset=reset, probe=probe or Measured()
        )

    def train(self, folder, *, kill_at=None, **changes):
        """Train into ``folder``, or go on from the checkpoints that lie in it."""
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        told, tokens = [], []

        def progress(step, total, tokens_so_far=0):
            told.append((step, total))
            tokens.append(tokens_so_far)
            if step == kill_at:
                raise Killed

        job = TrainJob(
            model=self.start,
            reference=self.reference,
            rows=self.rows,
            output=folder / "output",
            checkpoints=folder / "checkpoints",
            save_steps=0,
            stop_after=self.replays,
            seed=3,
            loop=self.loop(),
            hyperparameters=self.hyperparameters,
            progress=progress,
        )
        job = dataclasses.replace(job, **changes)
        outcome = self.adapter.train(job)
        weights = load_file(job.output / "model.safetensors")
        return Trained(outcome, weights, job.loop.diagnostics, job.loop.resets_done, told, tokens, folder)


class Killed(BaseException):
    """Not an Exception, so that nothing on the way takes it for a failure."""


@pytest.fixture(scope="session", autouse=True)
def quick_collections():
    """Trainers collect garbage at every start; what the libraries hold need not be looked at each time."""
    import trl  # noqa: F401

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def killed():
    """What ``bench.train(kill_at=…)`` raises."""
    return Killed


@pytest.fixture(scope="package", params=adapter_names())
def adapter(request):
    """Each registered adapter in turn; one that does not load fails its tests."""
    return load_adapter(request.param)


@pytest.fixture(scope="package")
def bench(adapter, small_model, nano_pairs, tmp_path_factory):
    """The adapter with rows, settings and, where it needs one, its reference."""
    if not adapter.in_process:
        pytest.skip(
            "trains in another program's environment; tests/adapters/external runs it where there is one"
        )
    model = (
        NANO_MODEL if adapter.online else small_model
    )  # no reward, no gradient: some answers must be right
    return Workbench(adapter, model, nano_pairs, tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="package")
def straight(bench, tmp_path_factory):
    """Two replays in one go, all parts of LoRR on."""
    return bench.train(tmp_path_factory.mktemp("straight"))


@pytest.fixture(scope="package")
def stopped(bench, tmp_path_factory):
    """The same, ended after the first replay."""
    return bench.train(tmp_path_factory.mktemp("stopped"), stop_after=1)
