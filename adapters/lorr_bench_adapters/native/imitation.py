"""Fine-tuning on responses, without preferences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.data.tokens import load_tokenizer, tokenize_responses
from lorr_bench.ports.trainer import TrainJob
from lorr_bench_adapters.fields import ImitationFields
from lorr_bench_adapters.native.base import Loss, NativeMethod
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor

    from lorr_bench_adapters.native.training.layout import Layout
    from lorr_bench_adapters.native.training.rows import Batch, TrainingRows


class ImitationSettings(ImitationFields, NativeSettings):
    """What a suite can set for fine-tuning on responses."""


class ImitationMethod(NativeMethod):
    """Negative log-likelihood of responses, mean over the tokens of an update."""

    takes_sft_term: ClassVar[bool] = False
    hyperparameters: ClassVar[type[NativeSettings]] = ImitationSettings

    def training_rows(self, job: TrainJob) -> TrainingRows:
        """Prompts and responses, tokenized."""
        from lorr_bench_adapters.native.training.layout import Tree
        from lorr_bench_adapters.native.training.rows import TrainingRows

        rows: Any = job.rows
        tokens = tokenize_responses(rows, load_tokenizer(job.model), job.hyperparameters.max_length)
        return TrainingRows([Tree.of(row.prompt, row.response) for row in tokens])

    def loss(self, policy: Callable[[Layout], Tensor], batch: Batch, settings: Any) -> Loss:  # noqa: ARG002 - no setting
        """The micro-batch's share of the mean over the tokens of the update."""
        from lorr_bench_adapters.native import objectives

        log_probs, mask = policy(batch.layout), batch.layout.mask
        value = objectives.token_nll(log_probs, mask, tokens_per_row=batch.tokens_per_row)
        return Loss(value, log_probs, mask, {})
