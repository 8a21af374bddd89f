"""Training jobs without a suite: rows of a known length, and runs that end before they save."""

from __future__ import annotations

import gc
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.plan.plan import Plan, make_plan
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob, TrainOutcome
from lorr_bench.spec.load import load_suite
from lorr_bench.values import Pair

ROOM_FOR_MODELS = 40 << 30
"""Free bytes from which a folder in memory is taken for models."""


class EnoughError(BaseException):
    """Ends a training from outside, as a kill would: nothing on the way takes it for a failure."""


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder, in memory where there is room for models."""
    import shutil

    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_FOR_MODELS
    return tempfile.TemporaryDirectory(dir=memory if roomy else None)


def long_pairs(count: int, prompt_tokens: int, response_tokens: int, seed: int = 0) -> list[Pair]:
    """Pairs of random digits, each of which is a token; an end token comes behind each response."""
    rng = random.Random(seed)

    def text(tokens: int) -> str:
        return "".join(f" {rng.randrange(10)}" for _ in range(tokens))

    return [
        Pair(f"p{row}", text(prompt_tokens), text(response_tokens), text(response_tokens), row)
        for row in range(count)
    ]


def plan_of(
    folder: Path, model: Path, pairs: Sequence[Pair], methods: dict[str, Any], *, unique_pairs: int
) -> Plan:
    """The plan of a suite that trains methods on given pairs; its suite file is written into a folder."""
    file = folder / "pairs.jsonl"
    file.write_text("".join(json.dumps(asdict(pair)) + "\n" for pair in pairs), "utf-8")
    suite = {
        "name": "given-pairs",
        "description": "Methods on given pairs.",
        "model": {"path": str(model)},
        "seeds": [0],
        "data": {"pairs": {"source": str(file)}},
        "budget": {"unique_pairs": [unique_pairs]},
        "methods": methods,
        "plugins": {"plain": {}},
        "evaluation": {"general": [{"name": "general", "tasks": ["nano_compare"], "limit": 1}]},
    }
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite), "utf-8")
    return make_plan(load_suite(folder / "suite.yaml"))


def start_model(model: Path, dtype: str = "float32") -> StartModel:
    """The model of a folder, loaded in a precision."""
    return StartModel(str(model), None, dtype, trust_remote_code=False)


def constant_reference(pairs: Sequence[Pair], start: StartModel, max_length: int, file: Path) -> None:
    """A reference file with a made-up log-probability, where only time and memory are looked at."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs

    tokens = tokenize_pairs(pairs, load_tokenizer(start), max_length)
    columns = {
        "prompt_ids": [pair.prompt for pair in tokens],
        "chosen_ids": [pair.chosen for pair in tokens],
        "rejected_ids": [pair.rejected for pair in tokens],
        "ref_chosen_logps": pa.array([-700.0] * len(tokens), pa.float32()),
        "ref_rejected_logps": pa.array([-700.0] * len(tokens), pa.float32()),
    }
    pq.write_table(pa.table(columns), file)


def train(
    name: str,
    start: StartModel,
    pairs: Sequence[Pair],
    settings: dict[str, Any],
    folder: Path,
    *,
    reference: Path | None = None,
    loop: ReplayLoop | None = None,
    save_steps: int = 0,
    on_step: Callable[[int], None] = lambda _: None,
) -> TrainOutcome:
    """Train by an adapter as a stage does; the model lies in ``folder/model``.

    Args:
        name: Of the adapter.
        start: Where training starts.
        pairs: What is trained on.
        settings: Hyper-parameters of the adapter.
        folder: Of the run; what an earlier one left there is continued.
        reference: As the adapter wrote it; written here where it is needed and not given.
        loop: One pass without reset by default.
        save_steps: Steps between checkpoints.
        on_step: Told each optimizer step; ends the training by raising ``EnoughError``.
    """
    adapter = load_adapter(name)
    hyperparameters = adapter.hyperparameters.model_validate(settings)
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    if adapter.needs_reference and reference is None:
        reference = folder / "reference.parquet"
        adapter.reference(start, pairs, hyperparameters, reference)
    loop = loop or ReplayLoop(rows=len(pairs), seed=0, sft_weights=(0.0,), reset=None)
    return adapter.train(
        TrainJob(
            model=start,
            reference=reference if adapter.needs_reference else None,
            rows=pairs,
            output=folder / "model",
            checkpoints=folder / "checkpoints",
            save_steps=save_steps,
            stop_after=loop.replays,
            seed=0,
            loop=loop,
            hyperparameters=hyperparameters,
            progress=lambda step, *_: on_step(step),
        )
    )


def train_some_steps(
    steps: int, *arguments: Any, on_step: Callable[[int], None] = lambda _: None, **named: Any
) -> None:
    """``train``, ended after some steps, so that no time goes into the saved model."""

    def until(step: int) -> None:
        on_step(step)
        if step >= steps:
            raise EnoughError

    with suppress(EnoughError):
        train(*arguments, on_step=until, **named)
    forget()


def forget() -> None:
    """Free what a training left behind."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def peak(what: Callable[[], object]) -> tuple[int, int]:
    """Bytes that were allocated and reserved at most while something was done; 0 without a GPU."""
    import torch

    if not torch.cuda.is_available():
        what()
        return 0, 0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    what()
    return torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


def wait() -> None:
    """Wait until the GPU has done what it was told."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
