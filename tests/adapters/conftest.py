"""What the tests of TRL's methods share: rows, jobs and a model to compute expected values with."""

import dataclasses
from pathlib import Path

import pytest
from safetensors.torch import load_file
from training_rows import training_rows

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob, TrainOutcome


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came of a training run; ``output`` and ``checkpoints`` lie in its folder."""

    outcome: TrainOutcome
    weights: dict
    loop: ReplayLoop
    folder: Path


class Trainer:
    """Trains one method of TRL on 12 rows, all in one batch unless settings say else."""

    def __init__(self, method, model, rows, folder):
        self.adapter = load_adapter(f"trl.{method}")
        self.start = StartModel(str(model), None, "float32", trust_remote_code=False)
        self.rows = rows
        self.defaults = {"learning_rate": 1e-3, "per_device_train_batch_size": len(rows), "max_length": 96}
        self._folder = folder
        self._references = {}

    def settings(self, **settings):
        return self.adapter.hyperparameters.model_validate({**self.defaults, **settings})

    def loop(self, weights=(0.0,), reset=None, kind=ReplayLoop):
        return kind(rows=len(self.rows), seed=3, sft_weights=weights, reset=reset)

    def reference(self, settings):
        if not self.adapter.needs_reference:
            return None
        key = str(self.adapter.reference_settings(settings))
        if key not in self._references:
            file = self._folder / f"reference-{len(self._references)}.parquet"
            self.adapter.reference(self.start, self.rows, settings, file)
            self._references[key] = file
        return self._references[key]

    def __call__(self, folder, loop=None, *, settings=None, **changes):
        settings = self.settings(**(settings or {}))
        loop = loop or self.loop()
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        job = TrainJob(
            model=self.start,
            reference=self.reference(settings),
            rows=self.rows,
            output=folder / "output",
            checkpoints=folder / "checkpoints",
            save_steps=0,
            stop_after=loop.replays,
            seed=3,
            loop=loop,
            hyperparameters=settings,
            progress=lambda *_: None,
        )
        outcome = self.adapter.train(dataclasses.replace(job, **changes))
        return Trained(outcome, load_file(folder / "output" / "model.safetensors"), loop, folder)


@pytest.fixture(scope="module")
def make_trainer(small_model, nano_pairs, tmp_path_factory):
    """Makes a ``Trainer`` of a method; an online one gets a model that is right now and then."""

    def make_trainer(method, rows=12, model=None):
        adapter = load_adapter(f"trl.{method}")
        model = model or (NANO_MODEL if adapter.online else small_model)
        kept = training_rows(adapter.rows, nano_pairs[:rows])[:rows]
        return Trainer(method, model, kept, tmp_path_factory.mktemp(method))

    return make_trainer


@pytest.fixture(scope="module")
def tokenizer(small_model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(small_model)


@pytest.fixture(scope="module")
def token_log_probs(small_model, tokenizer):
    """Gives the start model's log-probability of each token of prompt and response but the first, in float64."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float64)

    def token_log_probs(prompt, response):
        """Log-probabilities of the prompt's tokens, and of those of the response with its end."""
        prompt_ids = tokenizer(prompt)["input_ids"]
        ids = torch.tensor([*prompt_ids, *tokenizer(response)["input_ids"], tokenizer.eos_token_id])
        with torch.no_grad():
            log_probs = model(ids[None]).logits[0].log_softmax(-1)
        every = log_probs[:-1].gather(1, ids[1:, None])[:, 0]
        return every[: len(prompt_ids) - 1], every[len(prompt_ids) - 1 :]

    return token_log_probs
