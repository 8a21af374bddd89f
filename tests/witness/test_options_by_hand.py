"""Priming and label noise against paths that share no code with ours.

Priming: DPO written out with torch and transformers, many passes over the first pairs, then one over all. Label
noise: a file of pairs whose rows were swapped by hand. Both run the stages of a planned suite, but for those of
the engine.
"""

import dataclasses
import hashlib
import json
import random
from functools import cache

import pytest
import torch
from greedy import NANO
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lorr_bench.plan.plan import make_plan
from lorr_bench.run.worker import run_stage
from lorr_bench.spec.load import load_suite
from lorr_bench.stages.task import EngineRoom
from lorr_bench.store.store import Store
from lorr_bench.values import Point

pytestmark = pytest.mark.slow

SEED, PAIRS, BATCH, BETA, RATE, LENGTH = 3, 16, 4, 0.5, 2e-4, 128
PRIMED_PAIRS, PRIMED_REPLAYS, PRIMED_RATE = 6, 4, 1e-3
SETTINGS = {
    "backend": "native",
    "learning_rate": RATE,
    "per_device_train_batch_size": BATCH,
    "max_length": LENGTH,
}
DPO = {**SETTINGS, "beta": BETA}
PRIMING = {
    "unique_pairs": PRIMED_PAIRS,
    "replays": PRIMED_REPLAYS,
    "settings": {"learning_rate": PRIMED_RATE},
}
SHARE = 0.3
ROUNDING = 5e-3
"""Of the way that weights went: float32, and Adam makes a step of nearly no gradient as large as any."""


def rows_of(pairs):
    return [{"id": p.id, "prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains the arms of a suite on rows; gives the pairs of the seed, and the weights of a stage by label."""

    def run(rows, methods, plugins):
        folder = tmp_path_factory.mktemp("suite")
        (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        suite = {
            "name": "by_hand",
            "model": "nano",
            "seeds": [SEED],
            "data": {"pairs": {"source": "pairs.jsonl"}},
            "budget": {"unique_pairs": [PAIRS]},
            "methods": methods,
            "plugins": plugins,
            "evaluation": {"math": [{"name": "easy", "source": "nano/easy", "limit": 2, "max_tokens": 8}]},
        }
        (folder / "suite.yaml").write_text(json.dumps(suite), "utf-8")
        plan, store = make_plan(load_suite(folder / "suite.yaml", ())), Store(folder / "store")
        stages = {stage.digest: stage for stage in plan.stages}
        for stage in plan.stages:
            if stage.kind in ("import_pairs", "reference", "train"):
                inputs = {role: stages[digest] for role, digest in stage.inputs.items()}
                run_stage(
                    stage,
                    inputs,
                    store,
                    EngineRoom(),
                    progress=lambda *_: None,
                    notice=lambda text: None,
                )
        return Result(plan, stages, store)

    return run


@dataclasses.dataclass(frozen=True)
class Result:
    """What the stages of a suite left."""

    plan: object
    stages: dict
    store: Store

    def pairs(self):
        [stage] = [stage for stage in self.plan.stages if stage.kind == "import_pairs"]
        lines = (self.store.folder(stage) / "pairs.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines][:PAIRS]

    def weights(self, arm):
        """Of the arm; of its priming, where the label of that stage is given."""
        stage = next((stage for stage in self.plan.stages if stage.label == arm), None)
        stage = stage or self.stages[self.plan.training[Point(arm, PAIRS, SEED)]]
        return load_file(self.store.folder(stage) / "model" / "model.safetensors")

    def spend(self, arm):
        return self.store.read(self.stages[self.plan.training[Point(arm, PAIRS, SEED)]]).outcome.spend


def order(count, replay):
    """The rows of a pass: shuffled by seed and number of the pass."""
    rows = list(range(count))
    random.Random(f"order/{SEED}/{replay}").shuffle(rows)
    return rows


class ByHand:
    """DPO (arXiv 2305.18290, equation 7) with AdamW, a rate that falls to 0, and gradients clipped at 1."""

    def __init__(self):
        self.tokenizer = AutoTokenizer.from_pretrained(NANO)
        self.model = AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32)
        self.reference = AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32)

    def log_prob(self, model, prompt, response):
        begin = len(self.tokenizer(prompt)["input_ids"])
        text = f"{prompt}{response}{self.tokenizer.eos_token}"
        ids = torch.tensor([self.tokenizer(text)["input_ids"]])
        log_probs = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])
        return log_probs[begin - 1 :].sum()

    def margin(self, model, pair):
        chosen, rejected = (self.log_prob(model, pair["prompt"], pair[way]) for way in ("chosen", "rejected"))
        return chosen - rejected

    def train(self, pairs, replays, rate):
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=rate, weight_decay=0.0)
        batches = [
            rows[begin : begin + BATCH]
            for replay in range(1, replays + 1)
            for rows in [order(len(pairs), replay)]
            for begin in range(0, len(rows), BATCH)
        ]
        with torch.no_grad():
            references = [self.margin(self.reference, pair) for pair in pairs]
        for step, rows in enumerate(batches):
            margins = torch.stack([self.margin(self.model, pairs[row]) - references[row] for row in rows])
            loss = -torch.nn.functional.logsigmoid(BETA * margins).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 - step / len(batches))
            optimizer.step()
        return self.weights()

    def weights(self):
        return {name: tensor.detach().clone() for name, tensor in self.model.named_parameters()}


