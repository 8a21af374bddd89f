"""Whether a learning rate is large enough for the precision of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.sharding import library_of

SMALLEST_RATES: Final = {"bfloat16": 1e-5, "float16": 1e-6}
"""Learning rates below which most updates are rounded away.

Adam moves a weight by about the learning rate. A weight of 0.02 in bfloat16, which has 8 binary digits,
changes by steps of 2^-13 = 1.2e-4, and only where an update is half as large; smaller weights change by
smaller steps.
"""


def precision_lines(plan: Plan) -> Iterator[str]:
    """Warnings of arms whose updates would mostly be rounded away.

    Adapters are trained in float32, and DeepSpeed keeps weights in float32 beside the others.

    Args:
        plan: The plan.
    """
    dtype = plan.suite.model.dtype
    smallest = SMALLEST_RATES.get(dtype)
    shared = next((s.parameters.processes.sharding for s in plan.stages if isinstance(s, Train)), None)
    if smallest is None or library_of(shared) == "deepspeed":
        return
    rates = {
        arm.name: rate
        for arm in plan.arms
        if arm.known_settings.lora is None
        and (rate := arm.known_settings.learning_rate) is not None
        and 0 < rate < smallest
    }
    if rates:
        yield (
            f"Precision: {dtype} weights at a learning rate of {_spread(list(rates.values()))} "
            f"({', '.join(rates)}): most updates are rounded away. Set `model.dtype: float32`, and "
            "`bf16: true` in the methods, which computes in bfloat16 all the same."
        )


def _spread(rates: list[float]) -> str:
    low, high = min(rates), max(rates)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
