"""What each arm will be charged, and whether it may."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from lorr_bench.budget import check_equal, check_limits
from lorr_bench.plan.arms import Arm
from lorr_bench.spec.models import Suite
from lorr_bench.spec.sources import CollectSpec
from lorr_bench.values import Spend

ACROSS_METHODS: Final = ("data", "prompts")
"""What is held equal over all arms of a suite; the other axes mean something within a method only."""


def check_budgets(suite: Suite, arms: tuple[Arm, ...]) -> dict[tuple[str, int], Spend]:
    """What each arm will use at most, at each data budget that it is trained at.

    Raises:
        BudgetError: More than the arm it is held equal to, or more than a limit.
    """
    spends = {
        (arm.name, pairs): _spend(suite, arm, pairs) for arm in arms for pairs in suite.budget.unique_pairs
    }
    for arm in arms:
        equal_to = arms[0].name if suite.budget.equal in ACROSS_METHODS else arm.baseline
        for pairs in arm.budgets:
            spend = spends[arm.name, pairs]
            check_equal(arm.name, spend, equal_to, spends[equal_to, pairs], suite.budget.equal)
            check_limits(arm.name, pairs, spend, suite.budget.limits.model_dump())
    return {(arm.name, pairs): spends[arm.name, pairs] for arm in arms for pairs in arm.budgets}


def check_tries(suite: Suite, arm: Arm, tries: Sequence[Arm], pairs: int) -> None:
    """Refuse tries of an arm of which only some use what is held equal: any may be chosen.

    Args:
        suite: What was asked.
        arm: The arm.
        tries: The arm with settings that are tried.
        pairs: The data budget.

    Raises:
        BudgetError: One needs more or less of it than the first, or more than a limit.
    """
    spends = [_spend(suite, each, pairs) for each in tries]
    for number, spend in enumerate(spends, start=1):
        first, this = f"try 1 of {arm.name}", f"try {number} of {arm.name}"
        check_equal(this, spend, first, spends[0], suite.budget.equal)
        check_equal(first, spends[0], this, spend, suite.budget.equal)
        check_limits(this, pairs, spend, suite.budget.limits.model_dump())


def predicted_spends(suite: Suite, arms: Sequence[Arm]) -> dict[tuple[str, int], Spend]:
    """What each arm will use at most, at each data budget that it is trained at."""
    return {(arm.name, pairs): _spend(suite, arm, pairs) for arm in arms for pairs in arm.budgets}


def _spend(suite: Suite, arm: Arm, pairs: int) -> Spend:
    processes, data = suite.training.num_processes, suite.data
    responses = data.pairs.responses if data.pairs is not None else 2
    return predicted_spend(arm.at(pairs), pairs, data.collect, processes, responses)


def predicted_spend(
    arm: Arm, unique_pairs: int, collect: CollectSpec | None, processes: int = 1, responses: int = 2
) -> Spend:
    """What an arm will use at most, before it runs.

    Args:
        arm: The arm.
        unique_pairs: Pairs of the data budget.
        collect: How pairs are made; None for ready-made pairs, which cost no prompts.
        processes: That share each step between them.
        responses: Of a pair: two, but for ready-made rows of one.
    """
    prompts, samples = (collect.num_prompts, collect.num_samples) if collect else (0, 0)
    repeats = arm.rounds if arm.iterative is not None and arm.iterative.prompts == "reuse" else 1
    if arm.adapter.online:
        answers = arm.known_settings.num_generations or 0
        return Spend(
            prompts=prompts,
            verifier_calls=prompts * answers * arm.replays,
            optimizer_steps=_steps(arm, prompts, 1, processes) * arm.replays,
        )
    pairs = unique_pairs * repeats
    rollouts = pairs * (arm.replays - 1) if arm.rollout_ratio else 0
    rows_of = {"labels": responses, "right_answers": samples}.get(arm.adapter.rows, 1)
    of_prompts = arm.adapter.rows == "right_answers"
    visits, steps = 0, 0
    if arm.priming is not None:
        first = prompts if of_prompts else arm.priming.unique_pairs
        rows = math.ceil(first * rows_of / processes)
        visits = arm.priming.unique_pairs * arm.priming.replays
        steps = arm.adapter.steps_per_pass(rows, arm.priming.hyperparameters) * arm.priming.replays
    units = prompts if of_prompts else unique_pairs
    return Spend(
        prompts=prompts,
        unique_pairs=pairs + rollouts,
        pair_visits=pairs * arm.replays + visits,
        verifier_calls=(prompts * repeats + rollouts) * samples,
        optimizer_steps=_steps(arm, units, rows_of, processes) * arm.replays + steps,
    )


def _steps(arm: Arm, units: int, rows_each: int, processes: int) -> int:
    """Optimizer steps of one pass over all rounds.

    Args:
        arm: The arm.
        units: Pairs or prompts of all rounds.
        rows_each: Training rows that each of them gives.
        processes: That share each step between them.
    """
    shares = [arm.share(units, number) for number in range(1, arm.rounds + 1)]
    rows = [math.ceil(share * rows_each / processes) for share in shares]
    return sum(arm.adapter.steps_per_pass(count, arm.hyperparameters) for count in rows)
