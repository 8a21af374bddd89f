"""Which tries a run makes, and which stages follow them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace

from lorr_bench.plan.plan import Plan
from lorr_bench.plan.tuning.tries import Tries
from lorr_bench.run.driver import RunState, Scope
from lorr_bench.run.state import Failure
from lorr_bench.run.tuning.found import diverged_stages
from lorr_bench.values import DIVERGED, Tuned, Tuning


def scope_of_tries(plan: Plan, tries: Tries, tuning: Tuning, scope: Scope) -> Scope:
    """What a run of the tries is about: those of the arms that are asked for, without what has diverged.

    Args:
        plan: The plan of the suite.
        tries: Its tries.
        tuning: What came of them so far.
        scope: What the run of the suite is about.
    """
    measured = _measured(tries.plan)
    wanted = set[str]()
    for search, tuned in zip(tries.searches, tuning.arms, strict=True):
        points = [
            point
            for place, each in enumerate(tuned.tries)
            if tuned.measured and each.reason != DIVERGED
            for point in tries.points(search, place)
        ]
        evaluated = {digest for point in points for digest in measured[point]}
        trained = {tries.plan.training[point] for point in points}
        if scope.only is None or not scope.only.isdisjoint(
            evaluated | trained | set(_stages_of(plan, tuned))
        ):
            wanted |= evaluated
    return replace(scope, only=frozenset(wanted))


def scope_behind_tries(plan: Plan, scope: Scope) -> Scope:
    """What a run is about after its tries: all but these, and without what waits for settings.

    Args:
        plan: The plan of the suite, with the settings that were chosen.
        scope: What the run of the suite is about.
    """
    wanted: Set[str] = {stage.digest for stage in plan.stages} if scope.only is None else scope.only
    return replace(scope, only=frozenset(wanted - plan.pending - plan.tried))


def without_diverged(state: RunState, tries: Tries, failures: Mapping[str, Failure]) -> RunState:
    """What came of the tries, where one that diverged is no failure: it counts as the worst.

    Args:
        state: What came of them.
        tries: The tries.
        failures: Of stages, by digest.
    """
    diverged = diverged_stages({stage.digest: stage for stage in tries.plan.stages}, failures)
    failed = {digest: reason for digest, reason in state.failed.items() if digest not in diverged}
    return replace(state, failed=failed)


def _stages_of(plan: Plan, tuned: Tuned) -> Iterator[str]:
    """The stages with the models and the results of an arm where it takes these settings."""
    measured = _measured(plan)
    for point, digest in plan.training.items():
        if point.arm == tuned.arm and point.unique_pairs in tuned.used_at:
            yield digest
            yield from measured[point]


def _measured(plan: Plan) -> dict[object, set[str]]:
    """The stages that measure each model."""
    found: dict[object, set[str]] = {}
    for evaluation in plan.evaluations:
        found.setdefault(evaluation.point, set()).update((evaluation.answers, evaluation.digest))
    return found
