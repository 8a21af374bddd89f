"""Native DPO with all parts of LoRR, by one rank of ``test_training_ranks``; found through PYTHONPATH."""

import json
from pathlib import Path

from lorr_bench_adapters.native.methods import DPO
from torch.distributed.tensor import DTensor

from lorr_bench.data.tokens import tokenize_pairs
from lorr_bench.lorr.diagnostics import ReplayProbe
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Pair

MAX_LENGTH = 96


def settings(batch, lora=None, *, bf16=False):
    return DPO.hyperparameters.model_validate(
        {
            "learning_rate": 1e-3,
            "per_device_train_batch_size": batch,
            "gradient_accumulation_steps": 2,
            "max_length": MAX_LENGTH,
            "max_grad_norm": 0.1,
            "lora": lora,
            "bf16": bf16,
        }
    )


def start_model(folder):
    return StartModel(str(folder), None, "float32", trust_remote_code=False)


class Probe(ReplayProbe):
    """The diagnostics, and whether the model is sharded."""

    def measure(self, model):
        sharded = any(isinstance(parameter, DTensor) for parameter in model.parameters())
        return {**super().measure(model), "sharded": float(sharded)}


def train(order, progress):
    """Two replays with SFT term, reset and diagnostics; the second may be left for another call."""
    from transformers import AutoTokenizer

    pairs = [Pair(**pair) for pair in json.loads(Path(order["pairs"]).read_text())]
    tokenizer = AutoTokenizer.from_pretrained(order["model"])
    tokens = tokenize_pairs(pairs, tokenizer, MAX_LENGTH)
    loop = ReplayLoop(
        rows=len(pairs),
        seed=3,
        sft_weights=(0.1, 0.2),
        reset=Reset(r"o_proj|down_proj", 0.5, clear_optimizer=True),
        probe=Probe(tokens[:2], tokens[2:4], tokenizer.pad_token_id),
    )
    job = TrainJob(
        model=start_model(order["model"]),
        reference=Path(order["reference"]),
        rows=pairs,
        output=Path(order["output"], "model"),
        checkpoints=Path(order["output"], "checkpoints"),
        save_steps=0,
        stop_after=order["stop_after"],
        seed=3,
        loop=loop,
        hyperparameters=settings(order["batch"], order["lora"], bf16=order["bf16"]),
        progress=progress,
    )
    outcome = DPO().train(job)
    return {
        "steps": outcome.optimizer_steps,
        "tokens": outcome.train_tokens,
        "losses": [replay["loss"] for replay in outcome.replays],
        "norms": [replay["grad_norm"] for replay in outcome.replays],
        "diagnostics": loop.diagnostics,
    }
