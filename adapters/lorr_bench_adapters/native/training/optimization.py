"""Optimizer and schedule, numerically those of transformers.Trainer with the same settings."""

from __future__ import annotations

import math
from typing import Any, Final

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler
from transformers.trainer_pt_utils import get_parameter_names

from lorr_bench_adapters.settings import TrainingSettings

NOT_DECAYED: Final = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
"""Parameters without weight decay, by name: the list of transformers.Trainer."""


def make_optimizer(model: nn.Module, settings: TrainingSettings) -> AdamW:
    """Fused AdamW on the trainable parameters."""
    decayed = set(get_parameter_names(model, [nn.LayerNorm], NOT_DECAYED))
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for name, p in trainable if name in decayed], "weight_decay": settings.weight_decay},
        {"params": [p for name, p in trainable if name not in decayed], "weight_decay": 0.0},
    ]
    return AdamW(
        groups,
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
        fused=True,
    )


def make_schedule(optimizer: Optimizer, settings: TrainingSettings, steps: int) -> LambdaLR:
    """The learning rate over all steps of all replays."""
    schedule: LambdaLR = get_scheduler(
        settings.lr_scheduler_type,
        optimizer,
        # Rounded up, as transformers.Trainer does.
        num_warmup_steps=math.ceil(steps * settings.warmup_ratio),
        num_training_steps=steps,
    )
    return schedule
