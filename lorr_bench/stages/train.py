"""Train: reference log-probabilities once, then the LoRR loop through an adapter."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lorr_bench.data.pairs import read_pairs
from lorr_bench.errors import DataError, DivergedError
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import Progress, TrainerAdapter, TrainJob
from lorr_bench.stages.anchor import anchor_model
from lorr_bench.stages.charge import Counted, charge
from lorr_bench.stages.fingerprint import write_fingerprint
from lorr_bench.stages.finite import check_finite
from lorr_bench.stages.memory import forget_peak_memory, peak_memory, peak_memory_of_programs
from lorr_bench.stages.probe import make_probe
from lorr_bench.stages.rows import training_rows
from lorr_bench.stages.spent import SPENT_FILE, Meter, Spent
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import Pair

CHECKPOINT: Final = "checkpoint"
CHECKPOINTS: Final = "checkpoints"
PAIRS_FILE: Final = "pairs.jsonl"
REFERENCE_FILE: Final = "reference.parquet"


def reference(task: Task) -> Outcome:
    """Tokenize the rows of a seed and compute their reference log-probabilities, once for all arms."""
    adapter = load_adapter(task.stage.setting["adapter"])
    settings = adapter.hyperparameters.model_validate(task.stage.setting["hyperparameters"])
    pairs = read_pairs(task.inputs["pairs"] / PAIRS_FILE)
    rows = training_rows(adapter.rows, pairs, task.inputs["pairs"])
    adapter.reference(task.model, rows, settings, task.output / REFERENCE_FILE)
    return Outcome(metrics={"rows": len(rows)}, parts=task.clock.parts)


def train(task: Task) -> Outcome:
    """Train one arm on the first pairs of its seed; the model lies in ``model/``.

    Raises:
        DataError: There are fewer pairs than the data budget, in the first round.
        DivergedError: Training ran into values that are no numbers; its checkpoints are removed.
    """
    params = task.stage.params
    pairs = _budget(task)
    _continue(task)
    forget_peak_memory()
    with _without_diverged_checkpoints(task):
        with task.clock.part("train"):
            result = _run(task)
        check_finite(task.output / "model")
    saved = dataclasses.replace(task.start_model, path=str(task.output / "model"), revision=None)
    write_fingerprint(task, saved)
    task.clock.move("train", "diagnostics", result["measuring_seconds"])
    replays = len(params["sft_weights"])
    if params["stop_after"] < replays:
        shutil.copytree(task.scratch / CHECKPOINTS, task.output / CHECKPOINT)
    counted = Counted(**result["counted"])
    earlier = Spent(**result["spent_before"])
    spent = earlier.and_then(task.clock.parts["train"], result["peak_memory_bytes"])
    spend = charge(task, pairs, counted, spent)
    metrics = {**result["metrics"], "counted": dataclasses.asdict(counted)}
    return Outcome(metrics=metrics, spend=spend, parts=task.clock.parts)


@contextmanager
def _without_diverged_checkpoints(task: Task) -> Iterator[None]:
    """Remove the checkpoints of a run that diverged, so that no later attempt goes on from them."""
    try:
        yield
    except DivergedError as error:
        shutil.rmtree(task.scratch, ignore_errors=True)
        raise DivergedError(error.what, where=task.stage.label, fix=error.fix) from error


def _budget(task: Task) -> list[Pair]:
    """The pairs of the data budget; a later round, whose policy may leave fewer, takes what there is."""
    pairs = read_pairs(task.inputs["pairs"] / PAIRS_FILE)
    budget: int = task.stage.params["unique_pairs"]
    if len(pairs) < budget and task.stage.params["round"][0] == 1:
        raise DataError(
            f"the budget is {budget} pairs, there are {len(pairs)}",
            where=task.stage.label,
            fix="Raise data.collect.num_prompts (or num_samples), or lower budget.unique_pairs.",
        )
    return pairs[:budget]


def _continue(task: Task) -> None:
    """Put the checkpoint of the stage before in place, unless this stage has gone further already."""
    if "before" in task.inputs and not task.scratch.exists():
        draft = task.scratch.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(task.inputs["before"] / CHECKPOINT, draft / CHECKPOINTS)
        draft.rename(task.scratch)
    (task.scratch / CHECKPOINTS).mkdir(parents=True, exist_ok=True)


def _run(task: Task) -> Mapping[str, Any]:
    number, sharding = task.stage.params["processes"]
    order = {
        "stage": task.stage.to_dict(),
        "inputs": {role: str(folder) for role, folder in task.inputs.items()},
        "output": str(task.output),
        "scratch": str(task.scratch),
    }
    if number == 1:
        return run_order(order, task.progress)
    from lorr_bench.stages.ranks import train_in_processes

    log = task.scratch.with_suffix(".log")  # beside the checkpoints; kept where a rank fails
    result = train_in_processes(order, number, sharding, log, task.progress)
    log.unlink(missing_ok=True)
    return result


def run_order(order: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Train in this process, which may be one of several.

    Args:
        order: The stage and its folders, as plain JSON values.
        progress: Told about optimizer steps.

    Returns:
        Metrics, counted quantities and peak memory, as plain JSON values.
    """
    task = Task(
        stage=Stage.from_dict(order["stage"]),
        inputs={role: Path(folder) for role, folder in order["inputs"].items()},
        output=Path(order["output"]),
        scratch=Path(order["scratch"]),
        engines=EngineRoom(),
        progress=progress,
    )
    adapter = load_adapter(task.stage.params["adapter"][0])
    job = make_job(task, adapter)
    peak = peak_memory if adapter.in_process else peak_memory_of_programs
    meter = Meter(task.scratch / SPENT_FILE, job.loop, peak)
    job.loop.before_checkpoint = meter.save
    outcome = adapter.train(job)
    return {
        "spent_before": dataclasses.asdict(meter.before),
        "measuring_seconds": job.loop.measuring_seconds,
        "counted": {name: getattr(outcome, name) for name in Counted.names()},
        "peak_memory_bytes": peak(),
        "metrics": {
            "replays": list(outcome.replays),
            "diagnostics": job.loop.diagnostics,
            "resets": job.loop.resets_done,
            "parameters": outcome.parameters,
            "rows": len(job.rows),
            "global_batch_size": _global_batch_size(job, task.stage.params["processes"][0]),
        },
    }


