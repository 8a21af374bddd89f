"""Settings as arguments of transformers' TrainingArguments."""

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
        **settings.training_arguments(),
        "gradient_checkpointing": settings.gradient_checkpointing,
        "seed": seed,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),  # without a GPU torch would warn
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
