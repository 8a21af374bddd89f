"""DPO with LoRR in two processes, native and on TRL, against one process with the same global batch.

A start of two processes takes longer than the trainings, so that each trains all that it can.
"""

import dataclasses
import json
import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import native_work
import pytest
import torch
import trl_work
from lorr_bench_adapters.native import methods as native_methods
from lorr_bench_adapters.trl import methods as trl_methods
from safetensors.torch import load_file
from training_work import TRAIN
from warm_process import warm_process, with_warm_launcher

from lorr_bench.stages.training import ranks

HERE = Path(__file__).parent
ROUNDING = {"native": 5e-5, "trl": 1e-4}  # float32; gradients are summed in another order
PAIRS = {
    "native": 19,
    "trl": 24,
    "own": 24,
}  # a last micro-batch of three has two pairs for one rank, one for the other
LORA = {"r": 2, "target_modules": ["q_proj", "o_proj"]}
JOBS = {
    "native": ("native", None),
    "native LoRA": ("native", LORA),
    "trl": ("trl", None),
    "own": ("own", None),
    "native bf16": ("native", None),
    "trl bf16": ("trl", None),
}
JOBS_OF = {
    "ddp": ["native", "trl", "own", "native bf16", "trl bf16"],
    "fsdp": ["native", "native LoRA", "trl", "native bf16", "trl bf16"],
}

pytestmark = pytest.mark.slow
with_deepspeed = pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed")


@pytest.fixture(scope="module")
def job(small_model, nano_pairs, tmp_path_factory):
    """A job by its name: what to train on, and its reference."""
    folder = tmp_path_factory.mktemp("jobs")

    @cache
    def inputs(adapter):
        rows = nano_pairs[: PAIRS[adapter]]
        pairs, reference = folder / f"{adapter}.json", folder / f"{adapter}.parquet"
        pairs.write_text(json.dumps([dataclasses.asdict(pair) for pair in rows]))
        work, module = (native_work, native_methods) if adapter == "native" else (trl_work, trl_methods)
        module.DPO().reference(work.start_model(small_model), rows, work.settings(4), reference)
        return {"model": str(small_model), "pairs": str(pairs), "reference": str(reference)}

    def of(name, output, **changes):
        adapter, lora = JOBS[name]
        place = output / name
        place.mkdir(exist_ok=True)
        return {
            **inputs(adapter),
            "name": name,
            "adapter": adapter,
            "lora": lora,
            "bf16": "bf16" in name,
            "deepspeed": False,
            "output": str(place),
            "stop_after": 2,
            **changes,
        }

    return of


def weights(output, name):
    return load_file(output / name / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def alone(job, tmp_path_factory):
    """What a job of one process sees, and its weights."""
    output = tmp_path_factory.mktemp("alone")

    @cache
    def train(name):
        order = job(name, output, batch=4)
        return TRAIN[order["adapter"]](order, lambda *_: None), weights(output, name)

    return train


@pytest.fixture(scope="module")
def in_two(job, tmp_path_factory):
    """The same of two processes with half the batch each; those that shard are ended after the first replay."""

    @cache
    def train(sharding):
        output, seen = tmp_path_factory.mktemp("two"), {}
        names = JOBS_OF.get(sharding, ["trl"])
        cut = {"batch": 2, "deepspeed": sharding.startswith("deepspeed")}
        for stop_after in [2] if sharding == "ddp" else [1, 2]:
            jobs = [job(name, output, stop_after=stop_after, **cut) for name in names]
            work = "training_work:train_sharded" if sharding == "fsdp" else "training_work:train"
            seen = ranks.train_in_processes(
                {"jobs": jobs}, 2, sharding, output / "log", lambda *_: None, work=work
            )
        return {name: (seen[name], weights(output, name)) for name in names}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(map(str, [HERE, HERE.parents[1], HERE.parents[1] / "adapters"]))
        )
        patch.setattr(ranks, "check_devices", lambda number, sharding: None)
        if sys.platform == "linux":
            patch.setattr(ranks, "subprocess", with_warm_launcher(warm_process()))
        yield train


def assert_same_weights(found, expected, rounding):
    assert sorted(found) == sorted(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=rounding)


@pytest.mark.parametrize(
    ("sharding", "name"), [("ddp", "native"), ("fsdp", "native"), ("fsdp", "native LoRA")]
)
def test_two_processes_end_where_one_ends(alone, in_two, sharding, name):
    (expected, expected_weights), (seen, found) = alone(name), in_two(sharding)[name]
    assert seen["steps"] == expected["steps"] == 6
    assert seen["tokens"] == expected["tokens"]
    assert seen["norms"] == pytest.approx(expected["norms"], rel=1e-4)
    for mine, theirs in zip(seen["diagnostics"], expected["diagnostics"], strict=True):
        assert (mine["sharded"], theirs["sharded"]) == (sharding == "fsdp", False)
        assert {**mine, "sharded": 0} == pytest.approx({**theirs, "sharded": 0}, rel=1e-2, abs=1e-4)
    assert_same_weights(found, expected_weights, ROUNDING["native"])


@pytest.mark.parametrize(
    "sharding",
    [
        pytest.param("ddp", id="replicated"),
        pytest.param("fsdp", id="FSDP2"),
        pytest.param("deepspeed_zero2", id="ZeRO stage 2", marks=with_deepspeed),
        pytest.param("deepspeed_zero3", id="ZeRO stage 3", marks=with_deepspeed),
    ],
)
def test_two_processes_of_trl_end_where_one_ends(alone, in_two, sharding):
    (expected, expected_weights), (seen, found) = alone("trl"), in_two(sharding)["trl"]
    assert seen["sharded"] is (sharding in ("fsdp", "deepspeed_zero3"))
    assert (seen["steps"], seen["tokens"]) == (expected["steps"], expected["tokens"])
    assert seen["losses"] == pytest.approx(expected["losses"], rel=1e-4)
    assert seen["diagnostics"] == [
        pytest.approx(values, rel=1e-3, abs=1e-4) for values in expected["diagnostics"]
    ]
    assert_same_weights(found, expected_weights, ROUNDING["trl"])


@pytest.mark.parametrize("name", ["native bf16", "trl bf16"])
def test_sharded_trainings_in_bfloat16_lose_no_more_than_replicated_ones(in_two, name):
    """With the precision that accelerate chooses by itself TRL's is 0.0041 off."""
    (replicated, _), (sharded, _) = in_two("ddp")[name], in_two("fsdp")[name]
    assert sharded["losses"] == pytest.approx(replicated["losses"], abs=3e-3)


def test_a_trainer_of_ones_own_in_two_processes_ends_where_the_suites_ends_in_one(alone, in_two):
    """Rows in one order, and resets on both ranks."""
    seen, found = in_two("ddp")["own"]
    assert seen["apart"] == 0
    assert_same_weights({name: found[name] for name in alone("trl")[1]}, alone("trl")[1], ROUNDING["trl"])
