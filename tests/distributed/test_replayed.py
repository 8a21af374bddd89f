"""LoRR in two processes, replicated (DDP) and sharded (FSDP2), against one process with the same global batch."""

import json
import os
from pathlib import Path

import pytest
import replayed
import torch
from safetensors.torch import load_file
from warm_process import run_warm

from lorr_bench.lorr.measures import module_group

SCRIPT = Path(replayed.__file__)
ROUNDING = 1e-9  # the runs are in float64; gradients are summed in another order
RANKS = (0, 1)

pytestmark = pytest.mark.slow


class Runs:
    """What every rank saw, by name of the case."""

    def __init__(self, folder):
        self._folder = folder

    def seen(self, case, rank=0):
        seen = json.loads((self._folder / f"{case}.{rank}.json").read_text())
        assert "failed" not in seen, seen.get("failed")
        return seen

    def weights(self, case, rank=0):
        self.seen(case, rank)
        return load_file(self._folder / f"{case}.{rank}.safetensors")


@pytest.fixture(scope="module")
def runs(small_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = run_warm(*launcher, SCRIPT, small_model, folder, environment=os.environ, timeout=300)
    assert done.returncode == 0, done.stderr[-5000:]
    return Runs(folder)


@pytest.fixture(scope="module")
def one_process(small_model):
    """The same runs in this process; each is made once."""

    def model(lora):
        return replayed.with_lora(replayed.load(small_model)) if lora else replayed.load(small_model)

    return {
        "plain": replayed.train(model(False), replayed.alone),
        "lora": replayed.train(model(True), replayed.alone),
        "probed": replayed.train(model(False), replayed.alone, probed=True),
        "lora_probed": replayed.train(model(True), replayed.alone, probed=True),
        "reset": replayed.reset_only(model(False), replayed.alone),
        "lora_reset": replayed.reset_only(model(True), replayed.alone),
    }


def assert_same(weights, expected, tolerance):
    assert sorted(weights) == sorted(expected)
    for name, tensor in expected.items():
        difference = (weights[name] - tensor).abs().max().item()
        assert difference <= tolerance, f"{name} differs by {difference}"


TRAINED = [
    ("ddp", "plain"),
    ("ddp_started_bare", "plain"),
    ("fsdp", "plain"),
    ("fsdp_started_bare", "plain"),
    ("fsdp_checkpoints", "plain"),
    ("accelerate", "plain"),
    ("fsdp_lora", "lora"),
    ("ddp_probed", "plain"),
    ("fsdp_probed", "plain"),
    ("fsdp_probed_started_bare", "plain"),
    ("fsdp_lora_probed", "lora"),
]


@pytest.mark.parametrize(("case", "alone"), TRAINED)
@pytest.mark.parametrize("rank", RANKS)
def test_three_replays_end_at_the_weights_of_one_process(runs, one_process, case, alone, rank):
    assert_same(runs.weights(case, rank), one_process[alone][0], ROUNDING)


def test_the_weights_that_are_compared_have_been_trained(one_process, small_model):
    start = replayed.weights(replayed.load(small_model))
    trained = one_process["plain"][0]
    assert all((trained[name] - start[name]).abs().max() > 1e-3 for name in start)


@pytest.mark.parametrize(("case", "alone"), TRAINED)
@pytest.mark.parametrize("rank", RANKS)
def test_every_rank_forgets_the_moments_of_the_reset_tensors_and_keeps_all_others(
    runs, one_process, case, alone, rank
):
    every = sorted(one_process[alone][0])
    marks = ("o_proj", "down_proj", "embed_tokens", "model.norm")
    is_reset = [
        any(mark in name for mark in marks) and (alone == "plain" or "lora_B" in name) for name in every
    ]
    kept = [name for name, reset in zip(every, is_reset, strict=True) if not reset]
    assert 0 < len(kept) < len(every)
    after_each_replay = [sorted(names) for names in runs.seen(case, rank)["moments"]]
    assert after_each_replay == [kept, kept, every]


@pytest.mark.parametrize(("case", "sharded"), [("ddp", False), ("fsdp", True), ("accelerate", True)])
def test_the_weights_are_sharded_where_the_name_says_so(runs, case, sharded):
    assert runs.seen(case)["sharded"] is sharded


@pytest.mark.parametrize("case", ["ddp", "fsdp", "accelerate"])
def test_a_reset_follows_every_replay_but_the_last(runs, case):
    assert runs.seen(case)["resets"] == 2


@pytest.mark.parametrize(
    "case",
    [
        "ddp_reset",
        "fsdp_reset",
        "accelerate_reset",
        "fsdp_reset_started_bare",
        "fsdp_reset_to_another_model",
        "fsdp_reset_after_forward",
    ],
)
@pytest.mark.parametrize("rank", RANKS)
def test_a_reset_without_steps_gives_the_bits_of_one_process(runs, one_process, case, rank):
    assert_same(runs.weights(case, rank), one_process["reset"][0], 0.0)


@pytest.mark.parametrize("case", ["fsdp_reset", "fsdp_reset_to_another_model", "fsdp_lora_reset"])
def test_no_process_keeps_the_whole_anchor_of_sharded_weights(runs, case):
    assert runs.seen(case)["cut_anchor"]


@pytest.mark.parametrize("case", ["ddp_begun", "fsdp_begun", "accelerate_begun"])
@pytest.mark.parametrize("rank", RANKS)
def test_a_reset_before_the_first_replay_changes_every_tensor_once(runs, small_model, case, rank):
    """1/4 of 1.7 times the start, and 3/4 of the start."""
    start = replayed.weights(replayed.load(small_model))
    expected = {name: (0.25 * 1.7 + 0.75) * tensor for name, tensor in start.items()}
    assert_same(runs.weights(case, rank), expected, 1e-15)
    assert runs.seen(case, rank)["resets"] == 1


@pytest.mark.parametrize("case", ["fsdp_reset", "accelerate_reset"])
def test_a_tied_tensor_is_reset_once(runs, small_model, case):
    start = replayed.weights(replayed.load(small_model))["model.embed_tokens.weight"]
    # 1/4 of 1.7 times the start, and 3/4 of the start; twice would leave 1/16 of the change
    expected = (0.25 * 1.7 + 0.75) * start
    assert_same({"tied": runs.weights(case)["model.embed_tokens.weight"]}, {"tied": expected}, 1e-15)


def test_a_sharded_lora_product_shrinks_by_exactly_alpha(runs, small_model):
    before = replayed.weights(replayed.with_lora(replayed.load(small_model)))
    after = runs.weights("fsdp_lora_reset")
    for name in [name for name in before if "lora_B" in name and "q_proj" not in name]:
        first = name.replace("lora_B", "lora_A")
        product = (1.7 * before[name]) @ (1.7 * before[first])
        assert torch.equal(after[name] @ after[first], 0.25 * product)  # α is a power of two


def test_a_sharded_lora_reset_gives_the_bits_of_one_process(runs, one_process):
    assert_same(runs.weights("fsdp_lora_reset"), one_process["lora_reset"][0], 0.0)


@pytest.mark.parametrize(
    ("case", "alone"),
    [
        ("ddp_probed", "probed"),
        ("fsdp_probed", "probed"),
        ("fsdp_probed_started_bare", "probed"),
        ("fsdp_lora_probed", "lora_probed"),
    ],
)
@pytest.mark.parametrize("rank", RANKS)
def test_every_rank_measures_what_one_process_measures(runs, one_process, case, alone, rank):
    measured = runs.seen(case, rank)["diagnostics"]
    expected = one_process[alone][1]["diagnostics"]
    # the probe calculates in float32
    assert measured == [pytest.approx(values, rel=1e-5, abs=1e-6) for values in expected]


def test_distances_of_sharded_weights_are_those_of_the_whole_weights(runs, small_model):
    start, end = replayed.weights(replayed.load(small_model)), runs.weights("fsdp_probed")
    squares = {}
    for name, tensor in start.items():
        group = module_group(name)
        squares[group] = squares.get(group, 0.0) + (end[name] - tensor).square().sum().item()
    last = runs.seen("fsdp_probed")["diagnostics"][-1]
    measured = {key.removeprefix("distance/"): last[key] for key in last if key.startswith("distance/")}
    assert measured == pytest.approx({group: square**0.5 for group, square in squares.items()}, rel=1e-5)
