"""What came of the tries of a suite: scores from the store, divergences from the journal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lorr_bench.plan.stage import Stage
from lorr_bench.plan.tuning.searches import Search
from lorr_bench.plan.tuning.tries import Choose, Tries
from lorr_bench.run.state import Failure
from lorr_bench.store.generations import SCORES_FILE
from lorr_bench.store.results import scores_of
from lorr_bench.store.store import Store
from lorr_bench.values import DIVERGED, NOT_RUN, Point, Spend, Try, total_spend

NO_VALUE: Final = "its score has no value"


def found_by(store: Store, failures: Mapping[str, Failure]) -> Choose:
    """Looks up what came of tries.

    Args:
        store: Where their results lie.
        failures: Of stages, by digest; that one diverged is known by these alone.
    """
    return lambda tries: tries.tuning(_Lookup(tries, store, failures).find)


def diverged_stages(stages: Mapping[str, Stage], failures: Mapping[str, Failure]) -> set[str]:
    """Digests of the trainings that diverged, and of all that would read what came of them.

    Args:
        stages: Of a plan by digest, inputs before those who read them.
        failures: Of stages, by digest.
    """
    found: set[str] = set()
    for digest, stage in stages.items():
        if (digest in failures and failures[digest].diverged) or not found.isdisjoint(stage.needs):
            found.add(digest)
    return found


@dataclass(frozen=True)
class _Score:
    """The score of one model, or why it has none."""

    value: float
    reason: str = ""


class _Lookup:
    """Knows the tries of one suite."""

    def __init__(self, tries: Tries, store: Store, failures: Mapping[str, Failure]) -> None:
        self._tries = tries
        self._store = store
        self._failures = failures
        self._stages = {stage.digest: stage for stage in tries.plan.stages}
        self._evaluations = {evaluation.point: evaluation for evaluation in tries.plan.evaluations}
        self._diverged = diverged_stages(self._stages, failures)

    def find(self, search: Search, place: int) -> Try:
        """What came of a try."""
        points = self._tries.points(search, place)
        scores = [self._score(point) for point in points]
        reasons = [score.reason for score in scores if score.reason]
        return Try(
            settings=search.tries[place],
            values=tuple(score.value for score in scores if not score.reason),
            reason=DIVERGED if DIVERGED in reasons else next(iter(reasons), ""),
            spend=total_spend([spend for point in points for spend in self._spend(point)]),
        )

    def _score(self, point: Point) -> _Score:
        evaluation = self._evaluations[point]
        stage = self._stages[evaluation.digest]
        if self._store.read(stage, verify={SCORES_FILE}) is None:
            return _Score(math.nan, self._reason(evaluation.digest))
        _, metric = self._tries.spec.measure
        folders = {stage.digest: self._store.folder(stage)}
        score = next(score for score in scores_of(evaluation, folders) if score.metric == metric)
        if math.isnan(score.value):
            return _Score(math.nan, f"{NO_VALUE}: {score.reason}")
        return _Score(score.value)

    def _reason(self, digest: str) -> str:
        """Why a stage has no result."""
        if digest in self._diverged:
            return DIVERGED
        front, seen = [digest], set[str]()
        while front:
            needed = front.pop()
            if needed in self._failures and self._store.read(self._stages[needed]) is None:
                return f"`{self._stages[needed].label}` failed: {self._failures[needed].reason}"
            seen.add(needed)
            front += [each for each in self._stages[needed].needs if each not in seen]
        return NOT_RUN

    def _spend(self, point: Point) -> Iterator[Spend]:
        """What the training of a model used; nothing where it is not done."""
        record = self._store.read(self._stages[self._tries.plan.training[point]])
        if record is not None:
            yield Spend.from_dict(record.outcome.spend)
