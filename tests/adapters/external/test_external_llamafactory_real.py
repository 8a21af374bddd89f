"""LLaMA-Factory itself: its tokens, its losses, and LoRR around it. Skipped without its environment."""

import json
import math
import os
import subprocess
from dataclasses import replace

import pytest
import torch
import yaml
from lorr_bench_adapters.external.llamafactory import VARIABLE
from lorr_bench_adapters.external.methods import LlamaFactoryDPO, LlamaFactoryORPO, LlamaFactorySimPO
from lorr_bench_adapters.external.replay_run import ReplayRun
from lorr_bench_adapters.loading import load_model
from lorr_bench_adapters.settings import LoraSettings
from safetensors.torch import load_file

from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.tokens.special import begin_text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        VARIABLE not in os.environ, reason=f"{VARIABLE} names no environment of LLaMA-Factory"
    ),
]
HALVE = Reset(r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True)
COMMON = {"learning_rate": 1e-3, "per_device_train_batch_size": 40, "max_length": 96}


class Watched:
    """A probe that keeps the weights at the end of each replay, before the reset."""

    def __init__(self):
        self.seen = []

    def start(self, model):
        self.measure(model)

    def measure(self, model):
        self.seen.append({name: p.detach().clone() for name, p in model.named_parameters()})
        return {}


@pytest.fixture
def make_job(small_model, nano_pairs, tmp_path):
    def make_job(method, weights, *, probe=None, reset=None, **settings):
        for name in ("output", "checkpoints"):
            (tmp_path / name).mkdir()
        return TrainJob(
            model=StartModel(str(small_model), None, "float32", trust_remote_code=False),
            reference=None,
            rows=nano_pairs,
            output=tmp_path / "output",
            checkpoints=tmp_path / "checkpoints",
            save_steps=0,
            stop_after=len(weights),
            seed=0,
            loop=ReplayLoop(rows=40, seed=3, sft_weights=weights, reset=reset, probe=probe),
            hyperparameters=method.hyperparameters(**{**COMMON, **settings}),
            progress=lambda *_: None,
        )

    return make_job


@pytest.fixture(scope="module")
def log_probs(small_model, nano_pairs):
    """(pairs, 2) sums over the tokens of chosen and rejected, and their numbers of tokens."""
    start = StartModel(str(small_model), None, "float32", trust_remote_code=False)
    model, tokenizer = load_model(start).eval(), load_tokenizer(start)

    def score(pair, response):
        prompt = tokenizer(pair.prompt)["input_ids"]
        answer = [*tokenizer(response)["input_ids"], tokenizer.eos_token_id]
        with torch.no_grad():
            rows = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        places = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
        return sum(rows[place, token].item() for place, token in zip(places, answer, strict=True)), len(
            answer
        )

    scored = [[score(pair, text) for text in (pair.chosen, pair.rejected)] for pair in nano_pairs]
    table = torch.tensor(scored, dtype=torch.float64)
    return table[..., 0], table[..., 1]


def expected_loss(name, sums, counts):
    """The published formulas at the start, where the policy is the reference."""
    means = sums / counts
    chosen, rejected = means[:, 0], means[:, 1]
    odds = torch.log(torch.exp(means) / (1 - torch.exp(means)))
    return {
        "dpo": torch.tensor(math.log(2.0)),
        "simpo": -torch.log(torch.sigmoid(0.5 * (chosen - rejected) - 0.5 * 0.4)).mean(),
        "orpo": (-chosen - 0.5 * torch.log(torch.sigmoid(odds[:, 0] - odds[:, 1]))).mean(),
    }[name].item()


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (LlamaFactoryDPO, {}),
        (LlamaFactorySimPO, {"gamma_beta_ratio": 0.4}),
        (LlamaFactoryORPO, {}),
    ],
)
def test_the_first_loss_is_the_published_formula_plus_the_sft_term(make_job, log_probs, method, settings):
    """One batch holds all pairs, so the mean over the replay is the loss before the first update."""
    outcome = method().train(make_job(method, (0.25,), beta=0.5, **settings))
    sums, counts = log_probs
    sft = -(sums / counts)[:, 0].mean().item()
    expected = expected_loss(method.name, sums, counts) + 0.25 * sft
    assert outcome.replays[0]["loss"] == pytest.approx(expected, rel=1e-5)
    assert outcome.optimizer_steps == 1


