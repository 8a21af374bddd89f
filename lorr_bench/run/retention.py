"""What stays on the disk: frees weights that the suite's policy does not keep and no stage needs any more.

``last``  models of earlier rounds and checkpoints between rollouts go; the final model of every point stays
``best``  of each arm and data budget only the seed with the highest mean of the tested scores stays as well
``none``  all weights go

The model of a try goes as soon as it is measured, whatever the policy.

A result goes only when every stage of the plan that reads it is done. Records, answers, verdicts and scores
always stay. Weights that are needed again, because a benchmark was added, are made again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from lorr_bench.errors import HeldError, StoreError
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.spec.execution import Keep
from lorr_bench.store.generations import SCORES_FILE
from lorr_bench.store.results import scores_of
from lorr_bench.store.store import Store
from lorr_bench.values import Point


@dataclass(frozen=True)
class _Decision:
    """Something to decide when some stages are done.

    Attributes:
        awaited: Digests of the stages that are not done yet.
        decide: Names the digests whose weights can go.
    """

    awaited: set[str]
    decide: Callable[[], Sequence[str]]


class Retention:
    """Frees what is not kept, as a run goes on.

    Args:
        plan: What is run.
        store: Where the results lie.
        keep: The policy.
        notice: Told when something can't be freed.
    """

    def __init__(
        self, plan: Plan, store: Store, keep: Keep, notice: Callable[[str], None] = lambda _: None
    ) -> None:
        self._plan = plan
        self._store = store
        self._keep = keep
        self._notice = notice
        self._stages = {stage.digest: stage for stage in plan.stages}
        self._held: list[Stage] = []
        self._decisions: defaultdict[str, list[_Decision]] = defaultdict(list)
        for decision in self._all_decisions():
            for digest in decision.awaited:
                self._decisions[digest].append(decision)

    def stage_done(self, finished: Set[str]) -> None:
        """Free what is not needed any more.

        Args:
            finished: Digests of stages that are done, those of earlier calls or not.
        """
        due, self._held = [*self._held, *self.due(finished)], []
        for stage in due:
            self._free(stage)

    def due(self, finished: Set[str]) -> list[Stage]:
        """The stages whose weights can go since the last call.

        Args:
            finished: Digests of stages that are done, those of earlier calls or not.
        """
        found: list[str] = []
        for digest in sorted(finished & self._decisions.keys()):
            for decision in self._decisions.pop(digest):
                decision.awaited.discard(digest)
                if not decision.awaited:
                    found += decision.decide()
        return [self._stages[digest] for digest in dict.fromkeys(found) if self._is_whole(digest)]

    def _is_whole(self, digest: str) -> bool:
        return self._store.whole(self._stages[digest])

    def _free(self, stage: Stage) -> None:
        try:
            self._store.free(stage, self._keep)
        except HeldError:
            self._held.append(stage)  # another run reads it; asked again after the next stage
        except StoreError as error:
            self._notice(f"the weights of `{stage.label}` could not be freed: {error}")

    def _all_decisions(self) -> Iterator[_Decision]:
        readers = self._readers()
        final = set() if self._plan.of_tries else set(self._plan.training.values())
        for digest, stage in self._stages.items():
            if stage.freeable and self._goes(stage, is_final=digest in final):
                yield _Decision({digest, *readers[digest]}, partial(list, [digest]))
        if self._keep == "best" and not self._plan.of_tries:
            yield from self._contests(readers)

    def _goes(self, stage: Stage, *, is_final: bool) -> bool:
        """Whether its weights go as soon as nobody needs them."""
        if stage.kind == "reference":
            return self._keep != "last"
        return self._keep == "none" or not is_final

    def _readers(self) -> Mapping[str, set[str]]:
        """Digests of the stages that read the result of each."""
        readers: defaultdict[str, set[str]] = defaultdict(set)
        for digest, stage in self._stages.items():
            for needed in stage.needs:
                readers[needed].add(digest)
        return readers

    def _contests(self, readers: Mapping[str, set[str]]) -> Iterator[_Decision]:
        """One for each model that may lose against another seed of its arm and data budget."""
        groups: defaultdict[tuple[str, int], list[Point]] = defaultdict(list)
        for point in self._plan.training:
            groups[point.arm, point.unique_pairs].append(point)
        evaluations: defaultdict[Point, list[Evaluation]] = defaultdict(list)
        for evaluation in self._plan.evaluations:
            evaluations[evaluation.point].append(evaluation)
        for points in groups.values():
            contest = {point: evaluations[point] for point in points}
            models = {self._plan.training[point] for point in points}
            awaited = models.union(*(readers[digest] for digest in models))
            awaited |= {evaluation.digest for found in contest.values() for evaluation in found}
            yield _Decision(awaited, partial(self._losers, contest))

    def _losers(self, contest: Mapping[Point, Sequence[Evaluation]]) -> list[str]:
        """All models but the best; none where a score is gone meanwhile. Of equal ones the first stays."""
        models = {point: self._plan.training[point] for point in contest}
        if sum(map(self._is_whole, set(models.values()))) < 2:
            return []
        found = {point: self._mean_score(evaluations) for point, evaluations in contest.items()}
        means = {point: mean for point, mean in found.items() if mean is not None}
        if len(means) < len(contest):
            return []
        best = max(means, key=means.__getitem__)
        return [digest for digest in models.values() if digest != models[best]]

    def _mean_score(self, evaluations: Sequence[Evaluation]) -> float | None:
        """Mean of the tested scores that have a value, 0 where none has; None where results are gone."""
        values = []
        for evaluation in evaluations:
            stage = self._stages[evaluation.digest]
            if self._store.read(stage, verify={SCORES_FILE}) is None:
                return None
            scores = scores_of(evaluation, {stage.digest: self._store.folder(stage)})
            values += [score.value for score in scores if score.measure.tested]
        known = [value for value in values if not math.isnan(value)]
        return fmean(known) if known else 0.0
