"""Fine-tuning on responses, without preferences, by TRL's SFTTrainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from lorr_bench.data.tokens import TokenResponse, load_tokenizer, tokenize_responses
from lorr_bench.ports.trainer import TrainJob
from lorr_bench_adapters.fields import ImitationFields
from lorr_bench_adapters.loading import load_trainable
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.arguments import job_arguments
from lorr_bench_adapters.trl.base import TRLMethod

if TYPE_CHECKING:
    from lorr_bench_adapters.trl.training.replay import ReplayTrainer


NOT_SCORED: Final = -100
"""The label of a token that no loss looks at, as in PyTorch."""


class ImitationSettings(ImitationFields, TrainingSettings):
    """What a suite can set for fine-tuning on responses."""


class ImitationMethod(TRLMethod):
    """Negative log-likelihood of responses; an SFT term on top would be the same loss again."""

    takes_sft_term: ClassVar[bool] = False
    hyperparameters: ClassVar[type[TrainingSettings]] = ImitationSettings

    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """An SFTTrainer on prompts and responses, with the loss on the responses alone."""
        from datasets import Dataset
        from trl import SFTConfig

        from lorr_bench_adapters.trl.training.imitation import ReplaySFTTrainer

        settings, tokenizer = job.hyperparameters, load_tokenizer(job.model)
        rows: Any = job.rows
        tokens = tokenize_responses(rows, tokenizer, settings.max_length)
        return ReplaySFTTrainer(
            job=job,
            model=load_trainable(job.model, settings.lora, job.seed),
            args=SFTConfig(**job_arguments(job), max_length=settings.max_length, completion_only_loss=True),
            train_dataset=Dataset.from_list([_columns(row) for row in tokens]),
            processing_class=tokenizer,
        )


def _columns(row: TokenResponse) -> dict[str, list[int]]:
    """Tokens of a row, and which of them the loss looks at."""
    return {
        "input_ids": [*row.prompt, *row.response],
        "labels": [NOT_SCORED] * len(row.prompt) + row.response,
    }
