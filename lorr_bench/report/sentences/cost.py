"""What an arm cost beside its baseline: updates, tokens, seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from lorr_bench.report.formatting import TITLES, quantity, ratio
from lorr_bench.values import at_budget

TOLD: Final = ("optimizer_steps", "train_tokens", "wall_seconds")


@dataclass(frozen=True, slots=True)
class Model:
    """An arm at a budget.

    Attributes:
        arm: The arm.
        unique_pairs: The budget.
        named: Whether its budget is told with it.
    """

    arm: str
    unique_pairs: int
    named: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return at_budget(self.arm, self.unique_pairs if self.named else None)


def cost_line(ledger: pd.DataFrame, treatment: Model, reference: Model) -> str:
    """What training the one took, as multiples of the other's.

    Args:
        ledger: The frame of the ledger.
        treatment: Whose cost it is.
        reference: Its baseline, or the other of a contrast.

    Returns:
        A sentence; says so where the ledger has none.
    """
    row, base = spent(ledger, treatment), spent(ledger, reference)
    if row is None or base is None:
        return f"What {treatment.name} took is not recorded."
    return f"{treatment.name} took {', '.join(_told(row, base))} of {reference.name}."


def spent(ledger: pd.DataFrame, model: Model) -> Any:
    """What a model took: its row of the ledger; None where it has none."""
    rows = ledger[(ledger["arm"] == model.arm) & (ledger["budget_pairs"] == model.unique_pairs)]
    return None if rows.empty else rows.iloc[0]


def multiple(row: Any, base: Any, name: str) -> float:
    """A quantity of a row of the ledger over another's; NaN where that is 0 or either is unknown."""
    return float(row[name] / base[name]) if base[name] else math.nan


def _told(row: Any, base: Any) -> Iterator[str]:
    """``3.00× the updates (96 against 32)``."""
    for name in TOLD:
        found = multiple(row, base, name)
        spent = " against ".join(quantity(name, each[name]) for each in (row, base))
        yield (
            f"{TITLES[name]} unknown" if math.isnan(found) else f"{ratio(found)} the {TITLES[name]} ({spent})"
        )
