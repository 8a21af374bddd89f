"""The tries of a suite, and the suite with the settings that were chosen from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lorr_bench.plan.tuning.grid import best_of, edges_of
from lorr_bench.plan.tuning.searches import Search
from lorr_bench.spec.load import LoadedSuite
from lorr_bench.spec.tuning.section import TuningSpec
from lorr_bench.values import BUDGET_SIGN, NOT_RUN, Point, Try, Tuned, Tuning

if TYPE_CHECKING:
    from lorr_bench.plan.plan import Plan

FindTry = Callable[[Search, int], Try]
"""What came of the try at a place of a search."""


@dataclass(frozen=True)
class Tries:
    """What is run before the settings of the arms are known.

    Attributes:
        spec: What the suite says of its tuning.
        searches: For each arm and data budget that is tuned, the settings to try.
        plan: Every try of the searches that have several, as an arm of its own.
    """

    spec: TuningSpec
    searches: tuple[Search, ...]
    plan: Plan

    def points(self, search: Search, place: int) -> list[Point]:
        """The models that a try trains, one a seed."""
        return [Point(search.name(place), search.unique_pairs, seed) for seed in self.spec.seeds]

    def arm_of(self, point: Point) -> str:
        """The arm that a model of the plan is a try of."""
        return self._arms[point.arm]

    @cached_property
    def _arms(self) -> Mapping[str, str]:
        """Arms by the names of their tries."""
        return {
            search.name(place): search.arm.name
            for search in self.searches
            for place in range(len(search.tries))
        }

    def tuning(self, find: FindTry) -> Tuning:
        """What came of all tries, and which of each search is the best.

        Args:
            find: Gives what came of a single one; not asked about a search that has one alone.
        """
        benchmark, metric = self.spec.measure
        return Tuning(
            benchmark=benchmark,
            metric=metric,
            seeds=self.spec.seeds,
            problems=self.spec.benchmark.limit,
            arms=tuple(_tuned(search, find) for search in self.searches),
        )


Choose = Callable[[Tries], Tuning]
"""What looks up what came of the tries."""


def nothing_tried(tries: Tries) -> Tuning:
    """The tuning of a suite before anything has run."""
    return tries.tuning(lambda search, place: Try(search.tries[place], reason=NOT_RUN))


def _tuned(search: Search, find: FindTry) -> Tuned:
    only = len(search.tries) == 1
    tries = tuple(
        Try(settings) if only else find(search, place) for place, settings in enumerate(search.tries)
    )
    chosen = best_of(tries)
    return Tuned(
        arm=search.arm.name,
        unique_pairs=search.unique_pairs,
        used_at=search.used_at,
        tries=tries,
        chosen=chosen,
        edges={} if chosen is None else edges_of(search.tries[chosen], search.grid),
    )


def with_settings(loaded: LoadedSuite, tuning: Tuning) -> LoadedSuite:
    """The suite with the chosen settings as overrides; where none is chosen yet, the first of the grid.

    Args:
        loaded: The suite as it was written, whose own overrides count before what is chosen.
        tuning: What came of its tries.
    """
    overrides: dict[str, dict[str, Any]] = {**loaded.suite.overrides}
    for tuned in tuning.arms:
        settings = tuned.tries[tuned.chosen or 0].settings
        for pairs in tuned.used_at:
            key = f"{tuned.arm}{BUDGET_SIGN}{pairs}"
            overrides[key] = {**settings, **overrides.get(key, {})}
    return replace(loaded, suite=loaded.suite.model_copy(update={"overrides": overrides}))
