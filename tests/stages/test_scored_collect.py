"""A collection that a reward model scores, stage by stage: answers, scores, pairs, and what becomes of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scripted_engine import ScriptedEngine
from scripted_fingerprint import put_fingerprint
from small_suite import SUITE, load
from transformers import LlamaConfig, LlamaForSequenceClassification

from lorr_bench.data.nano import tokenizer
from lorr_bench.data.pairs import read_pairs
from lorr_bench.errors import DataError, ModelError
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.driver import Scope
from lorr_bench.run.worker import run_stage
from lorr_bench.stages.task import EngineRoom
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store, done_stages
from lorr_bench.values import Completion

sys.path.append(str(Path(__file__).parents[1] / "witness"))

from rewards import check_scores

pytestmark = pytest.mark.slow

__all__ = ["load"]

SCORED = ("sample", "score", "pair_scored")
FILES = ("answers.jsonl", "prompts.jsonl", "pairs.jsonl")
KILLED = """
import json, os, signal, sys
from lorr_bench.grade import reward
from lorr_bench.run.worker import EventWriter, serve
from lorr_bench.stages.task import EngineRoom

forward, batches = reward._forward, []

def killed_at_the_second(*arguments):
    batches.append(1)
    if len(batches) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return forward(*arguments)

reward._forward = killed_at_the_second
serve(json.load(sys.stdin), EngineRoom(), EventWriter(sys.stdout))
"""


class Scripted(ScriptedEngine):
    """Answers by the text of a prompt, marks what it wraps in a template, and remembers what it was asked."""

    def generate(self, prompts, sampling, progress=None, names=None):
        self.asked += prompts
        return [[self._answer(prompt, n) for n in range(sampling.n)] for prompt in prompts]

    def _answer(self, prompt, n):
        words = ("three", "four", "2 + 2 = 4", "so 5")
        return Completion(words[(len(prompt) + n) % 4], 3 + n, truncated=n == 2, end="<end>")

    def chat(self, problem, chat):
        return f"<user>{problem}<assistant>"


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """A reward model with random weights."""
    folder = tmp_path_factory.mktemp("judge")
    tok = tokenizer.build()
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tok),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=0.5,
        bos_token_id=None,
        eos_token_id=tok.eos_token_id,
        pad_token_id=tok.pad_token_id,
        num_labels=1,
    )
    LlamaForSequenceClassification(config).save_pretrained(folder)
    tok.save_pretrained(folder)
    return folder


class World:
    """A suite with a reward model, and a store in which its collection is made."""

    def __init__(self, plan, store, engine):
        self.plan, self.store, self.engine = plan, store, engine
        self.stages = {stage.digest: stage for stage in plan.stages}

    def inputs(self, stage):
        return {role: self.stages[digest] for role, digest in stage.inputs.items()}

    def of(self, kind):
        return [stage for stage in self.plan.stages if stage.kind == kind]

    def run(self, *kinds):
        """Make what is not there of some kinds of stage; gives the outcome of the last."""
        for stage in self.plan.stages:
            if stage.kind in kinds and self.store.read(stage) is None:
                run_stage(
                    stage,
                    self.inputs(stage),
                    self.store,
                    EngineRoom(lambda *_: self.engine),
                    progress=lambda *_: None,
                    notice=lambda _: None,
                )
        return self.store.read(self.of(kinds[-1])[-1]).outcome

    def order(self, stage):
        needed = {role: one.to_dict() for role, one in self.inputs(stage).items()}
        return {"stage": stage.to_dict(), "inputs": needed, "store": self.store.location, "log": os.devnull}

    def folder(self, kind):
        return self.store.folder(self.of(kind)[-1])

    def files(self, kind):
        folder = self.folder(kind)
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    @property
    def waiting(self):
        done = done_stages(self.plan.stages, self.store)
        return [stage.kind for stage in Scope().waiting(self.plan.stages, done, self.store.whole)]


@pytest.fixture
def world(tmp_path, load, judge):
    """Problems without answers, of which one is too long to ask."""
    texts = [f"say {n}" if n else "one two three four five six" for n in range(8)]
    rows = [json.dumps({"problem": text}) for text in texts]
    (tmp_path / "problems.jsonl").write_text("\n".join(rows), "utf-8")

    def make(folder="store", path=judge, model=None, **changes):
        scorer = {"path": str(path), "dtype": "float32", **(model or {})}
        collect = {"source": "problems.jsonl", "num_prompts": 8, "num_samples": 4, "max_tokens": 32}
        collect |= {"pair_rule": "best_worst", "reward_model": scorer, **changes}
        suite = {**SUITE, "seeds": [0], "budget": {"unique_pairs": [2]}, "data": {"collect": collect}}
        found = World(make_plan(load(suite)), Store(tmp_path / folder), Scripted())
        (start,) = found.of("fingerprint")
        if found.store.read(start) is None:
            with found.store.writing(start) as draft:
                put_fingerprint(draft.folder)
                draft.commit(Outcome())
        return found

    return make


def lines(text):
    return [json.loads(line) for line in text.decode().splitlines()]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_scores_are_those_of_transformers_to_the_last_bit(world, batch_size):
    made = world(model={"batch_size": batch_size})
    made.run("sample", "score")
    (checked,) = check_scores(made.store.root)
    assert (checked.scores, checked.equal) == (7 * 4, 7 * 4)
    assert len({row["score"] for row in lines(made.files("score")["scores.jsonl"])}) > 4


def test_a_witness_sees_a_score_that_is_another(world, judge, tmp_path):
    """The check checks: a judge with another head says other numbers."""
    made = world()
    made.run("sample", "score")
    other = tmp_path / "other"
    model = LlamaForSequenceClassification.from_pretrained(judge)
    torch.nn.init.ones_(model.score.weight)
    model.save_pretrained(other)
    tokenizer.build().save_pretrained(other)
    (checked,) = check_scores(made.store.root, other)
    assert checked.equal == 0


def test_the_highest_score_is_paired_with_the_lowest(world):
    made = world(chat_template=True)
    outcome = made.run(*SCORED)
    scores, stored = {}, lines(made.files("score")["scores.jsonl"])
    judged = {(row["id"], row["repeat"]): row["score"] for row in stored}
    for row in lines(made.files("pair_scored")["answers.jsonl"]):
        assert row["score"] == judged[row["id"], row["repeat"]]
        assert (row["gold"], row["correct"], row["usable"]) == ("", None, row["repeat"] != 2)
        if row["usable"]:
            scores.setdefault(row["id"], {})[row["text"]] = row["score"]
    pairs = read_pairs(made.folder("pair_scored") / "pairs.jsonl")
    assert len(pairs) == 7
    for pair in pairs:
        assert pair.prompt.startswith("<user>say ")
        assert pair.chosen_score == scores[pair.id][pair.chosen] == max(scores[pair.id].values())
        assert pair.rejected_score == scores[pair.id][pair.rejected] == min(scores[pair.id].values())
    assert outcome.spend == {"prompts": 7, "verifier_calls": 28, "generated_tokens": 7 * (3 + 4 + 5 + 6)}
    assert (outcome.metrics["unscored_share"], outcome.metrics["left_out_prompts"]) == (0, 1)
    every = [row["score"] for row in lines(made.files("score")["scores.jsonl"])]
    assert outcome.metrics["mean_score"] == pytest.approx(sum(every) / 28)


def test_a_model_reads_problems_without_the_chat_template_of_another(world):
    bare, wrapped = world("bare"), world("wrapped", chat_template=True)
    for made in (bare, wrapped):
        made.engine._answer = lambda prompt, n: Completion(str(n), 1, truncated=False)
        made.run("sample", "score")
    assert bare.files("score")["scores.jsonl"] == wrapped.files("score")["scores.jsonl"]
    assert bare.engine.asked != wrapped.engine.asked


@pytest.mark.parametrize(("max_length", "word"), [(2, "three"), (4096, "one word")])
def test_answers_without_scores_or_with_equal_ones_give_no_pair(world, max_length, word):
    made = world(model={"max_length": max_length})
    made.engine._answer = lambda prompt, n: Completion(word, 1, truncated=False)
    with pytest.raises(
        DataError, match="pair_rule best_worst finds no pair among the answers to 7"
    ) as caught:
        made.run(*SCORED)
    assert "same score or none" in caught.value.fix
    assert made.waiting[:1] == ["pair_scored"]


def test_a_process_that_is_killed_while_it_scores_leaves_the_answers(world):
    made = world(model={"batch_size": 3})
    made.run("sample")
    before, asked = made.files("sample"), list(made.engine.asked)
    (score,) = made.of("score")
    done = subprocess.run(
        [sys.executable, "-c", KILLED], input=json.dumps(made.order(score)), text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    (sampled,) = made.of("sample")
    assert made.store.read(sampled, verify=True) is not None
    assert made.files("sample") == before
    assert made.waiting[:2] == ["score", "pair_scored"]
    made.run(*SCORED)
    assert made.engine.asked == asked
    whole = world("another", model={"batch_size": 3})
    whole.run(*SCORED)
    assert all(made.files("pair_scored")[name] == whole.files("pair_scored")[name] for name in FILES)


def test_a_reward_model_that_fails_leaves_the_answers_for_another(world, judge, tmp_path):
    broken = tmp_path / "broken"
    model = LlamaForSequenceClassification.from_pretrained(judge)
    torch.nn.init.constant_(model.score.weight, torch.nan)
    model.save_pretrained(broken)
    tokenizer.build().save_pretrained(broken)
    with pytest.raises(ModelError, match="gave the score nan"):
        world(path=broken).run(*SCORED)
    other = world()
    other.run(*SCORED)
    assert other.engine.asked == []


def test_another_rule_needs_no_answers_and_no_scores(world):
    world().run(*SCORED)
    assert world(pair_rule="best_random").waiting[:1] == ["pair_scored"]


def test_a_larger_collection_asks_and_scores_what_is_new_alone(world):
    first, whole = world(num_prompts=5), world(extends=[5])
    first.run(*SCORED)
    asked = len(first.engine.asked)
    outcome = whole.run(*SCORED)
    assert len(whole.engine.asked) == 7 - asked
    again, at_once = world("another", extends=[5]), world("at once")
    assert again.run(*SCORED).metrics == outcome.metrics
    assert all(again.files("pair_scored")[name] == whole.files("pair_scored")[name] for name in FILES)
    at_once.run(*SCORED)
    for name in ("text", "score"):
        grown, drawn = (
            [row[name] for row in lines(one.files("pair_scored")["answers.jsonl"])]
            for one in (whole, at_once)
        )
        assert grown == (drawn if name == "text" else pytest.approx(drawn, abs=1e-5))
