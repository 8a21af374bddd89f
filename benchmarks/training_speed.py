"""Pairs per second and peak memory of TRL called by hand, the TRL adapter and the native adapter.

All train DPO on the same pairs in the same order for the same updates. The clock runs from texts to saved
weights, with imports and a warm-up before it. Each variant has processes of its own, which take turns, so
that a busy machine is busy for all of them. The fastest run counts: what else runs can only add time.

    python benchmarks/training_speed.py            # the embedded model on a CPU; 100M parameters on a GPU
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nano_pairs import nano_pairs

from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.lorr.schedule import sft_weights
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Pair

SETTINGS: Final = {
    "learning_rate": 1e-4,
    "beta": 0.5,
    "per_device_train_batch_size": 32,
    "max_length": 128,
}
DOWNSTREAM: Final = Reset(r"\.(o_proj|down_proj)\.", 0.5, clear_optimizer=True)
# Name, passes, and what it is compared with.
VARIANTS: Final = {
    "TRL by hand, 1 pass": (1, "TRL by hand, 1 pass"),
    "TRL adapter, 1 pass": (1, "TRL by hand, 1 pass"),
    "native, 1 pass": (1, "TRL by hand, 1 pass"),
    "TRL by hand, 3 passes": (3, "TRL by hand, 3 passes"),
    "TRL adapter, LoRR, 3 passes": (3, "TRL by hand, 3 passes"),
    "native, 3 passes": (3, "TRL by hand, 3 passes"),
    "native, LoRR, 3 passes": (3, "TRL by hand, 3 passes"),
}
SEED: Final = 0
RUNS: Final = 2
"""In each process."""


def main() -> None:
    """Measure every variant and print the table."""
    arguments = _arguments()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.pairs, Path(arguments.model))))
        return
    with tempfile.TemporaryDirectory() as folder:
        model = start_model(Path(folder))
        found: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
        for repeat in range(arguments.repeats):
            for name in VARIANTS:
                print(f"{repeat + 1}/{arguments.repeats} {name}", file=sys.stderr)
                found[name].append(_in_own_process(name, arguments.pairs, model))
    print(table(found, arguments.pairs))


def table(found: dict[str, list[dict[str, float]]], pairs: int) -> str:
    """The best of the repeats, as Markdown."""
    best = {name: min(runs, key=lambda run: run["seconds"]) for name, runs in found.items()}
    batch, repeats = SETTINGS["per_device_train_batch_size"], RUNS * len(next(iter(found.values())))
    lines = [
        f"{pairs} pairs, batch {batch}; the fastest of {repeats} runs",
        "",
        "| variant | pair visits/s | ratio | peak memory, MiB | ratio | held-out accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for name, (passes, against) in VARIANTS.items():
        mine, theirs = best[name], best[against]
        cells = (
            name,
            f"{pairs * passes / mine['seconds']:.0f}",
            f"{theirs['seconds'] / mine['seconds']:.2f}",
            f"{mine['memory'] / 2**20:.0f}",
            f"{mine['memory'] / theirs['memory']:.2f}",
            f"{mine['accuracy']:.3f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def measure(name: str, count: int, model: Path) -> dict[str, float]:
    """Seconds of the fastest run of one variant, peak memory and held-out accuracy, after a short warm-up."""
    from lorr_bench.stages.training.memory import forget_peak_memory, peak_memory

    pairs = nano_pairs(count + 256, SEED)
    held_out = pairs[count:]
    with tempfile.TemporaryDirectory() as folder:
        train(name, pairs[:64], model, Path(folder) / "warm")
        forget_peak_memory()
        seconds = []
        for number in range(RUNS):
            started = time.perf_counter()
            train(name, pairs[:count], model, Path(folder) / str(number))
            seconds.append(time.perf_counter() - started)
        return {
            "seconds": min(seconds),
            "memory": peak_memory(),
            "accuracy": pair_accuracy(Path(folder) / "0" / "model", held_out),
        }


def train(name: str, pairs: list[Pair], model: Path, folder: Path) -> None:
    """Train a variant; the model lies in ``folder/model``."""
    passes = VARIANTS[name][0]
    if name.startswith("TRL by hand"):
        train_by_hand(pairs, model, folder, passes)
    else:
        adapter = "trl.dpo" if name.startswith("TRL adapter") else "native.dpo"
        train_adapter(adapter, pairs, model, folder, passes, lorr="LoRR" in name)


def train_by_hand(pairs: list[Pair], model: Path, folder: Path, passes: int) -> None:
    """TRL as its documentation uses it, on the rows in the loop's order."""
    import torch

    order = make_loop(len(pairs), passes, lorr=False).order(1)
    dtype = "bfloat16" if torch.cuda.is_available() else "float32"
    settings = {**SETTINGS, "num_train_epochs": passes, "bf16": False}
    trainer = hand_made_trainer([pairs[row] for row in order], model, folder, settings, dtype=dtype)
    trainer.train()
    trainer.save_model(str(folder / "model"))


