"""DPO (Rafailov et al. 2023, arXiv 2305.18290) trained by TRL's own DPOTrainer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from lorr_bench.errors import DataError
from lorr_bench.ports.trainer import StartModel, TrainJob, TrainOutcome
from lorr_bench.values import Pair
from lorr_bench_adapters.trl.loading import load_model, load_tokenizer
from lorr_bench_adapters.trl.settings import TrainingSettings

if TYPE_CHECKING:
    from datasets import Dataset
    from trl import DPOConfig


class DPOSettings(TrainingSettings):
    """What a suite can set for DPO."""

    beta: float = Field(0.1, gt=0, description="strength of the tie to the reference")


class DPO:
    """DPO on TRL."""

    name: ClassVar[str] = "dpo"
    backend: ClassVar[str] = "trl"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290"
    needs_reference: ClassVar[bool] = True
    hyperparameters: ClassVar[type[DPOSettings]] = DPOSettings

    def steps_per_pass(self, rows: int, hyperparameters: DPOSettings) -> int:
        """Optimizer steps of one pass; the last, smaller batch counts."""
        batches = math.ceil(rows / hyperparameters.per_device_train_batch_size)
        return math.ceil(batches / hyperparameters.gradient_accumulation_steps)

    def reference_settings(self, hyperparameters: DPOSettings) -> dict[str, Any]:
        """Length and batches: the first decides what is cut, the second the last bits."""
        return {
            "max_length": hyperparameters.max_length,
            "precompute_ref_batch_size": hyperparameters.precompute_ref_batch_size,
        }

    def reference(
        self, model: StartModel, pairs: Sequence[Pair], hyperparameters: DPOSettings, output: Path
    ) -> None:
        """Let TRL tokenize the pairs and compute their reference log-probabilities; write a Parquet file."""
        from datasets import Dataset
        from trl import DPOTrainer

        tokenizer = load_tokenizer(model)
        check_prompt_lengths([pair.prompt for pair in pairs], tokenizer, hyperparameters.max_length)
        rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs]
        trainer = DPOTrainer(
            model=load_model(model),
            args=training_arguments(output.parent, hyperparameters, replays=1, seed=0),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        columns = ["prompt_ids", "chosen_ids", "rejected_ids", "ref_chosen_logps", "ref_rejected_logps"]
        trainer.train_dataset.select_columns(columns).to_parquet(str(output))

    def train(self, job: TrainJob) -> TrainOutcome:
        """Train on the rows of the job; all replays are epochs of one run of the trainer."""
        from lorr_bench_adapters.trl.dpo_trainer import ReplayDPOTrainer

        settings: DPOSettings = job.hyperparameters
        trainer = ReplayDPOTrainer(
            loop=job.loop,
            progress=job.progress,
            model=load_model(job.model),
            args=training_arguments(job.output, settings, replays=job.loop.replays, seed=job.seed),
            train_dataset=read_rows(job.reference, job.rows),
            processing_class=load_tokenizer(job.model),
        )
        trainer.train()
        trainer.save_model(str(job.output))
        (job.output / "training_args.bin").unlink(missing_ok=True)  # a pickle, which nobody should load
        return TrainOutcome(
            optimizer_steps=trainer.state.global_step,
            train_tokens=int(trainer.total_train_tokens),
            parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
            replays=tuple(trainer.replay_logs),
        )


def check_prompt_lengths(prompts: Sequence[str], tokenizer: Any, max_length: int) -> None:
    """Refuse prompts that leave no room for a response; TRL would drop them without a word.

    Raises:
        DataError: There are such prompts.
    """
    too_long = sum(len(ids) >= max_length for ids in tokenizer(list(prompts))["input_ids"])
    if too_long:
        raise DataError(
            f"{too_long} of {len(prompts)} prompts alone reach max_length = {max_length} tokens",
            where="max_length",
            fix="Raise max_length in the method's settings, or leave such prompts out.",
        )


def read_rows(reference: Path, rows: Sequence[int]) -> Dataset:
    """Tokenized pairs with reference log-probabilities, in the order of ``rows``."""
    import pyarrow.parquet as pq
    from datasets import Dataset

    return Dataset(pq.read_table(reference).take(list(rows)))


def training_arguments(output: Path, settings: DPOSettings, *, replays: int, seed: int) -> DPOConfig:
    """TRL's configuration; what it leaves to chance or to the machine is fixed here."""
    import torch
    from trl import DPOConfig

    return DPOConfig(
        output_dir=str(output),
        num_train_epochs=replays,
        learning_rate=settings.learning_rate,
        per_device_train_batch_size=settings.per_device_train_batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        lr_scheduler_type=settings.lr_scheduler_type,
        warmup_steps=settings.warmup_ratio,
        weight_decay=settings.weight_decay,
        adam_beta1=settings.adam_beta1,
        adam_beta2=settings.adam_beta2,
        adam_epsilon=settings.adam_epsilon,
        max_grad_norm=settings.max_grad_norm,
        max_length=settings.max_length,
        bf16=settings.bf16,
        gradient_checkpointing=settings.gradient_checkpointing,
        beta=settings.beta,
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=settings.precompute_ref_batch_size,
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        logging_strategy="epoch",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