def distance(found, expected):
    """Euclidean, over all weights."""
    return sum((found[name] - expected[name]).double().square().sum().item() for name in found) ** 0.5


def different(found, expected):
    return [name for name in found if not torch.equal(found[name], expected[name])]


@pytest.fixture(scope="module")
def primed(trained, nano_pairs):
    """DPO with priming and without, and the primed one started over before its only replay."""
    over = {
        "type": "lorr",
        "replays": 1,
        "sft": "off",
        "reset": {"period": "begin", "factor": 0, "tensors": "all"},
    }
    methods = {
        "dpo": {**DPO, "plugins": ["plain"]},
        "primed": {**DPO, "adapter": "dpo", "priming": PRIMING},
    }
    return trained(rows_of(nano_pairs), methods, {"plain": {}, "over": over})


def test_a_primed_arm_is_two_trainings_by_hand(primed):
    by_hand, pairs = ByHand(), primed.pairs()
    start = by_hand.weights()
    first = by_hand.train(pairs[:PRIMED_PAIRS], PRIMED_REPLAYS, PRIMED_RATE)
    label = f"prime primed on the first {PRIMED_PAIRS} pairs, {PRIMED_REPLAYS} replays, seed {SEED}"
    assert distance(primed.weights(label), first) < ROUNDING * distance(first, start)
    then, found = by_hand.train(pairs, 1, RATE), primed.weights("primed+plain")
    assert distance(found, then) < ROUNDING * distance(then, first)
    for other in (start, first, primed.weights("dpo+plain")):
        assert distance(found, other) > distance(then, first) / 2


def test_starting_over_is_an_arm_that_was_never_primed_to_the_bit(primed):
    assert different(primed.weights("primed+over"), primed.weights("dpo+plain")) == []


def test_the_ledger_has_the_passes_of_the_priming_by_hand(primed):
    """6 pairs in batches of 4 are 2 steps a pass, 16 are 4."""
    with_it, without = primed.spend("primed+plain"), primed.spend("dpo+plain")
    assert with_it["pair_visits"] == PRIMED_REPLAYS * PRIMED_PAIRS + PAIRS
    assert with_it["optimizer_steps"] == PRIMED_REPLAYS * 2 + 4
    assert with_it["unique_pairs"] == without["unique_pairs"] == PAIRS
    tokenizer, pairs = AutoTokenizer.from_pretrained(NANO), primed.pairs()
    lengths = [
        sum(len(tokenizer(pair["prompt"] + pair[way])["input_ids"]) + 1 for way in ("chosen", "rejected"))
        for pair in pairs
    ]
    assert with_it["train_tokens"] == PRIMED_REPLAYS * sum(lengths[:PRIMED_PAIRS]) + sum(lengths)


def swapped_by_hand(row):
    """The rows whose number is below the share, the other way round."""
    digits = hashlib.sha256(f"label noise/{SEED}/{row['id']}".encode()).hexdigest()[:16]
    if int(digits, 16) / 16**16 >= SHARE:
        return row
    return {**row, "chosen": row["rejected"], "rejected": row["chosen"]}


METHODS = {
    "dpo": DPO,
    "simpo": {**SETTINGS, "beta": 2.0, "plugins": ["lorr"]},
    "kto": {**DPO, "plugins": ["lorr"]},
    "sft": {**SETTINGS, "plugins": ["plain"]},
}
ARMS = ["dpo+plain", "dpo+lorr", "simpo+lorr", "kto+lorr", "sft+plain"]


@pytest.fixture(scope="module")
def noisy(trained, nano_pairs):
    """The same arms with label noise, without, and on rows that were swapped by hand."""
    rows = rows_of(nano_pairs)
    silent = {"plain": {}, "lorr": {"replays": 2}}
    noise = {name: {**plugin, "label_noise": SHARE} for name, plugin in silent.items()}

    @cache
    def run(kind):
        if kind == "swapped":
            return trained([swapped_by_hand(row) for row in rows], METHODS, silent)
        return trained(rows, METHODS, noise if kind == "noise" else silent)

    return run


@pytest.mark.parametrize("arm", ARMS)
def test_label_noise_is_a_file_with_swapped_rows_to_the_bit(noisy, arm):
    assert different(noisy("noise").weights(arm), noisy("swapped").weights(arm)) == []
    assert different(noisy("noise").weights(arm), noisy("right").weights(arm))


def test_the_ledger_has_the_rows_that_were_swapped(noisy):
    pairs = noisy("right").pairs()
    count = sum(swapped_by_hand(pair) != pair for pair in pairs)
    assert 1 < count < PAIRS
    assert noisy("noise").spend("dpo+lorr")["flipped_pairs"] == count
    assert "flipped_pairs" not in noisy("right").spend("dpo+lorr")
