"""Train: reference log-probabilities once, then the LoRR loop through an adapter."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import DivergedError
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import Progress, TrainerAdapter, TrainJob
from lorr_bench.stages.fingerprint import write_fingerprint
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.stages.training.anchor import anchor_model
from lorr_bench.stages.training.charge import Counted, charge
from lorr_bench.stages.training.diagnosed_pairs import make_probe
from lorr_bench.stages.training.finite import check_finite
from lorr_bench.stages.training.memory import forget_peak_memory, peak_memory, peak_memory_of_programs
from lorr_bench.stages.training.selection import Selection, check_budget, select, tell_fit
from lorr_bench.stages.training.spent import SPENT_FILE, Meter, Spent
from lorr_bench.store.record import Outcome

CHECKPOINT: Final = "checkpoint"
CHECKPOINTS: Final = "checkpoints"
REFERENCE_FILE: Final = "reference.parquet"


def reference(task: Task) -> Outcome:
    """Tokenize the rows of a data budget and compute their reference log-probabilities, once for all arms.

    Raises:
        DataError: No pair is usable.
    """
    adapter = load_adapter(task.stage.setting["adapter"])
    settings = adapter.hyperparameters.model_validate(task.stage.setting["hyperparameters"])
    selection = select(task, adapter, settings)
    tell_fit(task, selection)
    adapter.reference(task.model, selection.rows, settings, task.output / REFERENCE_FILE)
    return Outcome(metrics={"rows": len(selection.rows), **selection.metrics}, parts=task.clock.parts)


def train(task: Task) -> Outcome:
    """Train one arm on the first usable pairs of its seed; the model lies in ``model/``.

    Raises:
        DataError: There are fewer usable pairs than the data budget, in the first round; or none.
        DivergedError: Training ran into values that are no numbers; its checkpoints are removed.
        ModelError: The trained model does not load.
    """
    params = task.stage.params
    adapter = load_adapter(params["adapter"][0])
    selection = select(task, adapter, _hyperparameters(task, adapter))
    check_budget(task, selection)
    tell_fit(task, selection)
    _continue(task)
    forget_peak_memory()
    with _without_diverged_checkpoints(task):
        with task.clock.part("train"):
            result = _run(task, selection)
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
    spend = charge(task, selection.pairs, counted, spent, selection.spend)
    metrics = {**result["metrics"], **selection.metrics, "counted": dataclasses.asdict(counted)}
    return Outcome(metrics=metrics, spend=spend, parts=task.clock.parts)


@contextmanager
def _without_diverged_checkpoints(task: Task) -> Iterator[None]:
    """Remove the checkpoints of a run that diverged, so that no later attempt goes on from them."""
    try:
        yield
    except DivergedError as error:
        shutil.rmtree(task.scratch, ignore_errors=True)
        raise DivergedError(error.what, where=task.stage.label, fix=error.fix) from error


def _hyperparameters(task: Task, adapter: TrainerAdapter) -> Any:
    """The settings of the stage, with what lies elsewhere on this machine."""
    return adapter.hyperparameters.model_validate(
        {**task.stage.params["hyperparameters"], **task.stage.setting["places"]}
    )


def _continue(task: Task) -> None:
    """Put the checkpoint of the stage before in place, unless this stage has gone further already."""
    if "before" in task.inputs and not task.scratch.exists():
        draft = task.scratch.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(task.inputs["before"] / CHECKPOINT, draft / CHECKPOINTS)
        draft.rename(task.scratch)
    (task.scratch / CHECKPOINTS).mkdir(parents=True, exist_ok=True)


def _run(task: Task, selection: Selection) -> Mapping[str, Any]:
    number, sharding = task.stage.params["processes"]
    order = {
        "stage": task.stage.to_dict(),
        "inputs": {role: str(folder) for role, folder in task.inputs.items()},
        "output": str(task.output),
        "scratch": str(task.scratch),
    }
    if number == 1:
        return run_order(order, task.progress, selection)
    from lorr_bench.stages.training.ranks import train_in_processes

    log = task.scratch.with_suffix(".log")  # beside the checkpoints; kept where a rank fails
    result = train_in_processes(order, number, sharding, log, task.progress)
    log.unlink(missing_ok=True)
    return result


def run_order(
    order: Mapping[str, Any], progress: Progress, selection: Selection | None = None
) -> dict[str, Any]:
    """Train in this process, which may be one of several.

    Args:
        order: The stage and its folders, as plain JSON values.
        progress: Told about optimizer steps.
        selection: The data of the stage; one of several processes selects it again.

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
    job = make_job(task, adapter, selection)
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


def make_job(task: Task, adapter: TrainerAdapter, selection: Selection | None = None) -> TrainJob:
    """The training run of a stage.

    Args:
        task: The stage.
        adapter: Its adapter.
        selection: Its data; selected here where nobody has before.
    """
    params = task.stage.params
    hyperparameters = _hyperparameters(task, adapter)
    selection = selection or select(task, adapter, hyperparameters)
    return TrainJob(
        model=task.model,
        reference=task.inputs["reference"] / REFERENCE_FILE if "reference" in task.inputs else None,
        rows=selection.rows,
        output=task.output / "model",
        checkpoints=task.scratch / CHECKPOINTS,
        save_steps=task.stage.setting["save_steps"],
        stop_after=params["stop_after"],
        seed=params["seed"],
        loop=make_loop(task, selection),
        hyperparameters=hyperparameters,
        progress=task.progress,
        grading=params.get("grading", {}),
    )


def make_loop(task: Task, selection: Selection) -> ReplayLoop:
    """The LoRR loop of a stage.

    Args:
        task: The stage.
        selection: Its rows; of the pairs behind its data budget some are held out.
    """
    params = task.stage.params
    reset, anchor = None, None
    if params["reset"] is not None:
        fields = dict(params["reset"])
        anchor = anchor_model(fields.pop("anchor"), task.start_model, task.model, params["seed"])
        reset = Reset(**fields)
    probe = None
    if task.stage.setting["diagnostics"] and selection.max_length is not None:
        probe = make_probe(task.model, selection.pairs, selection.rest, selection.max_length)
    return ReplayLoop(
        rows=len(selection.rows),
        seed=params["seed"],
        sft_weights=tuple(params["sft_weights"]),
        reset=reset,
        round=params["round"][0],
        rounds=params["round"][1],
        anchor=anchor,
        probe=probe,
    )
