"""Where a published run comes from: code, versions, machine, time, stages, and what was declared when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lorr_bench.plan.plan import Plan
from lorr_bench.run.declaration import ANALYSIS_FILE
from lorr_bench.store.record import Record
from lorr_bench.values import START, Results

FORMAT: Final = 1
ABSENT: Final = "none"
MACHINE: Final = ("processor", "processor kind", "gpu", "system", "python")
"""What of a record's versions says on what kind of machine it was made."""
ADDED: Final = ("processor kind",)
"""What folders that were published before 28 November 2026 do not say."""


def origin_of(
    plan: Plan, results: Results, records: Mapping[str, Record], output: Path, commit: str | None
) -> dict[str, Any]:
    """What ``provenance.json`` says, but for what was left out; the same run gives the same.

    Args:
        plan: The plan of the run, all of whose stages are done.
        results: What it found.
        records: Records of its stages by digest.
        output: Its output folder.
        commit: Of the code that publishes it.
    """
    by_kind: dict[str, float] = {}
    for time in results.times:
        by_kind[time.kind] = by_kind.get(time.kind, 0.0) + time.seconds
    versions = {name: value for name, value in results.versions.items() if name not in MACHINE}
    return {
        "format": FORMAT,
        "suite": plan.suite.name,
        "description": plan.suite.description,
        "began": _time(min(record.started for record in records.values())),
        "ended": _time(max(record.started + record.wall_seconds for record in records.values())),
        "busy_seconds": round(busy_seconds(records.values()), 1),
        "stage_seconds": {kind: round(seconds, 1) for kind, seconds in by_kind.items()},
        "machine": {name: results.versions[name] for name in MACHINE if name in results.versions},
        "versions": versions,
        "published_by_commit": commit,
        "declarations": _declarations(output / ANALYSIS_FILE),
        "first_result": _time(_first_result(plan, records)),
        "start_model": results.start_model,
        "stages": {stage.digest: stage.label for stage in plan.stages},
    }


def origin_notes(origin: Mapping[str, Any], plan: Plan, versions: Mapping[str, str]) -> Iterator[str]:
    """What differs between a published run and a new one besides the figures, a sentence each.

    Args:
        origin: What ``provenance.json`` says.
        plan: Of the new run.
        versions: Versions and machine of the new run.
    """
    then = {**origin["versions"], **origin["machine"]}
    for title, of_machine in (("The machine", True), ("Versions", False)):
        names = [name for name in {**then, **versions} if (name in MACHINE) == of_machine]
        told = [
            f"{name} {then.get(name, ABSENT)} published, {versions.get(name, ABSENT)} here"
            for name in names
            if then.get(name) != versions.get(name) and (name in then or name not in ADDED)
        ]
        if told:
            yield f"{title} {'differs' if of_machine else 'differ'}: {'; '.join(told)}."
    other = sum(stage.digest not in origin["stages"] for stage in plan.stages)
    if other:
        share = f"{other:,} of {len(plan.stages):,} stages"
        yield f"{share} are not the published work: options, data or versions that results rest on differ."


def busy_seconds(records: Iterable[Record]) -> float:
    """Seconds in which at least one stage was at work: pauses between runs of a suite count nothing."""
    busy, until = 0.0, float("-inf")
    for record in sorted(records, key=lambda record: record.started):
        end = record.started + record.wall_seconds
        busy += max(0.0, end - max(record.started, until))
        until = max(until, end)
    return busy


def _first_result(plan: Plan, records: Mapping[str, Record]) -> float:
    """When the first evaluation of a trained model was done; from then on something was known."""
    trained = [evaluation.digest for evaluation in plan.evaluations if evaluation.point != START]
    return min(records[digest].started + records[digest].wall_seconds for digest in trained)


def _declarations(file: Path) -> list[dict[str, Any]]:
    """What was declared to be tested, and when, as the run kept it."""
    declared: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["declarations"]
    return declared


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
