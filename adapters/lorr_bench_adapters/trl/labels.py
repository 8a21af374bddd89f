"""The loss of TRL's KTOTrainer: labelled responses instead of pairs, and a reference computed once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.data.tokens import load_tokenizer, tokenize_responses
from lorr_bench.imports import without_collections
from lorr_bench.ports.trainer import RowKind, StartModel, TrainJob
from lorr_bench_adapters.loading import load_reference, load_trainable
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.arguments import job_arguments, shared_arguments
from lorr_bench_adapters.trl.base import TRLMethod, read_rows
from lorr_bench_adapters.trl.preference import reference_arguments, reference_forward

if TYPE_CHECKING:
    from lorr_bench.values import Labelled
    from lorr_bench_adapters.trl.training.replay import ReplayTrainer

# As KTOTrainer calls them.
COLUMNS = ["prompt_ids", "completion_ids", "label", "KL_completion_ids", "ref_logps", "ref_KL_logps"]


class LabelMethod(TRLMethod):
    """A loss of TRL's KTOTrainer: labelled responses, and a reference computed once."""

    rows: ClassVar[RowKind] = "labels"
    needs_reference: ClassVar[bool] = True
    exact_accumulation: ClassVar[bool] = False  # KL is estimated on each micro-batch, and clamped

    @abstractmethod
    def loss_settings(self, hyperparameters: Any) -> dict[str, Any]:
        """The loss as arguments of KTOConfig."""

    def reference_settings(self, hyperparameters: TrainingSettings) -> dict[str, Any]:
        """As for pairs; the training batch too, because responses are mismatched within it."""
        return {
            "form": "labels",
            "per_device_train_batch_size": hyperparameters.per_device_train_batch_size,
            **reference_forward(hyperparameters),
        }

    def reference(
        self, model: StartModel, rows: Sequence[Any], hyperparameters: TrainingSettings, output: Path
    ) -> None:
        """Tokenize the rows, let TRL compute their reference log-probabilities, and write a Parquet file.

        As in TRL, each response is mismatched with the prompt of its neighbour in a batch. So the rows are
        put in an order in which both responses to a prompt are no neighbours; the file has them in their own.
        """
        with without_collections():
            from datasets import Dataset
            from trl import KTOConfig

            from lorr_bench_adapters.trl.training.labels import ReferenceKTOTrainer

        tokenizer, batch = load_tokenizer(model), hyperparameters.per_device_train_batch_size
        order = apart(len(rows), batch)
        columns = mismatched(_tokenized([rows[place] for place in order], tokenizer, hyperparameters), batch)
        arguments = shared_arguments(hyperparameters, output=str(output.parent), replays=1, seed=0)
        trainer = ReferenceKTOTrainer(
            model=load_reference(model, hyperparameters.lora),
            args=KTOConfig(**arguments, **reference_arguments(hyperparameters)),
            train_dataset=Dataset.from_list(columns),
            processing_class=tokenizer,
        )
        places = sorted(range(len(order)), key=order.__getitem__)  # back into the order of the rows
        trainer.train_dataset.select_columns(COLUMNS).select(places).to_parquet(str(output))

    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """A KTOTrainer on rows that are tokenized and carry their reference."""
        from trl import KTOConfig

        from lorr_bench_adapters.trl.training.labels import ReplayKTOTrainer

        settings = job.hyperparameters
        return ReplayKTOTrainer(
            job=job,
            model=load_trainable(job.model, settings.lora, job.seed),
            args=KTOConfig(
                **job_arguments(job), **reference_arguments(settings), **self.loss_settings(settings)
            ),
            train_dataset=read_rows(job.reference, len(job.rows)),
            processing_class=load_tokenizer(job.model),
        )


def _tokenized(
    rows: Sequence[Labelled], tokenizer: Any, hyperparameters: TrainingSettings
) -> list[dict[str, Any]]:
    """The rows in TRL's columns."""
    demonstrations = [row.demonstration for row in rows]
    tokens = tokenize_responses(demonstrations, tokenizer, hyperparameters.max_length)
    return [
        {"prompt_ids": ids.prompt, "completion_ids": ids.response, "label": row.label}
        for row, ids in zip(rows, tokens, strict=True)
    ]


def mismatched(rows: Sequence[dict[str, Any]], batch_size: int) -> list[dict[str, Any]]:
    """Each row with the response of the one before it in its batch; the first has that of the last."""
    batches = [rows[begin : begin + batch_size] for begin in range(0, len(rows), batch_size)]
    return [
        {**row, "KL_completion_ids": batch[place - 1]["completion_ids"]}
        for batch in batches
        for place, row in enumerate(batch)
    ]


def apart(rows: int, batch_size: int) -> list[int]:
    """Row numbers, batch by batch: first every other row of the batch, then those between.

    Args:
        rows: Responses; those at 2i and 2i + 1 belong to one prompt.
        batch_size: At least 4; then no two neighbours of a whole batch, the last and the first included,
            belong to one prompt.
    """
    batches = [range(begin, min(begin + batch_size, rows)) for begin in range(0, rows, batch_size)]
    return [row for batch in batches for row in (*batch[::2], *batch[1::2])]
