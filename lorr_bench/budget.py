"""The ledger's rules: what an arm will use, and whether that is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lorr_bench.errors import BudgetError
from lorr_bench.values import Spend

EQUAL_QUANTITIES: Final[dict[str, tuple[str, ...]]] = {
    "data": ("prompts", "unique_pairs", "verifier_calls"),
    "prompts": ("prompts",),
    "updates": ("optimizer_steps",),
    "visits": ("pair_visits",),
}


def check_equal(arm: str, spend: Spend, baseline: str, allowed: Spend, axis: str) -> None:
    """Refuse an arm that needs more of what is held equal than the baseline.

    Raises:
        BudgetError: It does; the message names the quantity and both values.
    """
    for quantity in EQUAL_QUANTITIES[axis]:
        needed, given = getattr(spend, quantity), getattr(allowed, quantity)
        if needed > given:
            raise BudgetError(
                f"{arm} needs {needed} {quantity}, {baseline} has {given}, "
                f"and `equal: {axis}` holds them equal",
                where="budget.equal",
                fix="Give the baseline as many, lower the replays, or hold something else equal.",
            )


def check_limits(arm: str, pairs: int, spend: Spend, limits: Mapping[str, int | None]) -> None:
    """Refuse an arm that would exceed a limit of the suite at a data budget of so many pairs.

    Raises:
        BudgetError: It would; the message names the quantity and both values.
    """
    for quantity, limit in limits.items():
        needed = getattr(spend, quantity)
        if limit is not None and needed > limit:
            raise BudgetError(
                f"{arm} at {pairs} pairs needs {needed} {quantity}, the limit is {limit}",
                where=f"budget.limits.{quantity}",
                fix="Raise the limit, or ask less of the arm.",
            )
