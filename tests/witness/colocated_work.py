"""Trains online methods whose answers a real engine draws, and writes down what came of each.

    python colocated_work.py MODEL FOLDER PROMPTS.json FOUND.json

Runs in a process of its own, which the engine keeps. Beside it transformers holds the weights of the moment.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from lorr_bench.generate import engine as engine_module
from lorr_bench.generate.engine import Engine, EngineSettings
from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Prompt

TEMPERATURE = 0.8
SETTINGS = {
    "per_device_train_batch_size": 8,
    "num_generations": 4,
    "max_completion_length": 56,
    "learning_rate": 3e-3,  # so that one update moves log-probabilities far beyond rounding
    "temperature": TEMPERATURE,
}


class Watched:
    """The engine, with what it drew and transformers' own log-probabilities of that."""

    def __init__(self, engine, model):
        self.engine, self.model = engine, AutoModelForCausalLM.from_pretrained(model).eval()
        self.path, self.context = model, engine.context
        self.drawn, self.apart = [], 0.0

    def take(self, tensors):
        tensors = [(name, tensor.detach().clone()) for name, tensor in tensors]
        self.model.load_state_dict(dict(tensors), strict=False)  # a tied head is no tensor of its own
        self.engine.take(iter(tensors))

    def draw(self, prompts, sampling):
        drawn = self.engine.draw(prompts, sampling)
        for prompt, answer in zip(prompts, drawn, strict=True):
            expected = self.logprobs(prompt, answer.tokens)
            self.apart = max(self.apart, (torch.tensor(answer.logprobs) - expected).abs().max().item())
        self.drawn += [list(answer.tokens) for answer in drawn]
        return drawn

    def logprobs(self, prompt, tokens):
        with torch.no_grad():
            logits = self.model(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
        every = (logits.double() / TEMPERATURE).log_softmax(-1)
        return every.gather(1, torch.tensor(tokens)[:, None])[:, 0]

    @property
    def sleeps(self):
        return self.engine.sleeps

    def sleep(self):
        self.engine.sleep()


def main(model, folder, prompts, found):
    rows = [Prompt(**row) for row in json.loads(Path(prompts).read_text("utf-8"))]
    engine = Engine(model, None, EngineSettings("float32", 128, 1, 0.3, True, False))

    def train(name, method, **settings):
        return trained(Path(folder) / name, method, rows, Watched(engine, model), settings)

    answers = {
        "grpo": train("grpo", "grpo"),
        "grpo again": train("again", "grpo"),
        "grpo, lora": train("lora", "grpo", lora={"r": 4}),
        "rloo": train("rloo", "rloo"),
        "refused": refused(lambda: train("long", "grpo", max_completion_length=120)),
    }
    engine_module.pack_tied_heads = leave_it
    answers["the head left as it was"] = train("head", "grpo")
    Path(found).write_text(json.dumps(answers), "utf-8")


def trained(folder, method, rows, watched, settings):
    start = StartModel(watched.path, None, "float32", trust_remote_code=False)
    adapter = load_adapter(f"trl.{method}")
    (folder / "checkpoints").mkdir(parents=True)
    job = TrainJob(
        model=start,
        reference=None,
        rows=rows,
        output=folder / "model",
        checkpoints=folder / "checkpoints",
        save_steps=0,
        stop_after=1,
        seed=3,
        loop=ReplayLoop(rows=len(rows), seed=3, sft_weights=(0.0,), reset=None),
        hyperparameters=adapter.hyperparameters.model_validate({**SETTINGS, **settings}),
        progress=lambda *_: None,
        engine=lambda: watched,
    )
    outcome = adapter.train(job)
    weights = (folder / "model" / "model.safetensors").read_bytes()
    return {
        "apart": watched.apart,
        "drawn": watched.drawn,
        "generated": outcome.generated_tokens,
        "steps": outcome.optimizer_steps,
        "weights": hashlib.sha256(weights).hexdigest(),
        "moved": moved(folder / "model", start.path),
    }


def moved(trained, start):
    """The largest change of a weight."""
    pairs = zip(
        *(AutoModelForCausalLM.from_pretrained(each).parameters() for each in (trained, start)), strict=True
    )
    return max((one - other).abs().max().item() for one, other in pairs)


def refused(train):
    try:
        return train()
    except Exception as error:  # noqa: BLE001 - the test reads it
        return f"{type(error).__name__}: {error}"


def leave_it(worker):
    pass


if __name__ == "__main__":
    main(*sys.argv[1:])
