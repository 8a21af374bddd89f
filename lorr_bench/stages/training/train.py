"""Train: reference log-probabilities once, then the LoRR loop through an adapter."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from lorr_bench.errors import DivergedError
from lorr_bench.generate.engine import Engine
from lorr_bench.lorr.adaptive import Adaptive
from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.plan.kinds.reference import Reference
from lorr_bench.plan.kinds.train import Train
from lorr_bench.ports.trainer import Progress, TrainJob
from lorr_bench.stages.fingerprint import write_fingerprint
from lorr_bench.stages.task import Task
from lorr_bench.stages.training.anchor import anchor_model
from lorr_bench.stages.training.charge import Counted, charge
from lorr_bench.stages.training.determinism import algorithms
from lorr_bench.stages.training.diagnosed_pairs import make_probe, make_signal
from lorr_bench.stages.training.finite import check_finite
from lorr_bench.stages.training.memory import (
    forget_peak_memory,
    free_memory,
    peak_memory,
    peak_memory_of_programs,
)
from lorr_bench.stages.training.order import read_order, write_order
from lorr_bench.stages.training.reference_ranks import process_count, reference_in_processes
from lorr_bench.stages.training.selection import (
    Selection,
    check_budget,
    check_held_out,
    select,
    tell_fit,
)
from lorr_bench.stages.training.spent import SPENT_FILE, Meter, Spent
from lorr_bench.store.record import Outcome

CHECKPOINT: Final = "checkpoint"
CHECKPOINTS: Final = "checkpoints"
REFERENCE_FILE: Final = "reference.parquet"


@dataclass(frozen=True)
class Trained:
    """What the training of a stage was, in one process or several.

    Attributes:
        counted: By the adapter, over the round up to now.
        spent: On the training of this stage before an interruption.
        measuring_seconds: Of the seconds since, those that diagnostics took.
        peak_memory_bytes: The largest of this process, or of the first of several.
        metrics: For the record of the stage.
    """

    counted: Counted
    spent: Spent
    measuring_seconds: float
    peak_memory_bytes: int
    metrics: Mapping[str, Any]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Trained:
        """What ``dataclasses.asdict`` made of it."""
        return cls(**{**values, "counted": Counted(**values["counted"]), "spent": Spent(**values["spent"])})


def reference(task: Task[Reference]) -> Outcome:
    """Tokenize the rows of a data budget and compute their reference log-probabilities, once for all arms.

    Raises:
        DataError: No pair is usable.
    """
    selection = select(task)
    tell_fit(task, selection)
    output = task.output / REFERENCE_FILE
    if (processes := process_count(task.stage, len(selection.rows))) > 1:
        reference_in_processes(task, processes, output)
    else:
        task.stage.adapter.reference(task.model, selection.rows, task.stage.hyperparameters, output)
    return Outcome(metrics={"rows": len(selection.rows), **selection.metrics}, parts=task.clock.parts)


def train(task: Task[Train]) -> Outcome:
    """Train one arm on the first usable pairs of its seed; the model lies in ``model/``.

    Raises:
        DataError: There are fewer usable pairs than the data budget, in the first round, or than are to be
            held out; or none.
        DivergedError: Training ran into values that are no numbers; its checkpoints are removed.
        ModelError: The trained model does not load.
    """
    parameters = task.stage.parameters
    selection = select(task)
    check_budget(task.stage, selection)
    check_held_out(task.stage, selection)
    tell_fit(task, selection)
    _continue(task)
    forget_peak_memory()
    with _without_diverged_checkpoints(task):
        with task.clock.part("train"):
            trained = _run(task, selection)
        check_finite(task.output / "model")
    saved = dataclasses.replace(task.start_model, path=str(task.output / "model"), revision=None)
    write_fingerprint(task, saved)
    task.clock.move("train", "diagnostics", trained.measuring_seconds)
    if parameters.stop_after < parameters.replays:
        shutil.copytree(task.scratch / CHECKPOINTS, task.output / CHECKPOINT)
    spent = trained.spent.and_then(task.clock.parts["train"], trained.peak_memory_bytes)
    replays = trained.metrics.get("replays_done", parameters.replays)
    spend = charge(task, selection, trained.counted, spent, replays)
    counted = {"counted": dataclasses.asdict(trained.counted)}
    metrics = {**trained.metrics, **selection.metrics, **counted}
    return Outcome(metrics=metrics, spend=spend, parts=task.clock.parts)


@contextmanager
def _without_diverged_checkpoints(task: Task[Train]) -> Iterator[None]:
    """Remove the checkpoints of a run that diverged, so that no later attempt goes on from them."""
    try:
        yield
    except DivergedError as error:
        shutil.rmtree(task.scratch, ignore_errors=True)
        raise DivergedError(error.what, where=task.stage.label, fix=error.fix) from error


def _continue(task: Task[Train]) -> None:
    """Put the checkpoint of the stage before in place, unless this stage has gone further already."""
    if "before" in task.inputs and not task.scratch.exists():
        draft = task.scratch.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(task.inputs["before"] / CHECKPOINT, draft / CHECKPOINTS)
        draft.rename(task.scratch)
    (task.scratch / CHECKPOINTS).mkdir(parents=True, exist_ok=True)


def _run(task: Task[Train], selection: Selection) -> Trained:
    processes = task.stage.parameters.processes
    if processes.sharding is None:
        return _train_here(task, selection)
    from lorr_bench.stages.training.ranks import train_in_processes

    log = task.scratch.with_suffix(".log")  # beside the checkpoints; kept where a rank fails
    result = train_in_processes(write_order(task), processes.number, processes.sharding, log, task.progress)
    log.unlink(missing_ok=True)
    return Trained.from_dict(result)


def run_order(order: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Train in one of several processes, which selects the data again.

    Args:
        order: The stage and its folders, as plain JSON values.
        progress: Told about optimizer steps.

    Returns:
        What the training was, as plain JSON values.
    """
    task = read_order(order, progress)
    return dataclasses.asdict(_train_here(task, select(task)))


