"""DPO on TRL with all parts of LoRR, by one rank of ``test_training_ranks``; found through PYTHONPATH."""

import json
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import trl.trainer.dpo_trainer
from lorr_bench_adapters.trl.methods import DPO

from lorr_bench.data.tokens import tokenize_pairs
from lorr_bench.lorr.diagnostics import ReplayProbe
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Pair

MAX_LENGTH = 96


class Watch(ReplayProbe):
    """Notes whether the weights are sharded where they are measured."""

    sharded = False

    def measure(self, model):
        from torch.distributed.tensor import DTensor

        self.sharded = all(isinstance(p, DTensor) or hasattr(p, "ds_id") for p in model.parameters())
        return super().measure(model)


def settings(batch, *, bf16=False):
    return DPO.hyperparameters(
        learning_rate=1e-3,
        per_device_train_batch_size=batch,
        max_length=MAX_LENGTH,
        max_grad_norm=0.1,
        bf16=bf16,
    )


SECOND_MODEL = ("create_model_from_path", "hash_module")


def no_second_model(*_, **__):
    """In place of what TRL would load the reference with, or take a hash of it."""
    raise AssertionError("the rows carry what the reference says")


def start_model(folder):
    return StartModel(str(folder), None, "float32", trust_remote_code=False)


def train(order, progress):
    """Two replays with SFT term, reset and diagnostics; the second may be left for another call."""
    from transformers import AutoTokenizer

    pairs = [Pair(**pair) for pair in json.loads(Path(order["pairs"]).read_text())]
    tokenizer = AutoTokenizer.from_pretrained(order["model"])
    tokens = tokenize_pairs(pairs, tokenizer, MAX_LENGTH)
    output, checkpoints = Path(order["output"], "model"), Path(order["output"], "checkpoints")
    checkpoints.mkdir(parents=True, exist_ok=True)
    probe = Watch(tokens[:2], tokens[2:4], tokenizer.pad_token_id)
    loop = ReplayLoop(
        rows=len(pairs),
        seed=3,
        sft_weights=(0.1, 0.2),
        reset=Reset(r"o_proj|down_proj|model\.norm", 0.5, clear_optimizer=True),
        probe=probe,
    )
    job = TrainJob(
        model=start_model(order["model"]),
        reference=Path(order["reference"]),
        rows=pairs,
        output=output,
        checkpoints=checkpoints,
        save_steps=0,
        stop_after=order["stop_after"],
        seed=3,
        loop=loop,
        hyperparameters=settings(order["batch"], bf16=order["bf16"]),
        progress=progress,
    )
    refused = {} if order["deepspeed"] else dict.fromkeys(SECOND_MODEL, no_second_model)
    with mock.patch.multiple(trl.trainer.dpo_trainer, **refused) if refused else nullcontext():
        outcome = DPO().train(job)
    return {
        "steps": outcome.optimizer_steps,
        "tokens": outcome.train_tokens,
        "losses": [replay["loss"] for replay in outcome.replays],
        "diagnostics": loop.diagnostics,
        "sharded": probe.sharded,
    }
