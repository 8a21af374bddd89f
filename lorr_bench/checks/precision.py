"""Whether a learning rate is large enough for the precision of the weights."""

from __future__ import annotations

from typing import Final

from lorr_bench.errors import SuiteError
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.sharding import Library, library_of
from lorr_bench.ports.trainer import KnownSettings

SIGNIFICAND_BITS: Final = {"bfloat16": 8, "float16": 11}
"""Binary digits of a number, the leading one included."""
TYPICAL_EXPONENT: Final = -7
"""Half of the weights of a matrix that is drawn with a standard deviation of 0.02 lie beyond 0.0135, which is
between 2^-7 and 2^-6."""


def smallest_rate(dtype: str) -> float:
    """The learning rate below which a step of Adam leaves a typical weight where it is.

    Adam moves a weight by about the learning rate. Numbers between 2^e and 2^(e+1) with p binary digits lie
    2^(e-p+1) apart, and what is less than half of that is rounded away: 2^-15 = 3.1e-5 in bfloat16.

    Args:
        dtype: A key of ``SIGNIFICAND_BITS``.
    """
    return 2.0 ** (TYPICAL_EXPONENT - SIGNIFICAND_BITS[dtype])


def check_precision(plan: Plan) -> None:
    """Refuse arms whose updates would mostly be rounded away.

    Adapters are trained in float32. DeepSpeed keeps weights in float32 beside the others, and so does FSDP
    where it computes in bfloat16.

    Args:
        plan: The plan.

    Raises:
        SuiteError: The weights are of a type that is too coarse for a learning rate.
    """
    dtype = plan.suite.model.dtype
    if dtype not in SIGNIFICAND_BITS:
        return
    shared = next((s.parameters.processes.sharding for s in plan.stages if isinstance(s, Train)), None)
    library = library_of(shared)
    rates = {
        arm.name: arm.known_settings.learning_rate
        for arm in plan.arms
        if _is_lost(arm.known_settings, smallest_rate(dtype), library)
    }
    if rates:
        raise SuiteError(
            f"{dtype} weights at a learning rate of {_spread([rate for rate in rates.values() if rate])} "
            f"({', '.join(rates)}): a step moves a weight by about that, and what is below "
            f"{smallest_rate(dtype):.1e} is rounded away for half of the weights or more",
            where="model.dtype",
            fix="Set `model.dtype: float32`, and `bf16: true` in the methods, which computes in bfloat16 all "
            "the same; or train a LoRA adapter, whose weights are float32.",
        )


def _is_lost(known: KnownSettings, smallest: float, library: Library) -> bool:
    keeps_float32 = known.lora is not None or library == "deepspeed" or (library == "fsdp" and known.bf16)
    return not keeps_float32 and known.learning_rate is not None and 0 < known.learning_rate < smallest


def _spread(rates: list[float]) -> str:
    low, high = min(rates), max(rates)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
