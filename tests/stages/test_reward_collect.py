"""A collection that a reward model scores, from problems without answers to pairs."""

from __future__ import annotations

import json
from datetime import date

import pytest
import torch
from scripted_fingerprint import start_folder
from stage_samples import sample
from transformers import LlamaConfig, LlamaForSequenceClassification

from lorr_bench.data.nano import tokenizer
from lorr_bench.data.pairs import read_pairs
from lorr_bench.errors import DataError
from lorr_bench.grade.reward import score_many
from lorr_bench.spec.sources import RewardModelSpec
from lorr_bench.stages.pairs.collect import collect
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.values import Completion


class ScriptedEngine:
    """Answers every prompt alike, and marks what it wraps in a chat template."""

    def __init__(self, answers):
        self.answers = answers

    def disagreement(self, fingerprint):
        return None

    def load(self, *_):
        pass

    def fits(self, prompt):
        return True

    def generate(self, prompts, sampling, progress=None, names=None):
        return [[Completion(text, 3, truncated=False) for text in self.answers] for _ in prompts]

    def chat(self, problem, chat):
        assert chat.today == date(2025, 1, 1)
        return f"<user>{problem}<assistant>"


@pytest.fixture
def reward_model(tmp_path):
    folder = tmp_path / "judge"
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


@pytest.fixture
def task(tmp_path, reward_model, nano_pairs):
    def make(answers, **settings):
        source = tmp_path / "problems.jsonl"
        source.write_text("".join(json.dumps({"problem": pair.prompt}) + "\n" for pair in nano_pairs[:3]))
        judge = {"dtype": "float32", "template_date": "2025-01-01", "batch_size": 8, "max_length": 4096}
        judge |= {"model": "its identity", "trust_remote_code": False, "packages": {}, **settings}
        asked = {"num_prompts": 3, "num_samples": 3, "max_tokens": 9, "answer_column": None}
        asked |= {"chat_template": True, "template_date": "2025-01-01", "pair_rule": "best_worst"}
        setting = {"source": str(source), "model_path": "policy"}
        setting["reward_model"] = {"path": str(reward_model), "revision": None}
        (tmp_path / "out").mkdir()
        return Task(
            stage=sample("collect", "collect, seed 0", setting=setting, reward_model=judge, **asked),
            inputs={"start": start_folder(tmp_path)},
            output=tmp_path / "out",
            scratch=tmp_path / "scratch",
            engines=EngineRoom(lambda *_: ScriptedEngine(answers)),
            progress=lambda *_: None,
        )

    return make


@pytest.mark.slow
def test_the_highest_score_is_paired_with_the_lowest(task, reward_model, nano_pairs):
    answers = [nano_pairs[place].chosen for place in (0, 1, 2)]
    job = task(answers)
    outcome = collect(job)
    pairs = read_pairs(job.output / "pairs.jsonl")
    assert len(pairs) == 3
    for pair in pairs:
        problem = pair.prompt.removeprefix("<user>").removesuffix("<assistant>")
        [scores] = score_many([problem], [answers], RewardModelSpec(path=str(reward_model)))
        assert pair.chosen == answers[scores.index(max(scores))]
        assert pair.rejected == answers[scores.index(min(scores))]
        assert pair.chosen_score == pytest.approx(max(scores), abs=1e-4)
        assert pair.rejected_score == pytest.approx(min(scores), abs=1e-4)
    assert outcome.spend["verifier_calls"] == 9
    assert outcome.metrics["unscored_share"] == 0
    rows = [json.loads(line) for line in (job.output / "answers.jsonl").read_text("utf-8").splitlines()]
    mean = sum(row["score"] for row in rows) / 9
    assert outcome.metrics["mean_score"] == pytest.approx(mean)
    assert {(row["gold"], row["correct"]) for row in rows} == {("", None)}


@pytest.mark.parametrize("settings", [{"max_length": 2}, {}])
def test_answers_without_scores_or_with_equal_ones_give_no_pair(task, settings):
    job = task(["so 3", "so 3", "so 3"], batch_size=100, **settings)
    with pytest.raises(
        DataError, match="pair_rule best_worst finds no pair among the answers to 3 prompts"
    ) as caught:
        collect(job)
    assert "same score or none" in caught.value.fix
