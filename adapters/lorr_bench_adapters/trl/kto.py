"""KTO (Ethayarajh et al. 2024, arXiv 2402.01306, equations 7 and 8): labels instead of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import AliasChoices, Field

from lorr_bench.data.tokens import check_prompt_lengths
from lorr_bench.ports.trainer import RowKind, StartModel, TrainJob
from lorr_bench_adapters.fields import KTOFields
from lorr_bench_adapters.loading import load_reference, load_tokenizer, load_trainable
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.arguments import job_arguments, shared_arguments
from lorr_bench_adapters.trl.method import TRLMethod, read_rows
from lorr_bench_adapters.trl.preference import reference_arguments

if TYPE_CHECKING:
    from lorr_bench.values import Labelled
    from lorr_bench_adapters.trl.replay import ReplayTrainer

COLUMNS = ["prompt_ids", "completion_ids", "label", "KL_completion_ids", "ref_logps", "ref_KL_logps"]


class KTOSettings(KTOFields, TrainingSettings):
    """What a suite can set for KTO."""

    per_device_train_batch_size: int = Field(
        8,
        ge=4,
        validation_alias=AliasChoices("per_device_train_batch_size", "batch_size"),
        description="labelled responses; the KL estimate needs those of two prompts at least",
    )


class KTO(TRLMethod):
    """1 - σ(β·(r - KL)) for wanted responses, 1 - σ(β·(KL - r)) for the others; both halves of each pair."""

    name: ClassVar[str] = "kto"
    source: ClassVar[str] = "Ethayarajh et al. 2024, arXiv 2402.01306"
    rows: ClassVar[RowKind] = "labels"
    needs_reference: ClassVar[bool] = True
    exact_accumulation: ClassVar[bool] = False  # KL is estimated on each micro-batch, and clamped
    hyperparameters: ClassVar[type[TrainingSettings]] = KTOSettings

    def reference_settings(self, hyperparameters: TrainingSettings) -> dict[str, Any]:
        """Length and batches; the training batch too, because responses are mismatched within it."""
        return {
            "form": "labels",
            "max_length": hyperparameters.max_length,
            "bf16": hyperparameters.bf16,
            "precompute_ref_batch_size": hyperparameters.precompute_ref_batch_size,
            "per_device_train_batch_size": hyperparameters.per_device_train_batch_size,
            "load_in_4bit": bool(hyperparameters.lora and hyperparameters.lora.load_in_4bit),
        }

    def reference(
        self, model: StartModel, rows: Sequence[Any], hyperparameters: TrainingSettings, output: Path
    ) -> None:
        """Let TRL tokenize the rows and compute their reference log-probabilities; write a Parquet file.

        TRL mismatches each response with the prompt of its neighbour in a batch. So it is given the rows in
        an order in which both responses to a prompt are no neighbours; the file has them in their own order.
        """
        from datasets import Dataset
        from trl import KTOConfig, KTOTrainer

        labelled: Sequence[Labelled] = rows
        tokenizer = load_tokenizer(model)
        prompts = tokenizer([row.prompt for row in labelled])["input_ids"]
        check_prompt_lengths(prompts, hyperparameters.max_length)
        order = apart(len(labelled), hyperparameters.per_device_train_batch_size)
        texts = [
            {"prompt": row.prompt, "completion": row.completion, "label": row.label}
            for row in (labelled[place] for place in order)
        ]
        arguments = shared_arguments(hyperparameters, output=str(output.parent), replays=1, seed=0)
        trainer = KTOTrainer(
            model=load_reference(model, hyperparameters.lora),
            args=KTOConfig(**arguments, **reference_arguments(hyperparameters)),
            train_dataset=Dataset.from_list(texts),
            processing_class=tokenizer,
        )
        places = sorted(range(len(order)), key=order.__getitem__)
        trainer.train_dataset.select_columns(COLUMNS).select(places).to_parquet(str(output))

    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """A KTOTrainer on rows that are tokenized and carry their reference."""
        from trl import KTOConfig

        from lorr_bench_adapters.trl.kto_trainer import ReplayKTOTrainer

        settings = job.hyperparameters
        return ReplayKTOTrainer(
            job=job,
            model=load_trainable(job.model, settings.lora, job.seed),
            args=KTOConfig(
                **job_arguments(job),
                **reference_arguments(settings),
                beta=settings.beta,
                desirable_weight=settings.desirable_weight,
                undesirable_weight=settings.undesirable_weight,
            ),
            train_dataset=read_rows(job.reference, len(job.rows)),
            processing_class=load_tokenizer(job.model),
        )


def apart(rows: int, batch_size: int) -> list[int]:
    """Row numbers, batch by batch: first every other row of the batch, then those between.

    Args:
        rows: Responses; those at 2i and 2i + 1 belong to one prompt.
        batch_size: At least 4; then no two neighbours of a whole batch, the last and the first included,
            belong to one prompt.
    """
    batches = [range(begin, min(begin + batch_size, rows)) for begin in range(0, rows, batch_size)]
    return [row for batch in batches for row in (*batch[::2], *batch[1::2])]
