"""TRL's DPOTrainer with LoRR in two processes, against one process with the same global batch."""

import dataclasses
import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest
import trl_work
from lorr_bench_adapters.trl.methods import DPO
from safetensors.torch import load_file

from lorr_bench.stages.training import ranks

HERE = Path(__file__).parent
ROUNDING = 1e-4  # float32, twelve Adam steps of at most 1e-3; gradients are summed in another order

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def order(small_model, nano_pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trl")
    pairs, reference = folder / "pairs.json", folder / "reference.parquet"
    pairs.write_text(json.dumps([dataclasses.asdict(pair) for pair in nano_pairs[:24]]))
    DPO().reference(trl_work.start_model(small_model), nano_pairs[:24], trl_work.settings(4), reference)
    return {"model": str(small_model), "pairs": str(pairs), "reference": str(reference), "stop_after": 2}


@pytest.fixture(scope="module")
def alone(order, tmp_path_factory):
    output = tmp_path_factory.mktemp("alone")
    seen = trl_work.train({**order, "output": str(output), "batch": 4}, lambda *_: None)
    return seen, load_file(output / "model" / "model.safetensors")


@pytest.fixture
def in_two(order, tmp_path, monkeypatch):
    """Train in two processes with half the batch each, to the end of each of the given replays."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    monkeypatch.setattr(ranks, "check_devices", lambda number, sharding: None)

    def train(sharding, stops):
        work = "trl_work:train_sharded" if sharding == "fsdp" else "trl_work:train"
        for stop_after in stops:
            seen = ranks.train_in_processes(
                {**order, "output": str(tmp_path), "batch": 2, "stop_after": stop_after},
                2,
                sharding,
                tmp_path / "log",
                lambda *_: None,
                work=work,
            )
        return seen, load_file(tmp_path / "model" / "model.safetensors")

    return train


with_deepspeed = pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed")
WAYS = [
    pytest.param("ddp", [2], id="replicated"),
    pytest.param("fsdp", [1, 2], id="FSDP2"),
    pytest.param("deepspeed_zero2", [1, 2], id="ZeRO stage 2", marks=with_deepspeed),
    pytest.param("deepspeed_zero3", [1, 2], id="ZeRO stage 3", marks=with_deepspeed),
]


@pytest.mark.parametrize(("sharding", "stops"), WAYS)
def test_two_processes_end_where_one_ends_also_after_an_interruption(alone, in_two, sharding, stops):
    expected, expected_weights = alone
    seen, weights = in_two(sharding, stops)
    assert seen["sharded"] is (sharding in ("fsdp", "deepspeed_zero3"))
    assert (seen["steps"], seen["tokens"]) == (expected["steps"], expected["tokens"])
    assert seen["losses"] == pytest.approx(expected["losses"], rel=1e-4)
    assert seen["diagnostics"] == [
        pytest.approx(values, rel=1e-3, abs=1e-4) for values in expected["diagnostics"]
    ]
    for name, tensor in expected_weights.items():
        assert (weights[name] - tensor).abs().max() <= ROUNDING, name
