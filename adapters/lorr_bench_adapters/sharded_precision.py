"""In which precision FSDP computes, adds up and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accelerate import Accelerator


def keep_sums_in_float32(accelerator: Accelerator) -> None:
    """Let sharded weights compute in bfloat16, gradients add up in float32, and answers stay as they are.

    accelerate's own choice for bfloat16 turns all three into it: a log-probability of -709 would come out as
    -708 or -712. Call it before a model is prepared; without FSDP and bfloat16 it does nothing.

    Args:
        accelerator: Of the training run.
    """
    plugin = accelerator.state.fsdp_plugin if accelerator.distributed_type == "FSDP" else None
    if plugin is None or accelerator.mixed_precision != "bf16":
        return
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    # Without ``output_dtype`` layers hand on what they compute in, and the log-probabilities stay float32.
    plugin.mixed_precision_policy = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16, reduce_dtype=torch.float32
    )
