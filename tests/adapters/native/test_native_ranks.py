"""Native DPO with LoRR in two processes, replicated and sharded, against one process with the same global batch."""

import dataclasses
import json
import os
from pathlib import Path

import native_work
import pytest
import torch
from lorr_bench_adapters.native.methods import DPO
from safetensors.torch import load_file

from lorr_bench.stages.training import ranks

HERE = Path(__file__).parent
PAIRS = 19  # the last micro-batch has three pairs for two processes: two for the first, one for the second

pytestmark = pytest.mark.slow


ALL_WEIGHTS, LORA = None, {"r": 2, "target_modules": ["q_proj", "o_proj"]}


@pytest.fixture(scope="module")
def order(small_model, nano_pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    pairs, reference = folder / "pairs.json", folder / "reference.parquet"
    pairs.write_text(json.dumps([dataclasses.asdict(pair) for pair in nano_pairs[:PAIRS]]))
    start = native_work.start_model(small_model)
    DPO().reference(start, nano_pairs[:PAIRS], native_work.settings(4), reference)
    return {
        "model": str(small_model),
        "pairs": str(pairs),
        "reference": str(reference),
        "stop_after": 2,
    }


@pytest.fixture(scope="module")
def alone(order, tmp_path_factory):
    def train(lora):
        output = tmp_path_factory.mktemp("alone")
        whole = {**order, "output": str(output), "batch": 4, "lora": lora}
        seen = native_work.train(whole, lambda *_: None)
        return seen, load_file(output / "model" / "model.safetensors")

    return train


@pytest.fixture
def in_two(order, tmp_path, monkeypatch):
    """Train in two processes with half the batch each, to the end of each of the given replays."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[2])]))
    monkeypatch.setattr(ranks, "check_devices", lambda number, sharding: None)

    def train(sharding, stops, lora):
        work = "native_work:train_sharded" if sharding == "fsdp" else "native_work:train"
        for stop_after in stops:
            seen = ranks.train_in_processes(
                {**order, "output": str(tmp_path), "batch": 2, "stop_after": stop_after, "lora": lora},
                2,
                sharding,
                tmp_path / "log",
                lambda *_: None,
                work=work,
            )
        return seen, load_file(tmp_path / "model" / "model.safetensors")

    return train


@pytest.mark.parametrize(
    ("sharding", "stops", "lora"),
    [("ddp", [2], ALL_WEIGHTS), ("fsdp", [1, 2], ALL_WEIGHTS), ("fsdp", [1, 2], LORA)],
    ids=["replicated", "sharded and interrupted", "sharded LoRA and interrupted"],
)
def test_two_processes_end_where_one_ends(alone, in_two, sharding, stops, lora):
    expected, expected_weights = alone(lora)
    seen, weights = in_two(sharding, stops, lora)
    assert seen["steps"] == expected["steps"] == 6
    assert seen["tokens"] == expected["tokens"]
    assert seen["norms"] == pytest.approx(expected["norms"], rel=1e-4)
    for mine, theirs in zip(seen["diagnostics"], expected["diagnostics"], strict=True):
        assert [mine.pop("sharded"), theirs.pop("sharded")] == [sharding == "fsdp", False]
        assert mine == pytest.approx(theirs, rel=1e-2, abs=1e-4)
    assert sorted(weights) == sorted(expected_weights)
    for name, tensor in expected_weights.items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=5e-5)
