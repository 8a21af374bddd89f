"""What finished stages took, read from their records, to estimate others by."""

from __future__ import annotations

import heapq
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from lorr_bench.errors import LorrBenchError
from lorr_bench.events import ENGINE_START
from lorr_bench.forecast.calibration import Measured
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.forecast.workload import Workloads
from lorr_bench.plan.kinds.model import ModelStage
from lorr_bench.plan.kinds.registry import KINDS, stage_from_dict
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.store.record import RECORD_FILE, Record
from lorr_bench.store.store import Store

MAX_RECORDS: Final = 60
"""Of each kind, for each of the two sources; more would only make the plan slower."""

model_size = cache(read_model_size)
"""The size of a model by path and revision, read once."""


def measured_stages(plan_stages: Sequence[Stage], done: Collection[str], store: Store) -> list[Measured]:
    """What stages of a plan took, and the newest stages of other suites in the same store.

    Args:
        plan_stages: All stages of the plan.
        done: Digests of those that are done.
        store: Where the records lie.
    """
    stages = {stage.digest: stage for stage in plan_stages}
    records = {record.digest: record for record in _own(plan_stages, done, store)}
    for record in newest_records(store.root, KINDS):
        if record.digest not in stages and (stage := planned_stage(record)) is not None:
            stages[record.digest] = stage
        if record.digest in stages:
            records.setdefault(record.digest, record)
    workloads = Workloads(stages)
    found = (_measured(record, stages[digest], workloads, store) for digest, record in records.items())
    return [measured for measured in found if measured is not None]


def _own(stages: Sequence[Stage], done: Collection[str], store: Store) -> Iterator[Record]:
    """Records of the plan: the first of each kind."""
    taken: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    for stage in stages:
        if stage.digest in done and taken[stage.kind] < MAX_RECORDS:
            record = store.read(stage)
            if record is not None:
                taken[stage.kind] += 1
                yield record


def newest_records(root: Path, kinds: Iterable[Kind]) -> Iterator[Record]:
    """The newest records of some kinds of stage; what can't be read is left to who needs it.

    Args:
        root: Of a store.
        kinds: Whose.
    """
    for kind in kinds:
        for folder in _newest(root / kind):
            try:
                yield Record.from_text((folder / RECORD_FILE).read_text("utf-8"))
            except (OSError, ValueError, KeyError, TypeError):
                continue


def planned_stage(record: Record) -> Stage | None:
    """The stage of a record; None where another version planned it."""
    try:
        return stage_from_dict(record.stage)
    except LorrBenchError:
        return None


def _newest(folder: Path) -> list[Path]:
    """The result folders that came last."""
    try:
        with os.scandir(folder) as results:
            newest = heapq.nlargest(MAX_RECORDS, results, key=lambda result: result.stat().st_mtime)
    except OSError:
        return []
    return [Path(result) for result in newest]


def _measured(record: Record, stage: Stage, workloads: Workloads, store: Store) -> Measured | None:
    """None where an adapter is gone, or refuses settings of another version."""
    try:
        workload = workloads.of(stage)
    except LorrBenchError:
        return None
    start = stage.start_model if isinstance(stage, ModelStage) else None
    size = model_size(start.path, start.revision) if start else None
    return Measured(
        workload=workload,
        parameters=size.parameters if size else None,
        seconds=record.wall_seconds - record.outcome.parts.get(ENGINE_START, 0.0),
        tokens=_tokens(record, stage),
        peak_memory_bytes=_peak(record, stage),
        disk_bytes=None if isinstance(stage, Train) else _disk(store.folder(stage), record),
        on_gpu="gpu" in record.provenance,
        gpu=str(record.provenance.get("gpu", "")),
    )


def _tokens(record: Record, stage: Stage) -> int | None:
    """Tokens of the stage itself; a train stage that continues another counts that one's too."""
    if isinstance(stage, Train) and "before" in stage.inputs:
        return None
    return stage.tokens(record.outcome.metrics, record.outcome.spend) or None


def _peak(record: Record, stage: Stage) -> int | None:
    return int(record.outcome.spend["peak_memory_bytes"]) if isinstance(stage, Train) else None


def _disk(folder: Path, record: Record) -> int | None:
    try:
        return sum((folder / name).stat().st_size for name in record.files)
    except OSError:
        return None
