"""What finished stages took, read from their records, to estimate others by."""

from __future__ import annotations

import heapq
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from lorr_bench.errors import LorrBenchError
from lorr_bench.forecast.calibration import Measured
from lorr_bench.forecast.model_size import ModelSize, read_model_size
from lorr_bench.forecast.workload import Workloads
from lorr_bench.plan.stage import POOLS, Kind, Stage
from lorr_bench.stages.tokens import tokens_of
from lorr_bench.store.record import RECORD_FILE, Record
from lorr_bench.store.store import Store

MAX_RECORDS: Final = 60
"""Of each kind, for each of the two sources; more would only make the plan slower."""
ENGINE_START: Final = "engine_start"

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
    for record in _others(store.root):
        records.setdefault(record.digest, record)
        stages.setdefault(record.digest, Stage.from_dict(record.stage))
    workloads = Workloads(stages)
    found = (_measured(record, stages[digest], workloads, store) for digest, record in records.items())
    return [measured for measured in found if measured is not None]


def _own(stages: Sequence[Stage], done: Collection[str], store: Store) -> Iterator[Record]:
    """Records of the plan: the first of each kind."""
    taken: dict[Kind, int] = dict.fromkeys(POOLS, 0)
    for stage in stages:
        if stage.digest in done and taken[stage.kind] < MAX_RECORDS:
            record = store.read(stage)
            if record is not None:
                taken[stage.kind] += 1
                yield record


def _others(root: Path) -> Iterator[Record]:
    """The newest records of each kind; what can't be read is left to who needs it."""
    for kind in POOLS:
        for folder in _newest(root / kind):
            try:
                yield Record.from_text((folder / RECORD_FILE).read_text("utf-8"))
            except (OSError, ValueError, KeyError, TypeError):
                continue


def _newest(folder: Path) -> list[Path]:
    """The result folders that came last."""
    try:
        with os.scandir(folder) as results:
            newest = heapq.nlargest(MAX_RECORDS, results, key=lambda result: result.stat().st_mtime)
    except OSError:
        return []
    return [Path(result) for result in newest]


def _measured(record: Record, stage: Stage, workloads: Workloads, store: Store) -> Measured | None:
    """None where the record is of a version with other parameters, or of an adapter that is gone."""
    try:
        workload = workloads.of(stage)
    except (LorrBenchError, LookupError, TypeError, AttributeError):
        return None
    size = _size_of(stage.setting)
    return Measured(
        workload=workload,
        parameters=size.parameters if size else None,
        seconds=record.wall_seconds - record.outcome.parts.get(ENGINE_START, 0.0),
        tokens=_tokens(record, stage),
        peak_memory_bytes=_peak(record, stage.kind),
        disk_bytes=_disk(store.folder(stage), record) if stage.kind != "train" else None,
        on_gpu="gpu" in record.provenance,
    )


def _size_of(setting: Mapping[str, object]) -> ModelSize | None:
    path, revision = setting.get("model_path"), setting.get("revision")
    if not isinstance(path, str) or not isinstance(revision, str | None):
        return None
    return model_size(path, revision)


def _tokens(record: Record, stage: Stage) -> int | None:
    """Tokens of the stage itself; a train stage that continues another counts that one's too."""
    if stage.kind == "train" and "before" in stage.inputs:
        return None
    return tokens_of(stage.kind, record.outcome) or None


def _peak(record: Record, kind: Kind) -> int | None:
    return int(record.outcome.spend["peak_memory_bytes"]) if kind == "train" else None


def _disk(folder: Path, record: Record) -> int | None:
    try:
        return sum((folder / name).stat().st_size for name in record.files)
    except OSError:
        return None
