"""Settings in the words of transformers' TrainingArguments."""

from __future__ import annotations

from typing import Any

from lorr_bench.ports.trainer import TrainJob
from lorr_bench_adapters.settings import TrainingSettings


def shared_arguments(settings: TrainingSettings, *, output: str, replays: int, seed: int) -> dict[str, Any]:
    """Arguments of every trainer; what TRL leaves to chance or to the machine is fixed here.

    Args:
        settings: Of the method.
        output: Folder for checkpoints.
        replays: Passes over the data.
        seed: Of the trainer.
    """
    import torch

    return {
        "output_dir": output,
        "num_train_epochs": replays,
        "learning_rate": settings.learning_rate,
        "per_device_train_batch_size": settings.per_device_train_batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps,
        "lr_scheduler_type": settings.lr_scheduler_type,
        "warmup_steps": settings.warmup_ratio,
        "weight_decay": settings.weight_decay,
        "adam_beta1": settings.adam_beta1,
        "adam_beta2": settings.adam_beta2,
        "adam_epsilon": settings.adam_epsilon,
        "max_grad_norm": settings.max_grad_norm,
        "bf16": settings.bf16,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "seed": seed,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),
        "logging_strategy": "steps",
        "logging_steps": 1,  # the replay callback takes the means
        "save_strategy": "no",  # the replay callback asks for checkpoints
        "report_to": "none",
        "disable_tqdm": True,
    }


def job_arguments(job: TrainJob) -> dict[str, Any]:
    """The shared arguments of a training run."""
    return shared_arguments(
        job.hyperparameters, output=str(job.checkpoints), replays=job.loop.replays, seed=job.seed
    )
