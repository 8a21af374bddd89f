"""Read the results of a plan from the store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lorr_bench.budget import EQUAL_QUANTITIES
from lorr_bench.plan.plan import Evaluation, Plan
from lorr_bench.spec.load import resolved_yaml
from lorr_bench.store.record import Record
from lorr_bench.store.store import Store
from lorr_bench.values import START, Point, Results, SampleAnswer, Score, Spend, StageTime


def load_results(plan: Plan, store: Store, reasons: Mapping[str, str]) -> Results:
    """Everything a report needs.

    Args:
        plan: The plan whose stages are read.
        store: Where they lie.
        reasons: Why a stage has no result, by digest; others are reported as not run yet.
    """
    records = {stage.digest: record for stage in plan.stages if (record := store.read(stage)) is not None}
    stages = {stage.digest: stage for stage in plan.stages}
    folders = {digest: store.folder(stages[digest]) for digest in records}
    measured = [evaluation for evaluation in plan.evaluations if evaluation.digest in records]
    return Results(
        suite=plan.suite.name,
        description=plan.suite.description,
        suite_text=resolved_yaml(plan.suite),
        baselines=plan.baselines,
        arms=tuple(arm.name for arm in plan.arms),
        held_equal=plan.suite.budget.equal,
        equal_quantities=EQUAL_QUANTITIES[plan.suite.budget.equal],
        scores=[score for evaluation in measured for score in _scores(evaluation, folders)],
        spends={
            point: Spend.from_dict(records[digest].outcome.spend)
            for point, digest in plan.training.items()
            if digest in records
        },
        diagnostics={
            point: replay_values(records[digest].outcome.metrics)
            for point, digest in plan.training.items()
            if digest in records
        },
        answers=_answers(measured, folders, plan),
        times=[_time(records[stage.digest]) for stage in plan.stages if stage.digest in records],
        versions=_versions(records.values()),
        missing={
            stage.label: reasons.get(stage.digest, "not run yet")
            for stage in plan.stages
            if stage.digest not in records
        },
    )


def replay_values(metrics: Mapping[str, Any]) -> list[dict[str, float]]:
    """What a train stage measured at the end of each replay, and what its trainer logged during it.

    Args:
        metrics: Metrics in the record of the stage.

    Returns:
        One dictionary a replay; names of logged values begin with ``trainer/``. Empty where there are none.
    """
    measured: list[dict[str, float]] = metrics.get("diagnostics", [])
    logged: list[dict[str, float]] = metrics.get("replays", [])
    empty: dict[str, float] = {}
    return [
        {**found, **{f"trainer/{name}": value for name, value in told.items()}}
        for found, told in zip_longest(measured, logged, fillvalue=empty)
    ]


def _scores(evaluation: Evaluation, folders: Mapping[str, Path]) -> Iterator[Score]:
    table: dict[str, dict[str, list[float]]] = json.loads(
        (folders[evaluation.digest] / "scores.json").read_text("utf-8")
    )
    for task, metrics in table.items():
        # A shared stage keeps the name under which it ran first; the suite's own name is what people expect.
        name = evaluation.benchmark if evaluation.kind == "math" else task
        for metric, values in metrics.items():
            mean = sum(values) / len(values) if values else float("nan")
            yield Score(evaluation.point, name, evaluation.kind, metric, mean, tuple(values))


def _answers(measured: Sequence[Evaluation], folders: Mapping[str, Path], plan: Plan) -> list[SampleAnswer]:
    """Greedy answers of the start model and of the first seed at the largest budget, side by side."""
    largest, seed = plan.suite.budget.unique_pairs[-1], plan.suite.seeds[0]
    shown = [e for e in measured if e.kind == "math" and _is_shown(e.point, largest, seed)]
    return [
        _answer(evaluation, row)
        for evaluation in shown
        for row in _first_greedy(folders[evaluation.digest], plan.suite.evaluation.keep_answers)
    ]


def _is_shown(point: Point, unique_pairs: int, seed: int) -> bool:
    return point == START or (point.unique_pairs, point.seed) == (unique_pairs, seed)


def _first_greedy(folder: Path, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with (folder / "answers.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            if len(found) == count:
                break
            row = json.loads(line)
            if row["metric"] == "greedy":
                found.append(row)
    return found


def _answer(evaluation: Evaluation, row: Mapping[str, Any]) -> SampleAnswer:
    return SampleAnswer(
        point=evaluation.point,
        benchmark=evaluation.benchmark,
        problem_id=row["id"],
        prompt=row["prompt"],
        gold=row["gold"],
        text=row["text"],
        extracted=row["extracted"],
        correct=row["correct"],
    )


def _time(record: Record) -> StageTime:
    return StageTime(record.stage["label"], record.stage["kind"], record.wall_seconds, record.outcome.parts)


def _versions(records: Any) -> dict[str, str]:
    """Versions of all records; where they differ, every value is named."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.provenance.items():
            found.setdefault(name, set()).add(value)
    return {name: " / ".join(sorted(values)) for name, values in sorted(found.items())}
