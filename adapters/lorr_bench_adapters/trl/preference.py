"""The losses of TRL's DPOTrainer: pairs, and a reference computed once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs
from lorr_bench.imports import without_collections
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench_adapters.fields import ReferenceFields
from lorr_bench_adapters.loading import load_reference, load_trainable
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.arguments import job_arguments, shared_arguments
from lorr_bench_adapters.trl.base import TRLMethod, read_rows

if TYPE_CHECKING:
    from lorr_bench_adapters.trl.training.replay import ReplayTrainer

# As DPOTrainer calls them.
COLUMNS = ["prompt_ids", "chosen_ids", "rejected_ids", "ref_chosen_logps", "ref_rejected_logps"]


class PreferenceSettings(ReferenceFields, TrainingSettings):
    """What a suite can set for a method with a reference."""


class PreferenceMethod(TRLMethod):
    """A loss of TRL's DPOTrainer.

    Attributes:
        loss_type: TRL's name of the loss.
    """

    needs_reference: ClassVar[bool] = True
    loss_type: ClassVar[str]
    hyperparameters: ClassVar[type[TrainingSettings]] = PreferenceSettings

    def loss_settings(self, hyperparameters: Any) -> dict[str, Any]:
        """The loss as arguments of DPOConfig."""
        return {"loss_type": [self.loss_type], "beta": hyperparameters.beta}

    def reference_settings(self, hyperparameters: TrainingSettings) -> dict[str, Any]:
        """What changes the tokens, or the bits of their log-probabilities."""
        return {"form": "pairs", **reference_forward(hyperparameters)}

    def reference(
        self, model: StartModel, rows: Sequence[Any], hyperparameters: TrainingSettings, output: Path
    ) -> None:
        """Tokenize the pairs, let TRL compute their reference log-probabilities, and write a Parquet file."""
        with without_collections():
            from datasets import Dataset
            from trl import DPOConfig

            from lorr_bench_adapters.trl.training.preference import ReferenceDPOTrainer

        tokenizer = load_tokenizer(model)
        pairs = tokenize_pairs(rows, tokenizer, hyperparameters.max_length)
        columns = [
            {"prompt_ids": pair.prompt, "chosen_ids": pair.chosen, "rejected_ids": pair.rejected}
            for pair in pairs
        ]
        arguments = shared_arguments(hyperparameters, output=str(output.parent), replays=1, seed=0)
        trainer = ReferenceDPOTrainer(
            model=load_reference(model, hyperparameters.lora),
            args=DPOConfig(**arguments, **reference_arguments(hyperparameters)),
            train_dataset=Dataset.from_list(columns),
            processing_class=tokenizer,
        )
        trainer.train_dataset.select_columns(COLUMNS).to_parquet(str(output))

    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """A DPOTrainer on rows that are tokenized and carry their reference."""
        from trl import DPOConfig

        from lorr_bench_adapters.trl.training.preference import ReplayDPOTrainer

        settings = job.hyperparameters
        return ReplayDPOTrainer(
            job=job,
            model=load_trainable(job.model, settings.lora, job.seed),
            args=DPOConfig(
                **job_arguments(job), **reference_arguments(settings), **self.loss_settings(settings)
            ),
            train_dataset=read_rows(job.reference, len(job.rows)),
            processing_class=load_tokenizer(job.model),
        )


def reference_forward(settings: TrainingSettings) -> dict[str, Any]:
    """The settings that a reference forward pass depends on: the batch size changes the last bits."""
    return {
        "max_length": settings.max_length,
        "bf16": settings.bf16,
        "precompute_ref_batch_size": settings.precompute_ref_batch_size,
        "load_in_4bit": settings.in_4bit,
    }


def reference_arguments(settings: TrainingSettings) -> dict[str, Any]:
    """Lengths and reference batches as arguments of DPOConfig and KTOConfig."""
    return {
        "max_length": settings.max_length,
        "precompute_ref_log_probs": True,
        "precompute_ref_batch_size": settings.precompute_ref_batch_size,
    }
