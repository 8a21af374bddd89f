"""Methods of TRL's experimental CPOTrainer and ORPOTrainer: pairs, no reference model."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs
from lorr_bench.ports.trainer import TrainJob
from lorr_bench.values import Pair
from lorr_bench_adapters.loading import load_trainable
from lorr_bench_adapters.trl.arguments import job_arguments
from lorr_bench_adapters.trl.base import TRLMethod

if TYPE_CHECKING:
    from lorr_bench_adapters.trl.training.replay import ReplayTrainer


class ReferenceFreeMethod(TRLMethod):
    """A loss of log-probabilities of the policy alone."""

    holds_logits: ClassVar[bool] = True

    @abstractmethod
    def trainer_and_config(self) -> tuple[type[Any], type[Any]]:
        """The trainer with the replay loop mixed in, and TRL's configuration for it."""

    @abstractmethod
    def loss_settings(self, hyperparameters: Any) -> dict[str, Any]:
        """The loss as arguments of TRL's configuration."""

    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """TRL's trainer on pairs that are tokenized."""
        from datasets import Dataset

        os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # silences TRL's warning: it is pinned
        trainer, config = self.trainer_and_config()
        settings, tokenizer = job.hyperparameters, load_tokenizer(job.model)
        pairs: Any = job.rows
        tokens = tokenize_pairs(pairs, tokenizer, settings.max_length)
        rows = [
            {**_texts(pair), "prompt_ids": ids.prompt, "chosen_ids": ids.chosen, "rejected_ids": ids.rejected}
            for pair, ids in zip(pairs, tokens, strict=True)
        ]
        made: ReplayTrainer = trainer(
            job=job,
            model=load_trainable(job.model, settings.lora, job.seed),
            args=config(
                **job_arguments(job),
                max_length=settings.max_length,
                remove_unused_columns=False,  # else TRL warns, and keeps them all the same
                **self.loss_settings(settings),
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        return made


class CPOTrainerMethod(ReferenceFreeMethod):
    """A loss of TRL's CPOTrainer, which has those of CPO and SimPO."""

    def trainer_and_config(self) -> tuple[type[Any], type[Any]]:
        """TRL's CPOTrainer."""
        from trl.experimental.cpo import CPOConfig

        from lorr_bench_adapters.trl.training.reference_free import ReplayCPOTrainer

        return ReplayCPOTrainer, CPOConfig


class ORPOTrainerMethod(ReferenceFreeMethod):
    """The loss of TRL's ORPOTrainer."""

    def trainer_and_config(self) -> tuple[type[Any], type[Any]]:
        """TRL's ORPOTrainer."""
        from trl.experimental.orpo import ORPOConfig

        from lorr_bench_adapters.trl.training.reference_free import ReplayORPOTrainer

        return ReplayORPOTrainer, ORPOConfig


def _texts(pair: Pair) -> dict[str, str]:
    """The texts, by which TRL recognises a pair."""
    return {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}
