"""The train stage around an adapter."""

import pytest
from lorr_bench_adapters.trl.dpo import DPO

from lorr_bench.data.pairs import write_pairs
from lorr_bench.errors import DataError
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.trainer import TrainOutcome
from lorr_bench.stages import train as train_module
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.stages.train import forget_peak_memory, peak_memory, train


class RecordingAdapter(DPO):
    """Trains nothing, remembers the job."""

    def train(self, job):
        self.job = job
        return TrainOutcome(optimizer_steps=9, train_tokens=1000, parameters=50, replays=({"loss": 0.5},))


@pytest.fixture
def adapter(monkeypatch):
    adapter = RecordingAdapter()
    monkeypatch.setattr(train_module, "load_adapter", lambda name: adapter)
    return adapter


@pytest.fixture
def task(tmp_path, nano_pairs):
    collection = tmp_path / "collection"
    collection.mkdir()
    write_pairs(collection / "pairs.jsonl", nano_pairs)

    def make(unique_pairs, reset=None):
        params = {
            "adapter": ["dpo", 1],
            "hyperparameters": {"per_device_train_batch_size": 4},
            "sft_weights": [0.1, 0.2, 0.3],
            "reset": reset,
            "unique_pairs": unique_pairs,
            "seed": 5,
            "dtype": "float32",
            "trust_remote_code": False,
        }
        stage = Stage("train", "train", params, setting={"model_path": "m", "revision": None})
        return Task(stage, (collection, tmp_path), tmp_path / "out", EngineRoom(), lambda done, total: None)

    return make


def test_the_ledger_by_hand(adapter, task):
    spend = train(task(10)).spend
    assert (spend["unique_pairs"], spend["pair_visits"], spend["optimizer_steps"]) == (10, 30, 9)
    assert spend["train_tokens"] == 1000
    assert spend["flops"] == 6 * 50 * 1000
    assert spend["wall_seconds"] >= 0
    assert spend["peak_memory_bytes"] > 10**6


def test_the_adapter_gets_the_first_pairs_and_the_loop(adapter, task):
    train(task(10, reset={"pattern": "o_proj", "factor": 0.5, "clear_optimizer": True}))
    assert list(adapter.job.rows) == list(range(10))
    assert (adapter.job.loop.rows, adapter.job.loop.replays) == (10, 3)
    assert adapter.job.seed == 5
    assert adapter.job.hyperparameters.per_device_train_batch_size == 4


def test_the_global_batch_is_recorded(adapter, task):
    assert train(task(10)).metrics["global_batch_size"] == 4


def test_a_budget_beyond_the_pairs_is_an_error(adapter, task):
    with pytest.raises(DataError, match="the budget is 41 pairs, there are 40"):
        train(task(41))


def test_peak_memory_is_measured_anew():
    block = bytearray(300 * 2**20)
    high = peak_memory()
    del block
    forget_peak_memory()
    assert peak_memory() < high
