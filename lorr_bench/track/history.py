"""What experiment trackers are told: for each trained model a run, for each of its stages a section."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from lorr_bench.plan.json_values import canonical_digest
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Role, Stage
from lorr_bench.store.record import Record
from lorr_bench.store.results import replay_values
from lorr_bench.store.store import DIGEST_LETTERS
from lorr_bench.values import START, Point

ID_LETTERS: Final = 16
SETTINGS: Final = ("hyperparameters", "sft_weights", "reset", "processes", "dtype")
"""Parameters of a training that a tracker shows; none names a place on this machine."""


@dataclass(frozen=True)
class TrackedRun:
    """A trained model, as trackers know it.

    Attributes:
        id: The same for the same training, in every run of the suite.
        name: In words.
        group: The suite.
        config: Everything that sets it apart, as plain JSON values.
    """

    id: str
    name: str
    group: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """What one stage has to tell.

    Attributes:
        key: Tells it from the others of the run.
        rows: Optimizer steps up to then, and values by name.
    """

    key: str
    rows: tuple[tuple[int, Mapping[str, float]], ...]


class History:
    """Which stages tell about which trained model.

    Args:
        plan: The plan.

    Attributes:
        trainings: The train stages of each point, first to last.
        evaluations: Its evaluations.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stages = {stage.digest: stage for stage in plan.stages}
        self._trained = {stage.digest: stage for stage in plan.stages if isinstance(stage, Train)}
        self._arms = {arm.name: arm for arm in plan.arms}
        self.trainings = {point: self._chain(digest) for point, digest in plan.training.items()}
        self.evaluations: defaultdict[Point, list[Evaluation]] = defaultdict(list)
        for evaluation in plan.evaluations:
            if evaluation.point != START:
                self.evaluations[evaluation.point].append(evaluation)

    def run(self, point: Point) -> TrackedRun:
        """The run of a point."""
        plan, training, arm = self._plan, self.trainings[point][-1], self._arms[point.arm]
        parameters = training.parameters.to_dict()
        return TrackedRun(
            id=canonical_digest([*asdict(point).values(), training.digest])[:ID_LETTERS],
            name=str(point),
            group=plan.suite.name,
            config={
                "suite": plan.suite.name,
                **asdict(point),
                "method": arm.method,
                "plugin": arm.plugin,
                "adapter": arm.adapter_name,
                "replays": arm.replays,
                "rounds": arm.rounds,
                "rollout_ratio": arm.rollout_ratio,
                "label_noise": arm.label_noise,
                "primed_pairs": arm.priming.unique_pairs if arm.priming is not None else 0,
                **{name: parameters[name] for name in SETTINGS},
                "start_model": plan.start_model,
                "digest": training.digest,
            },
        )

    def keys(self, point: Point) -> dict[str, Stage]:
        """The stages of a point that have something to tell, by the key of their section."""
        trainings: dict[str, Stage] = {section_key(stage): stage for stage in self.trainings[point]}
        evaluations = {_key(e): self._stages[e.digest] for e in self.evaluations[point]}
        return {**trainings, **evaluations}

    def sections(self, point: Point, records: Mapping[str, Record]) -> Iterator[Section]:
        """What the finished stages of a point have to tell.

        Args:
            point: Which model.
            records: Of finished stages, by digest.
        """
        trainings = [stage for stage in self.trainings[point] if stage.digest in records]
        for stage in trainings:
            yield Section(section_key(stage), tuple(_training_rows(stage, records[stage.digest])))
        if not trainings:
            return
        step = _steps(records[trainings[-1].digest])
        for evaluation in self.evaluations[point]:
            if (record := records.get(evaluation.digest)) is not None:
                rows = ((step, _scores(evaluation, record)),)
                yield Section(_key(evaluation), rows)

    def _chain(self, digest: str) -> tuple[Train, ...]:
        """The trainings that lead to a model: the priming, earlier replays, earlier rounds."""
        chain = [self._trained[digest]]
        while earlier := _earlier(chain[0]):
            chain.insert(0, self._trained[earlier])
        return tuple(chain)


def _earlier(training: Train) -> str | None:
    """Digest of the training that one goes on from."""
    roles: tuple[Role, ...] = ("before", "model", "primed")
    return next((training.inputs[role] for role in roles if role in training.inputs), None)


def section_key(training: Stage) -> str:
    """Key of a training: its digest, as short as the store has it."""
    return training.digest[:DIGEST_LETTERS]


def _key(evaluation: Evaluation) -> str:
    """Key of an evaluation; a stage that two benchmarks share tells of both."""
    return f"{evaluation.digest[:DIGEST_LETTERS]} {evaluation.benchmark}"


def _steps(record: Record) -> int:
    return int(record.outcome.spend["optimizer_steps"])


def _training_rows(stage: Train, record: Record) -> Iterator[tuple[int, Mapping[str, float]]]:
    """A row for each replay of the stage; ledger and seconds stand in the last."""
    parameters, outcome = stage.parameters, record.outcome
    last = int(outcome.metrics.get("replays_done", parameters.stop_after))
    replays_before = parameters.replays * (parameters.round.number - 1)
    first = last if "before" in stage.inputs else 1
    here = int(outcome.metrics["counted"]["optimizer_steps"])
    measured = dict(enumerate(replay_values(outcome.metrics), 1))
    for replay in range(first, last + 1):
        values = {"replay": replays_before + replay, **measured.get(replay, {})}
        if replay == last:
            values |= {f"spend/{name}": value for name, value in outcome.spend.items()}
            values["seconds/train"] = record.wall_seconds
        yield _steps(record) - here + here * replay // last, _finite(values)


def _scores(evaluation: Evaluation, record: Record) -> Mapping[str, float]:
    """The main score of a benchmark: greedy, else the mean of the samples; lm-eval tasks have theirs."""
    metrics = record.outcome.metrics
    if evaluation.kind == "math":
        main = "greedy" if "greedy" in metrics else next(m for m in sorted(metrics) if m.startswith("avg@"))
        return _finite({f"score/{evaluation.benchmark}": metrics[main]})
    tasks = {name: found for name, found in metrics.items() if isinstance(found, dict)}
    names = (
        dict.fromkeys(tasks, evaluation.benchmark)
        if len(tasks) == 1
        else dict(zip(tasks, tasks, strict=True))
    )
    return _finite(
        {f"score/{names[task]}": value for task, found in tasks.items() for value in found.values()}
    )


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    return {
        name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)
    }