def _global_batch_size(job: TrainJob, processes: int) -> int | None:
    each: int | None = getattr(job.hyperparameters, "global_batch_size", None)
    return each * processes if each else None


def make_job(task: Task, adapter: TrainerAdapter) -> TrainJob:
    """The training run of a stage."""
    params = task.stage.params
    pairs = read_pairs(task.inputs["pairs"] / PAIRS_FILE)
    budget: int = params["unique_pairs"]
    collection = task.inputs.get("collection", task.inputs["pairs"])
    rows = training_rows(adapter.rows, pairs[:budget], collection)
    hyperparameters = adapter.hyperparameters.model_validate(
        {**params["hyperparameters"], **task.stage.setting["places"]}
    )
    return TrainJob(
        model=task.model,
        reference=task.inputs["reference"] / REFERENCE_FILE if "reference" in task.inputs else None,
        rows=rows,
        output=task.output / "model",
        checkpoints=task.scratch / CHECKPOINTS,
        save_steps=task.stage.setting["save_steps"],
        stop_after=params["stop_after"],
        seed=params["seed"],
        loop=make_loop(task, len(rows), pairs, getattr(hyperparameters, "max_length", None)),
        hyperparameters=hyperparameters,
        progress=task.progress,
        grading=params.get("grading", {}),
    )


def make_loop(task: Task, rows: int, pairs: Sequence[Pair], max_length: int | None) -> ReplayLoop:
    """The LoRR loop of a stage.

    Args:
        task: The stage.
        rows: Training rows.
        pairs: All pairs of the seed; those beyond the budget are held out.
        max_length: Where sequences are cut, or None.
    """
    params = task.stage.params
    reset, anchor = None, None
    if params["reset"] is not None:
        fields = dict(params["reset"])
        anchor = anchor_model(fields.pop("anchor"), task.start_model, task.model, params["seed"])
        reset = Reset(**fields)
    probe = None
    if task.stage.setting["diagnostics"] and max_length is not None:
        probe = make_probe(task.model, pairs, params["unique_pairs"], max_length)
    return ReplayLoop(
        rows=rows,
        seed=params["seed"],
        sft_weights=tuple(params["sft_weights"]),
        reset=reset,
        round=params["round"][0],
        rounds=params["round"][1],
        anchor=anchor,
        probe=probe,
    )