def _train_here(task: Task[Train], selection: Selection) -> Trained:
    """Train in this process, alone or beside others."""
    adapter = task.stage.adapter
    job = make_job(task, selection)
    peak = peak_memory if adapter.in_process else peak_memory_of_programs
    meter = Meter(task.scratch / SPENT_FILE, job.loop, peak)
    job.loop.before_checkpoint = meter.save
    with algorithms(deterministic=bool(task.stage.setting.deterministic)):
        outcome = adapter.train(job)
    peak_bytes = peak()
    free_memory()  # what looks at the trained model loads it anew
    return Trained(
        counted=Counted(**{name: getattr(outcome, name) for name in Counted.names()}),
        spent=meter.before,
        measuring_seconds=job.loop.measuring_seconds,
        peak_memory_bytes=peak_bytes,
        metrics={
            "replays": list(outcome.replays),
            "diagnostics": job.loop.diagnostics,
            "resets": job.loop.resets_done,
            "parameters": outcome.parameters,
            "rows": len(job.rows),
            "global_batch_size": _global_batch_size(task.stage),
            **_decided(job.loop),
        },
    )


def _decided(loop: ReplayLoop) -> dict[str, Any]:
    """What a signal decided, and by which values: that of the start, and of each replay; for the record."""
    if loop.replays_done is None:
        return {}
    return {"signals": loop.signals, "replays_done": loop.replays_done}


def _global_batch_size(stage: Train) -> int | None:
    each = stage.known_settings.global_batch_size
    return each * stage.parameters.processes.number if each else None


def make_job(task: Task[Train], selection: Selection) -> TrainJob:
    """The training run of a stage.

    Args:
        task: The stage.
        selection: Its data.
    """
    parameters, grading = task.stage.parameters, task.stage.parameters.grading
    return TrainJob(
        model=task.model,
        reference=task.inputs["reference"] / REFERENCE_FILE if "reference" in task.inputs else None,
        rows=selection.rows,
        output=task.output / "model",
        checkpoints=task.scratch / CHECKPOINTS,
        save_steps=task.stage.setting.save_steps,
        stop_after=parameters.stop_after,
        seed=parameters.seed,
        loop=make_loop(task, selection),
        hyperparameters=task.stage.hyperparameters,
        progress=task.progress,
        grading=grading.model_dump() if grading is not None else {},
        engine=_engine(task),
    )


def _engine(task: Task[Train]) -> Callable[[], Engine] | None:
    """Gives the engine that an online method draws its answers with; None where it draws them itself."""
    generator, options = task.stage.parameters.generator, task.stage.setting.options
    if generator is None or options is None:
        return None
    return partial(task.engines.holding, task, generator, options)


def make_loop(task: Task[Train], selection: Selection) -> ReplayLoop:
    """The LoRR loop of a stage.

    Args:
        task: The stage.
        selection: Its rows; of the pairs behind its data budget some are held out.
    """
    parameters, planned = task.stage.parameters, task.stage.parameters.reset
    reset, anchor = None, None
    if planned is not None:
        anchor = anchor_model(planned.anchor, task.start_model, task.model, parameters.seed)
        reset = planned.of_loop
    probe = None
    whole = all(pair.chosen and pair.rejected for pair in selection.pairs)  # rows of one response are not
    if task.stage.setting.diagnostics and selection.max_length is not None and whole:
        probe = make_probe(task.model, selection.pairs, selection.rest, selection.max_length)
    adaptive = None
    if parameters.adaptive is not None and selection.max_length is not None:
        name, held_out = parameters.adaptive.signal, selection.held_out
        signal = make_signal(name, task.model, held_out, selection.max_length)
        adaptive = Adaptive(parameters.adaptive.rule, signal)
    return ReplayLoop(
        rows=len(selection.rows),
        seed=parameters.seed,
        sft_weights=parameters.sft_weights,
        reset=reset,
        round=parameters.round.number,
        rounds=parameters.round.rounds,
        anchor=anchor,
        probe=probe,
        adaptive=adaptive,
    )
