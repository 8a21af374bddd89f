"""What accuracy is drawn against: the data that an arm trained on, or what its training cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from lorr_bench.report.formatting import TITLES
from lorr_bench.values import Point, Results

PAIRS = "unique_pairs"


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


def _known(value: float) -> bool:
    return math.isfinite(value) and value > 0
