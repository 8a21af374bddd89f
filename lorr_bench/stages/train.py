"""Train: reference log-probabilities once, then the LoRR loop through an adapter."""

from __future__ import annotations

import json
import resource
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lorr_bench.data.pairs import read_pairs
from lorr_bench.errors import DataError
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import TrainJob, TrainOutcome
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import Pair

FLOPS_PER_PARAMETER_AND_TOKEN = 6  # forward 2, backward 4: Kaplan et al. 2020, arXiv 2001.08361


def reference(task: Task) -> Outcome:
    """Tokenize the pairs of a seed and compute their reference log-probabilities, once for all arms."""
    adapter = load_adapter(task.stage.setting["adapter"])
    settings = adapter.hyperparameters.model_validate(task.stage.setting["hyperparameters"])
    pairs = read_pairs(task.inputs[0] / "pairs.jsonl")
    adapter.reference(task.start_model, pairs, settings, task.output / "reference.parquet")
    return Outcome(metrics={"pairs": len(pairs)}, parts=task.clock.parts)


def train(task: Task) -> Outcome:
    """Train one arm on the first pairs of its seed; the model lies in ``model/``.

    Raises:
        DataError: There are fewer pairs than the data budget.
    """
    params = task.stage.params
    pairs = read_pairs(task.inputs[0] / "pairs.jsonl")
    budget: int = params["unique_pairs"]
    if len(pairs) < budget:
        raise DataError(
            f"the budget is {budget} pairs, there are {len(pairs)}",
            where=task.stage.label,
            fix="Raise data.collect.num_prompts (or num_samples), or lower budget.unique_pairs.",
        )
    adapter = load_adapter(params["adapter"][0])
    loop = ReplayLoop(
        rows=budget,
        seed=params["seed"],
        sft_weights=tuple(params["sft_weights"]),
        reset=Reset(**params["reset"]) if params["reset"] else None,
    )
    job = TrainJob(
        model=task.start_model,
        reference=task.inputs[1] / "reference.parquet",
        rows=range(budget),
        output=task.output / "model",
        seed=params["seed"],
        loop=loop,
        hyperparameters=adapter.hyperparameters.model_validate(params["hyperparameters"]),
        progress=task.progress,
    )
    forget_peak_memory()
    with task.clock.part("train"):
        outcome = adapter.train(job)
    metrics = {"replays": list(outcome.replays), "resets": loop.resets_done, "parameters": outcome.parameters}
    metrics["global_batch_size"] = getattr(job.hyperparameters, "global_batch_size", None)
    spend = _spend(task, pairs[:budget], outcome, loop.replays)
    return Outcome(metrics=metrics, spend=spend, parts=task.clock.parts)


def _spend(task: Task, pairs: Sequence[Pair], outcome: TrainOutcome, replays: int) -> dict[str, float]:
    tokens = outcome.train_tokens
    return {
        **collection_spend(task.inputs[0], pairs),
        "unique_pairs": len(pairs),
        "pair_visits": len(pairs) * replays,
        "train_tokens": tokens,
        "optimizer_steps": outcome.optimizer_steps,
        "flops": float(FLOPS_PER_PARAMETER_AND_TOKEN * outcome.parameters * tokens),
        "wall_seconds": task.clock.parts["train"],
        "peak_memory_bytes": peak_memory(),
    }


def collection_spend(collection: Path, pairs: Sequence[Pair]) -> dict[str, float]:
    """What the pairs cost: all prompts up to the last one that gave a pair, also those that gave none.

    Args:
        collection: Folder of the collect stage; ready-made pairs cost nothing.
        pairs: The pairs of the data budget, in the order of asking.
    """
    file = collection / "prompts.jsonl"
    if not file.exists():
        return {}
    asked = pairs[-1].prompt_index + 1
    rows: list[dict[str, Any]] = [json.loads(line) for line in file.read_text("utf-8").splitlines()[:asked]]
    return {
        "prompts": asked,
        "verifier_calls": sum(row["answers"] for row in rows),
        "generated_tokens": sum(row["generated_tokens"] for row in rows),
    }


def forget_peak_memory() -> None:
    """Begin measuring the peak memory of this process, and of its GPU, anew."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):  # other systems than Linux: the peak is then that of the whole process
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_memory() -> int:
    """Largest memory since ``forget_peak_memory``, in bytes: of the GPU where there is one."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    with suppress(OSError, StopIteration, ValueError):
        status = Path("/proc/self/status").read_text("ascii").splitlines()
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
