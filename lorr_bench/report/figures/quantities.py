"""What accuracy is drawn against: the data that an arm trained on, or what its training cost."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from lorr_bench.report.formatting import TITLES
from lorr_bench.report.study import Study
from lorr_bench.values import Point, Results

PAIRS = "unique_pairs"
COSTS = {"wall_seconds": "seconds", "train_tokens": "tokens", "optimizer_steps": "updates"}
"""What a figure of several methods can tell of cost, in short; the first that is known."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity of the ledger for every model that has it.

    Attributes:
        name: As ``Spend`` calls it.
        means: Mean over the seeds, by arm and budget; above 0.
        runs: Of single training runs; above 0.
    """

    name: str
    means: Mapping[tuple[str, int], float]
    runs: Mapping[Point, float]

    @property
    def title(self) -> str:
        """As a reader sees it."""
        return TITLES[self.name]


@dataclass(frozen=True, slots=True)
class Multiples:
    """What training took at a budget, as multiples of each arm's baseline.

    Attributes:
        name: The quantity, as ``Spend`` calls it; empty where none is known.
        by_arm: Of every arm but the baselines that is known with its own.
    """

    name: str = ""
    by_arm: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The quantity as a reader sees it."""
        return TITLES[self.name]

    @property
    def unit(self) -> str:
        """The quantity in short."""
        return COSTS[self.name]

    def of(self, arms: Collection[str]) -> Multiples:
        """Those of these arms; of no quantity where none of them is known."""
        found = {arm: value for arm, value in self.by_arm.items() if arm in arms}
        return Multiples(self.name, found) if found else NO_COSTS


NO_COSTS: Final = Multiples()


def unique_pairs(comparison: pd.DataFrame, scores: pd.DataFrame) -> Quantity:
    """The budget, of everything that was trained and evaluated."""
    rows = zip(comparison["arm"], comparison[PAIRS], strict=True)
    points = zip(scores["arm"], scores[PAIRS], scores["seed"], strict=True)
    return Quantity(
        PAIRS,
        {(arm, budget): float(budget) for arm, budget in rows if budget > 0},
        {Point(arm, budget, seed): float(budget) for arm, budget, seed in points if budget > 0},
    )


def spent(results: Results, ledger: pd.DataFrame, name: str) -> Quantity:
    """A quantity of the ledger; where it is 0 it was not recorded.

    Args:
        results: The results.
        ledger: Their ledger.
        name: As ``Spend`` calls it.

    Returns:
        The quantity.
    """
    rows = zip(ledger["arm"], ledger["budget_pairs"], ledger[name], strict=True)
    return Quantity(
        name,
        {(arm, int(budget)): float(value) for arm, budget, value in rows if _known(value)},
        {
            point: float(getattr(spend, name))
            for point, spend in results.spends.items()
            if _known(getattr(spend, name))
        },
    )


def multiples(study: Study, ledger: pd.DataFrame, budget: int) -> Multiples:
    """Seconds as multiples of the baseline's; where none are known, tokens or updates.

    Args:
        study: The results.
        ledger: Their ledger.
        budget: At how many unique pairs.
    """
    baselines = study.results.baselines
    for name in COSTS:
        means = spent(study.results, ledger, name).means
        pairs = ((arm, (arm, budget), (baselines.get(arm, ""), budget)) for arm in study.compared_arms)
        found = {arm: means[own] / means[base] for arm, own, base in pairs if own in means and base in means}
        if found:
            return Multiples(name, found)
    return NO_COSTS


def _known(value: float) -> bool:
    return math.isfinite(value) and value > 0
