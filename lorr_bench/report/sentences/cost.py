"""What an arm cost beside its baseline: updates, tokens, seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from lorr_bench.report.formatting import TITLES, quantity, ratio

TOLD: Final = ("optimizer_steps", "train_tokens", "wall_seconds")


def cost_line(ledger: pd.DataFrame, arm: str, baseline: str, budget: int) -> str:
    """What training the arm took, as multiples of its baseline's.

    Args:
        ledger: The frame of the ledger.
        arm: The arm.
        baseline: Its baseline.
        budget: Unique pairs of both.

    Returns:
        A sentence; says so where the ledger has none.
    """
    rows = ledger[(ledger["arm"] == arm) & (ledger["budget_pairs"] == budget)]
    bases = ledger[(ledger["arm"] == baseline) & (ledger["budget_pairs"] == budget)]
    if rows.empty or bases.empty:
        return f"What {arm} took is not recorded."
    row, base = rows.iloc[0], bases.iloc[0]
    return f"{arm} took {', '.join(_told(row, base))} of {baseline}."


def _told(row: Any, base: Any) -> Iterator[str]:
    """``3.00× the updates (96 against 32)``."""
    for name in TOLD:
        found = row[f"{name}_ratio"]
        spent = " against ".join(quantity(name, each[name]) for each in (row, base))
        yield (
            f"{TITLES[name]} unknown" if math.isnan(found) else f"{ratio(found)} the {TITLES[name]} ({spent})"
        )