def test_a_pass_gives_the_losses_of_trls_own_trainer_on_the_same_rows(make_job, nano_pairs, tmp_path):
    """Step by step, so the rows came in the order of the loop."""
    from datasets import Dataset
    from torch.utils.data import SequentialSampler
    from trl import DPOConfig, DPOTrainer

    class Reading(LlamaFactoryDPO):
        def logged(self, run):
            history = json.loads((run.output / "trainer_state.json").read_text("utf-8"))["log_history"]
            self.losses = [entry["loss"] for entry in history if "loss" in entry]
            return super().logged(run)

    class InOrder(DPOTrainer):
        def _get_train_sampler(self, *_):
            return SequentialSampler(self.train_dataset)

    method, job = (
        Reading(),
        make_job(LlamaFactoryDPO, (0.0,), lr_scheduler_type="constant", per_device_train_batch_size=8),
    )
    method.train(job)
    rows = [nano_pairs[number] for number in job.loop.order(1)]
    trl = InOrder(
        model=load_model(job.model),
        args=DPOConfig(
            output_dir=str(tmp_path / "trl"),
            num_train_epochs=1,
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            per_device_train_batch_size=8,
            beta=0.1,
            max_length=96,
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(
            [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in rows]
        ),
        processing_class=load_tokenizer(job.model),
    )
    trl.train()
    expected = [entry["loss"] for entry in trl.state.log_history if "loss" in entry]
    assert len(expected) == 5
    assert method.losses == pytest.approx(expected, abs=1e-5)


def test_its_tokens_are_prompt_response_and_end_token(small_model, nano_pairs, tmp_path):
    """It is told to keep its tokenized rows in a folder, and trains no more."""
    from datasets import load_from_disk

    tokenizer = load_tokenizer(StartModel(str(small_model), None, "float32", trust_remote_code=False))
    run = ReplayRun(
        start=small_model,
        model=small_model,
        adapter=None,
        rows=nano_pairs,
        sft_weight=0.0,
        seed=0,
        settings=LlamaFactoryDPO.hyperparameters(**COMMON),
        trust_remote_code=False,
        begin=begin_text(tokenizer),
        end=tokenizer.eos_token,
        folder=tmp_path,
    )
    trainer = LlamaFactoryDPO()
    command = trainer.command(run)
    config = yaml.safe_load((tmp_path / "train.yaml").read_text("utf-8"))
    config["tokenized_path"] = str(tmp_path / "tokens")
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config), "utf-8")
    subprocess.run(command, env=trainer.variables(run.settings), check=True, capture_output=True)
    for row, pair in zip(load_from_disk(str(tmp_path / "tokens"))["train"], nano_pairs, strict=True):
        prompt = tokenizer(pair.prompt)["input_ids"]
        for side in ("chosen", "rejected"):
            answer = [*tokenizer(getattr(pair, side))["input_ids"], tokenizer.eos_token_id]
            assert row[f"{side}_input_ids"] == prompt + answer
            assert row[f"{side}_labels"] == [-100] * len(prompt) + answer


def test_two_replays_with_a_reset_between_them(make_job):
    """The second run reads α·θ + (1-α)·θ₀ from disk, to the bit, and ends elsewhere."""
    read = []

    class Reading(LlamaFactoryDPO):
        def command(self, run):
            read.append(load_file(run.model / "model.safetensors"))
            return super().command(run)

    probe = Watched()
    job = make_job(LlamaFactoryDPO, (0.25, 0.5), probe=probe, reset=HALVE)
    Reading().train(job)
    start, first, second = probe.seen
    for name, weight in read[1].items():
        reset = ".o_proj." in name or ".down_proj." in name
        expected = (first[name] * 0.5).add(start[name], alpha=0.5) if reset else first[name]
        assert torch.equal(weight, expected)
        assert not torch.equal(first[name], start[name])
    trained = load_file(job.output / "model.safetensors")
    assert all(torch.equal(trained[name], second[name]) for name in trained)


def test_a_lora_adapter_is_continued_after_its_reset(make_job):
    """At α = 0 the adapter of the reset layers begins again from nothing: after one step |lora_B| ≤ rate."""
    probe = Watched()
    nothing_left = replace(HALVE, factor=0.0)
    lora = LoraSettings(r=4, lora_alpha=8)
    job = make_job(LlamaFactoryDPO, (0.0, 0.0), probe=probe, reset=nothing_left, lora=lora)
    outcome = LlamaFactoryDPO().train(job)
    _, first, second = probe.seen
    reset = "base_model.model.model.layers.0.self_attn.o_proj.lora_B.default.weight"
    other = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.default.weight"
    assert second[reset].abs().max() <= 1.01e-3
    assert second[other].abs().max() > 1.5e-3
    factor = "base_model.model.model.layers.0.self_attn.o_proj.lora_A.default.weight"
    assert (second[factor] - first[factor]).abs().max() <= 1.01e-3  # the same matrix, not a new one
    assert outcome.parameters == sum(p.numel() for name, p in first.items() if ".lora_" in name)
    assert json.loads((job.output / "config.json").read_text("utf-8"))["model_type"] == "llama"
