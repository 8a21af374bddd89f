"""The processes and devices that accelerate gives, and kernels for them."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from lorr_bench.errors import MissingPackageError
from lorr_bench_adapters.native.settings import NativeSettings
from lorr_bench_adapters.sharded_precision import keep_sums_in_float32

if TYPE_CHECKING:
    from accelerate import Accelerator


def new_accelerator(settings: NativeSettings) -> Accelerator:
    """An accelerator of the asked precision; what an earlier run in this process set is forgotten."""
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    # accelerate keeps its state as long as the process lives, and would keep the first precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    precision = "bf16" if settings.bf16 else "no"
    accelerator = Accelerator(mixed_precision=precision, cpu=not torch.cuda.is_available())
    keep_sums_in_float32(accelerator)
    return accelerator


def apply_liger_kernel(model: Any, settings: NativeSettings) -> None:
    """Put fused kernels into the model, where the settings ask for them.

    Raises:
        MissingPackageError: liger-kernel is not installed.
    """
    if not settings.use_liger_kernel:
        return
    if importlib.util.find_spec("liger_kernel") is None:
        raise MissingPackageError(
            "fused kernels need liger-kernel",
            where="use_liger_kernel",
            fix="pip install liger-kernel, or set use_liger_kernel: false.",
        )
    # Its public functions patch classes, and with them every later model of this process.
    from liger_kernel.transformers import (  # type: ignore[import-not-found]
        _apply_liger_kernel_to_instance,
    )

    _apply_liger_kernel_to_instance(model=model)
