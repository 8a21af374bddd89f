"""Hyper-parameters that all methods share, under TRL's own names."""

from __future__ import annotations

import math
from typing import Any, Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from lorr_bench.ports.trainer import KnownSettings, Lora

REFERENCE_TOKENS: Final = 1 << 15
"""Tokens of a forward pass of the reference, padding included: at 7B their hidden units take 8 GiB."""


class LoraSettings(BaseModel):
    """A LoRA adapter (Hu et al. 2021, arXiv 2106.09685); it is merged into the weights that are saved."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    r: int = Field(16, gt=0, description="rank")
    lora_alpha: int = Field(32, gt=0, description="the adapter's output is scaled by lora_alpha / r")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="share of the adapter's input that is dropped")
    target_modules: str | tuple[str, ...] = Field(
        "all-linear", description="names of the layers, or `all-linear`"
    )
    load_in_4bit: bool = Field(
        False, description="QLoRA (arXiv 2305.14314): the base in 4-bit NF4; needs bitsandbytes"
    )

    def known(self) -> Lora:
        """What the core reads of it."""
        return Lora(rank=self.r, targets=self.target_modules, four_bit=self.load_in_4bit)


class TrainingSettings(BaseModel):
    """Optimizer, schedule and batches."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    # SimPO's README has it for DPO; a method with another default says where that is from.
    learning_rate: float = Field(5e-7, gt=0, description="peak learning rate")
    per_device_train_batch_size: int = Field(
        8,
        gt=0,
        validation_alias=AliasChoices("per_device_train_batch_size", "batch_size"),
        description="rows of a forward pass, of each process",
    )
    gradient_accumulation_steps: int = Field(1, gt=0, description="forward passes of an optimizer step")
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = Field(
        "linear", description="course of the learning rate; runs through all replays"
    )
    warmup_ratio: float = Field(
        0.0, ge=0, lt=1, description="share of all steps in which the learning rate rises"
    )
    weight_decay: float = Field(0.0, ge=0, description="of AdamW")
    adam_beta1: float = Field(0.9, ge=0, lt=1, description="decay of AdamW's first moment")
    adam_beta2: float = Field(0.999, ge=0, lt=1, description="decay of AdamW's second moment")
    adam_epsilon: float = Field(1e-8, gt=0, description="of AdamW, against division by zero")
    max_grad_norm: float = Field(1.0, ge=0, description="norm that gradients are cut to; 0 switches it off")
    max_length: int = Field(1024, gt=1, description="tokens of prompt and response; longer ones are cut")
    bf16: bool = Field(False, description="mixed precision: weights stay as they are, bfloat16 computes")
    gradient_checkpointing: bool = Field(False, description="less memory, more time")
    lora: LoraSettings | None = Field(None, description="train a LoRA adapter instead of all weights")
    precompute_ref_batch_size: int = Field(
        32, gt=0, description="pairs a forward pass when reference log-probabilities are computed, at most"
    )

    @property
    def global_batch_size(self) -> int:
        """Rows for each optimizer step, for each process."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    @property
    def in_4bit(self) -> bool:
        """Whether the weights below the LoRA adapter are held in 4 bits."""
        return self.lora is not None and self.lora.load_in_4bit

    def training_arguments(self) -> dict[str, Any]:
        """Optimizer, schedule and batches as arguments of transformers' ``TrainingArguments``."""
        return {
            "learning_rate": self.learning_rate,
            "per_device_train_batch_size": self.per_device_train_batch_size,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
            "lr_scheduler_type": self.lr_scheduler_type,
            "warmup_steps": self.warmup_ratio,  # below 1 it is a share of all steps
            "weight_decay": self.weight_decay,
            "adam_beta1": self.adam_beta1,
            "adam_beta2": self.adam_beta2,
            "adam_epsilon": self.adam_epsilon,
            "max_grad_norm": self.max_grad_norm,
            "bf16": self.bf16,
        }

    def known(self) -> KnownSettings:
        """What the core reads of them."""
        return KnownSettings(
            max_length=self.max_length,
            per_device_train_batch_size=self.per_device_train_batch_size,
            gradient_accumulation_steps=self.gradient_accumulation_steps,
            precompute_ref_batch_size=self.precompute_ref_batch_size,
            precompute_ref_tokens=REFERENCE_TOKENS,
            bf16=self.bf16,
            gradient_checkpointing=self.gradient_checkpointing,
            lora=self.lora.known() if self.lora is not None else None,
            learning_rate=self.learning_rate,
        )

    def steps_per_pass(self, rows: int) -> int:
        """Optimizer steps of one pass; the last, smaller batch counts."""
        batches = math.ceil(rows / self.per_device_train_batch_size)
        return math.ceil(batches / self.gradient_accumulation_steps)
