"""Read the results of a plan from the store."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, TypeVar

from lorr_bench.budget import EQUAL_QUANTITIES
from lorr_bench.plan.kinds.answers.pairs import is_collection
from lorr_bench.plan.kinds.contamination import Contamination
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.spec.load import resolved_yaml
from lorr_bench.store.generations import (
    ANSWERS_FILE,
    FAMILIES_FILE,
    OVERLAPS_FILE,
    PROBLEMS_FILE,
    SCORES_FILE,
    VERDICTS_FILE,
    GradedAnswer,
    first_answers,
    read_lines,
)
from lorr_bench.store.record import Record
from lorr_bench.store.sampled_problems import sampled_ids
from lorr_bench.store.store import Store
from lorr_bench.values import (
    NOT_RUN,
    START,
    ArmParts,
    Conduct,
    Overlap,
    Results,
    SampleAnswer,
    Score,
    Spend,
    StageTime,
    Stratum,
)

T = TypeVar("T")
MAX_SHOWN: Final = 64
"""Models up to which the answers of every seed are shown; of more, those of the first seed."""
MAX_EXAMPLES: Final = 10
"""Ids of overlapping problems that a report names."""
DAMAGED: Final = "damaged, run again"
PENDING: Final = "its settings are not chosen yet"


def load_results(
    plan: Plan, store: Store, reasons: Mapping[str, str], changes: Sequence[str] = ()
) -> Results:
    """Everything a report needs. What it reads is verified; a damaged result is set aside and is missing.

    Args:
        plan: The plan whose stages are read.
        store: Where they lie; its ``set_aside`` names what was found damaged.
        reasons: Why a stage has no result, by digest; others are reported as damaged, or not run yet.
        changes: How what is tested was declared late or changed, a sentence a change.

    Raises:
        StoreError: A damaged result can't be set aside.
    """
    records = _sound_records(plan, store)
    stages = {stage.digest: stage for stage in plan.stages}
    folders = {digest: store.folder(stages[digest]) for digest in records}
    measured = [e for e in plan.evaluations if {e.digest, e.answers} <= records.keys()]
    return Results(
        suite=plan.suite.name,
        description=plan.suite.description,
        suite_text=resolved_yaml(plan.suite),
        baselines=plan.baselines,
        arms={arm.name: ArmParts(arm.method, arm.plugin) for arm in plan.arms},
        held_equal=plan.suite.budget.equal,
        equal_quantities=EQUAL_QUANTITIES[plan.suite.budget.equal],
        scores=[score for evaluation in measured for score in scores_of(evaluation, folders)],
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
        conduct=[line for e in measured if e.kind == "math" for line in _conduct(e, folders)],
        overlaps=list(_overlaps(plan, records, stages, folders)),
        truncated=_truncated(records, stages),
        published=plan.published,
        start_model=plan.start_model,
        protocol=plan.suite.evaluation.protocol,
        conditions=_conditions(measured, stages, folders),
        analysis=replace(plan.analysis, changes=tuple(changes)),
        families=dict(_families(plan, folders)),
        tuning=plan.tuning,
        times=[_time(records[stage.digest]) for stage in plan.stages if stage.digest in records],
        versions=versions_of(records.values()),
        missing={
            stage.label: reasons.get(stage.digest, _why_missing(stage, plan, store))
            for stage in plan.stages
            if stage.digest not in records
        },
    )


def _why_missing(stage: Stage, plan: Plan, store: Store) -> str:
    if stage.digest in plan.pending:
        return PENDING
    return DAMAGED if stage.digest in store.set_aside else NOT_RUN


def _sound_records(plan: Plan, store: Store) -> dict[str, Record]:
    """Records by digest; of the files only those are verified that are read.

    A stage whose settings are not chosen has none, even where a result of other settings would fit it.
    """
    wanted = _files_read(plan)
    read = {s.digest: store.read(s, verify=wanted.get(s.digest, ())) for s in plan.settled_stages}
    return {digest: record for digest, record in read.items() if record is not None}


def _truncated(records: Mapping[str, Record], stages: Mapping[str, Stage]) -> dict[str, float]:
    """What each collection noted of its answers."""
    return {
        stages[digest].label: record.outcome.metrics.get("truncated_share", 0.0)
        for digest, record in records.items()
        if is_collection(stages[digest])
    }


def _files_read(plan: Plan) -> dict[str, set[str]]:
    """Names of the files that a report reads, by digest of the stage."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for evaluation in plan.evaluations:
        names[evaluation.digest].add(SCORES_FILE)
        if _is_shown(evaluation, plan):
            names[evaluation.digest].add(VERDICTS_FILE)
            names[evaluation.answers] |= {PROBLEMS_FILE, ANSWERS_FILE}
    for digest in plan.contamination.values():
        names[digest].add(OVERLAPS_FILE)
    for digest in plan.families.values():
        names[digest].add(FAMILIES_FILE)
    return names


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


def scores_of(evaluation: Evaluation, folders: Mapping[str, Path]) -> Iterator[Score]:
    """The scores of one stage; a shared stage may have run under another name of the benchmark.

    Args:
        evaluation: Which stage measured which model on what.
        folders: Of finished stages, by digest.
    """
    for name, table in _tables(evaluation, folders):
        for metric, found in table["scores"].items():
            yield Score(
                evaluation.point,
                name,
                evaluation.kind,
                metric,
                _number(found["value"]),
                tuple(map(_number, found["per_problem"])),
                _number(found["deviation"]),
                found["reason"],
                tuple(Stratum(**stratum) for stratum in found.get("strata", ())),
            )


def _tables(evaluation: Evaluation, folders: Mapping[str, Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a stage found, by name of the benchmark."""
    found = json.loads((folders[evaluation.digest] / SCORES_FILE).read_text("utf-8"))
    yield from _named(evaluation.benchmark, {"": found} if evaluation.kind == "math" else found)


def _named(benchmark: str, found: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    """What was found, by the names that scores have; several lm-eval tasks keep their own."""
    if len(found) == 1:
        (only,) = found.values()
        yield benchmark, only
    else:
        yield from found.items()


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _conduct(evaluation: Evaluation, folders: Mapping[str, Path]) -> Iterator[Conduct]:
    for name, table in _tables(evaluation, folders):
        found = table["conduct"]
        yield Conduct(
            evaluation.point,
            name,
            answers=found["answers"],
            mean_tokens=_number(found["mean_tokens"]),
            truncated_share=_number(found["truncated_share"]),
            no_answer_share=_number(found["no_answer_share"]),
            timeouts=found["timeouts"],
            missing=found["missing"],
        )


def _conditions(
    measured: Sequence[Evaluation], stages: Mapping[str, Stage], folders: Mapping[str, Path]
) -> dict[str, dict[str, Any]]:
    """What decides the numbers of each benchmark besides the model."""
    found: dict[str, dict[str, Any]] = {}
    # The same for every model, so the first of each benchmark says it.
    for evaluation in {evaluation.benchmark: evaluation for evaluation in reversed(measured)}.values():
        asked, measured_by = stages[evaluation.answers].parameters, stages[evaluation.digest].parameters
        params = {**asked.to_dict(), **measured_by.to_dict()}
        for other in ("model", "seed"):  # another seed is another draw under the same conditions
            params.pop(other)
        found |= {name: params for name, _ in _tables(evaluation, folders)}
    return found


def _families(plan: Plan, folders: Mapping[str, Path]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Family of each problem by name of the benchmark, where any has two problems."""
    for benchmark, digest in plan.families.items():
        if digest not in folders:
            continue
        found: defaultdict[str, list[str]] = defaultdict(list)
        for row in read_lines(folders[digest] / FAMILIES_FILE):
            found[row.get("scores", "")].append(row["family"])
        for name, families in _named(benchmark, found):
            if len(set(families)) < len(families):
                yield name, tuple(families)


def _overlaps(
    plan: Plan, records: Mapping[str, Record], stages: Mapping[str, Stage], folders: Mapping[str, Path]
) -> Iterator[Overlap]:
    for (seed, benchmark), digest in plan.contamination.items():
        stage = stages[digest]
        if digest not in records or not isinstance(stage, Contamination):
            continue
        ids = json.loads((folders[digest] / OVERLAPS_FILE).read_text("utf-8"))
        counted = records[digest].outcome.metrics
        yield Overlap(
            benchmark,
            seed,
            stage.parameters.ngram,
            counted["prompts"],
            counted["problems"],
            counted["overlapping"],
            tuple(ids[:MAX_EXAMPLES]),
        )


def _answers(measured: Sequence[Evaluation], folders: Mapping[str, Path], plan: Plan) -> list[SampleAnswer]:
    """One answer to each sampled problem, of the start model and of the largest budget."""
    shown = [evaluation for evaluation in measured if _is_shown(evaluation, plan)]
    chosen = _sampled(shown, folders, plan)
    return [
        _answer(evaluation, row)
        for evaluation in shown
        for row in first_answers(
            folders[evaluation.answers], folders[evaluation.digest], chosen[evaluation.benchmark]
        )
        if row.answer["text"] is not None
    ]


def _sampled(
    shown: Sequence[Evaluation], folders: Mapping[str, Path], plan: Plan
) -> dict[str, frozenset[str]]:
    """Problems of each benchmark by the verdicts of the first compared arm and its baseline, first seed."""
    pair = next(((base, arm) for arm, base in plan.baselines.items() if arm != base), ())
    places = {(each.benchmark, each.point.arm): each for each in reversed(shown)}
    sampled = {}
    for benchmark, evaluation in {each.benchmark: each for each in shown}.items():
        found = [places[benchmark, arm] for arm in pair if (benchmark, arm) in places]
        left_right = [(folders[each.answers], folders[each.digest]) for each in found]
        sampled[benchmark] = sampled_ids(
            (left_right[0], left_right[1]) if len(left_right) == 2 else None,
            folders[evaluation.answers],
            plan.suite.evaluation.keep_answers,
        )
    return sampled


def _is_shown(evaluation: Evaluation, plan: Plan) -> bool:
    """Whether answers of the evaluation are shown: of the start model, and of each arm's largest budget.

    Of very many arms those of the first seed alone.
    """
    point, suite = evaluation.point, plan.suite
    seeds = suite.seeds if len(plan.arms) * len(suite.seeds) < MAX_SHOWN else suite.seeds[:1]
    chosen = point.unique_pairs == suite.budget.unique_pairs[-1] and point.seed in seeds
    return evaluation.kind == "math" and (point == START or chosen)


def _answer(evaluation: Evaluation, row: GradedAnswer) -> SampleAnswer:
    return SampleAnswer(
        point=evaluation.point,
        benchmark=evaluation.benchmark,
        problem_id=row.problem["id"],
        prompt=row.problem["prompt"],
        gold=row.problem["gold"],
        text=row.answer["text"],
        extracted=row.verdict["extracted"],
        correct=row.verdict["correct"],
        reason=row.verdict["reason"],
        tokens=row.answer["tokens"],
        truncated=row.answer["truncated"],
    )


def _time(record: Record) -> StageTime:
    return StageTime(record.stage["label"], record.stage["kind"], record.wall_seconds, record.outcome.parts)


def versions_of(records: Iterable[Record]) -> dict[str, str]:
    """Versions and machine of all records; where they differ, every value is named."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.provenance.items():
            found.setdefault(name, set()).add(value)
    return {name: " / ".join(sorted(values)) for name, values in sorted(found.items())}