def hand_made_trainer(
    pairs: Sequence[Pair],
    model: Path,
    folder: Path,
    settings: Mapping[str, Any],
    *,
    dtype: str,
    callbacks: Sequence[Any] = (),
) -> Any:
    """TRL's DPOTrainer: a frozen copy of the model computes the reference at each step."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs]
    return DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)),
        args=DPOConfig(
            output_dir=str(folder),
            **settings,
            gradient_checkpointing=False,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            logging_strategy="epoch",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=SEED,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
        callbacks=list(callbacks),
    )


def train_adapter(
    name: str, pairs: list[Pair], model: Path, folder: Path, passes: int, *, lorr: bool
) -> None:
    """An adapter as the stages use it: the reference to a file first, then the training."""
    import torch

    adapter = load_adapter(name)
    settings = adapter.hyperparameters.model_validate(SETTINGS)
    start = StartModel(
        str(model), None, "bfloat16" if torch.cuda.is_available() else "float32", trust_remote_code=False
    )
    (folder / "checkpoints").mkdir(parents=True)
    adapter.reference(start, pairs, settings, folder / "reference.parquet")
    adapter.train(
        TrainJob(
            model=start,
            reference=folder / "reference.parquet",
            rows=pairs,
            output=folder / "model",
            checkpoints=folder / "checkpoints",
            save_steps=0,
            stop_after=passes,
            seed=SEED,
            loop=make_loop(len(pairs), passes, lorr=lorr),
            hyperparameters=settings,
            progress=lambda *_: None,
        )
    )


def make_loop(rows: int, passes: int, *, lorr: bool) -> ReplayLoop:
    """LoRR with its defaults, or that many passes without it."""
    weights = sft_weights(passes, "linear", 0.5) if lorr else (0.0,) * passes
    return ReplayLoop(rows=rows, seed=SEED, sft_weights=weights, reset=DOWNSTREAM if lorr else None)


def pair_accuracy(model: Path, pairs: list[Pair]) -> float:
    """Share of pairs whose chosen response is the likelier one."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    policy = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).to(device)
    tokenizer = AutoTokenizer.from_pretrained(model)

    def log_prob(pair: Pair, response: str) -> float:
        prompt = len(tokenizer(pair.prompt)["input_ids"])
        ids = torch.tensor([tokenizer(pair.prompt + response)["input_ids"]], device=device)
        with torch.no_grad():
            log_probs = policy(ids).logits.log_softmax(-1)[0, :-1]
        return float(log_probs.gather(1, ids[0, 1:, None])[prompt - 1 :].sum())

    right = sum(log_prob(pair, pair.chosen) > log_prob(pair, pair.rejected) for pair in pairs)
    return right / len(pairs)


def start_model(folder: Path) -> Path:
    """The embedded model; on a GPU one of 100M parameters with its tokenizer and random weights."""
    import torch

    if not torch.cuda.is_available():
        return NANO_MODEL
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    small = AutoModelForCausalLM.from_pretrained(NANO_MODEL).config
    torch.manual_seed(SEED)
    shape = LlamaConfig(
        vocab_size=small.vocab_size,
        hidden_size=1024,
        intermediate_size=2816,
        num_hidden_layers=9,
        num_attention_heads=16,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=small.eos_token_id,
        pad_token_id=small.pad_token_id,
    )
    LlamaForCausalLM(shape).save_pretrained(folder / "start")
    AutoTokenizer.from_pretrained(NANO_MODEL).save_pretrained(folder / "start")
    return folder / "start"


def _in_own_process(name: str, pairs: int, model: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", name, "--pairs", str(pairs), "--model", str(model)]
    quiet = {"TQDM_DISABLE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=2, help="processes for each variant")
    parser.add_argument("--measure", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
