"""A reference by several processes, which is that of one to the bit."""

import os
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import torch
from lorr_bench_adapters.native.methods import DPO
from stage_samples import sample

from lorr_bench.data.pairs import write_pairs
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.stages.training import reference_ranks
from lorr_bench.stages.training.reference_ranks import (
    process_count,
    reference_in_processes,
    rows_of_a_share,
    run_share,
    share_of,
)


@pytest.mark.parametrize(
    ("rows", "unit", "processes", "sizes"),
    [
        (128, 32, 4, [32, 32, 32, 32]),
        (130, 32, 4, [32, 32, 32, 34]),  # five units: the last process has two, of which one has two rows
        (100, 32, 3, [32, 32, 36]),
        (40, 32, 2, [32, 8]),
        (7, 1, 2, [3, 4]),
    ],
)
def test_shares_are_whole_units_in_order(rows, unit, processes, sizes):
    shares = share_of(rows, unit, processes)
    assert [len(range(rows)[share]) for share in shares] == sizes
    assert [row for share in shares for row in range(rows)[share]] == list(range(rows))
    assert all(share.start % unit == 0 for share in shares)


def stage_of(adapter="native.dpo", rows="pairs", unique_pairs=40, processes=2, place=None, **settings):
    setting = {
        "adapter": adapter,
        "processes": processes,
        "hyperparameters": {"max_length": 96, "precompute_ref_batch_size": 8, **settings},
        **({"model_path": place} if place else {}),
    }
    return sample("reference", rows=rows, unique_pairs=unique_pairs, setting=setting)


@pytest.mark.parametrize(
    ("adapter", "micro_batch", "rows"), [("native.dpo", 12, 8), ("native.kto", 12, 24), ("trl.kto", 6, 24)]
)
def test_rows_that_are_mixed_in_micro_batches_stay_together(adapter, micro_batch, rows):
    """The least common multiple of 8 and the micro-batch, where KTO mismatches responses."""
    assert rows_of_a_share(stage_of(adapter, per_device_train_batch_size=micro_batch)) == rows


@pytest.mark.parametrize(
    ("gpus", "asked", "rows", "processes"), [(4, 4, 100, 4), (4, 4, 20, 3), (4, None, 100, 1), (0, 4, 100, 1)]
)
def test_processes_are_as_many_as_asked_and_have_rows(monkeypatch, gpus, asked, rows, processes):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: gpus > 0)
    assert process_count(stage_of(processes=asked), rows) == processes


def test_without_a_batch_that_is_known_one_process_has_all(monkeypatch):
    stage = SimpleNamespace(
        setting=SimpleNamespace(processes=4), known_settings=SimpleNamespace(precompute_ref_batch_size=None)
    )
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert process_count(stage, 100) == 1


def test_a_process_is_the_only_one_on_the_gpu_of_its_rank(monkeypatch, tmp_path, nano_pairs, adapters):
    seen = []

    class Watching(DPO):
        def reference(self, model, rows, hyperparameters, output):
            seen.append((len(rows), dict(os.environ), output))

    task = task_of(stage_of(), nano_pairs, tmp_path)
    order = {**reference_ranks.write_order(task), "shares": [str(tmp_path / "0"), str(tmp_path / "1")]}
    for name in (*reference_ranks.OF_A_GROUP, "ACCELERATE_USE_FSDP", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    adapters(Watching())
    run_share(order, lambda *_: None)
    rows, environment, output = seen[0]
    assert (rows, output) == (24, tmp_path / "1")  # of 5 units of 8 the second process has three
    assert environment["CUDA_VISIBLE_DEVICES"] == "6"
    assert not [name for name in environment if name in reference_ranks.OF_A_GROUP or "ACCELERATE" in name]


def task_of(stage, pairs, folder):
    collection = folder / "collection"
    collection.mkdir()
    write_pairs(collection / "pairs.jsonl", pairs)
    (folder / "out").mkdir()
    return Task(stage, {"pairs": collection}, folder / "out", folder / "s", EngineRoom(), lambda *_: None)


@pytest.mark.slow
def test_two_processes_write_what_one_writes(monkeypatch, small_model, nano_pairs, tmp_path):
    """The processes one after the other in this one; tests/distributed starts real ones."""

    def one_after_the_other(order, processes, sharding, log, progress, *, work):
        for rank in range(processes):
            monkeypatch.setenv("RANK", str(rank))
            run_share(order, progress)
        started.append((processes, sharding, work))

    started = []
    monkeypatch.setattr(reference_ranks, "train_in_processes", one_after_the_other)
    stage = stage_of(place=str(small_model))
    task = task_of(stage, nano_pairs, tmp_path)
    alone, shared = tmp_path / "alone.parquet", tmp_path / "out" / "reference.parquet"
    rows = reference_ranks.select(task).rows
    stage.adapter.reference(task.model, rows, stage.hyperparameters, alone)
    reference_in_processes(task, 2, shared)
    assert started == [(2, "ddp", reference_ranks.RUN_SHARE)]
    assert pq.read_table(shared).num_rows == len(nano_pairs)
    assert pq.read_table(shared).equals(pq.read_table(alone))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["reference.parquet"]
