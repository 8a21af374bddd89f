"""Hyper-parameters that all TRL methods share, under TRL's own names."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """Optimizer, schedule and batches."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    learning_rate: float = Field(5e-7, gt=0, description="peak learning rate")
    per_device_train_batch_size: int = Field(
        8, gt=0, validation_alias=AliasChoices("per_device_train_batch_size", "batch_size")
    )
    gradient_accumulation_steps: int = Field(1, gt=0)
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = Field(
        "linear", description="runs through all replays"
    )
    warmup_ratio: float = Field(0.0, ge=0, lt=1, description="share of all steps")
    weight_decay: float = Field(0.0, ge=0)
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    adam_epsilon: float = Field(1e-8, gt=0)
    max_grad_norm: float = Field(1.0, ge=0, description="0 switches clipping off")
    max_length: int = Field(1024, gt=1, description="tokens of prompt and response; longer ones are cut")
    bf16: bool = Field(False, description="mixed precision")
    gradient_checkpointing: bool = Field(False, description="less memory, more time")
    precompute_ref_batch_size: int = Field(
        32, gt=0, description="pairs a forward pass when reference log-probabilities are computed"
    )

    @property
    def global_batch_size(self) -> int:
        """Pairs for each optimizer step."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps
