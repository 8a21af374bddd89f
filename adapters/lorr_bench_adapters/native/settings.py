"""Hyper-parameters that only the native backend has."""

from __future__ import annotations

from pydantic import Field

from lorr_bench_adapters.fields import ReferenceFields
from lorr_bench_adapters.settings import TrainingSettings


class NativeSettings(TrainingSettings):
    """Optimizer, schedule and batches, and how the batches pass through the model."""

    padding_free: bool = Field(
        True,
        description="no padding, and what the responses of a prompt have in common passes once; for Llama, "
        "Mistral and Qwen models with full attention, others run padded",
    )
    length_grouped: bool = Field(
        False, description="batches of rows of like length, within windows of the loop's order"
    )
    use_liger_kernel: bool = Field(False, description="fused GPU kernels of the package liger-kernel")


class ReferenceSettings(ReferenceFields, NativeSettings):
    """Settings of a method that is tied to a reference model."""
