"""Reinforcement learning with a verifiable reward: TRL's GRPOTrainer and RLOOTrainer.

Each pass asks every prompt of the budget again and has the answers of the current policy graded, so a replay
costs generated tokens and verifier calls, which are charged.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import AliasChoices, Field, model_validator

from lorr_bench.data.tokens import check_prompt_lengths, load_tokenizer, prompt_ids
from lorr_bench.errors import DataError
from lorr_bench.ports.trainer import KnownSettings, RowKind, TrainJob
from lorr_bench.tokens.special import begin_text
from lorr_bench_adapters.loading import load_trainable, stop_at_ends
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.arguments import job_arguments
from lorr_bench_adapters.trl.base import TRLMethod

if TYPE_CHECKING:
    from lorr_bench_adapters.trl.training.replay import ReplayTrainer


class OnlineSettings(TrainingSettings):
    """What a suite can set for an online method."""

    learning_rate: float = Field(1e-6, gt=0, description="peak learning rate; TRL's default")
    per_device_train_batch_size: int = Field(
        8,
        gt=0,
        validation_alias=AliasChoices("per_device_train_batch_size", "batch_size"),
        description="answers a forward pass",
    )
    max_length: int = Field(
        1024, gt=1, description="a prompt must have fewer tokens; max_completion_length limits its answers"
    )
    num_generations: int = Field(4, ge=2, description="answers for each prompt")
    max_completion_length: int = Field(256, gt=0, description="token limit of an answer")
    temperature: float = Field(1.0, gt=0, le=5, description="sampling temperature")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus of the sampling distribution")
    use_vllm: bool | None = Field(
        None,
        description="draw answers with vLLM, which takes turns with training on the GPU; left out: where "
        "vLLM's build for GPUs is installed, for one process without 4-bit weights",
        exclude_if=lambda value: value is None,  # so that the key could be added and no digest changes
    )

    @model_validator(mode="after")
    def _whole_groups(self) -> Self:
        if self.global_batch_size % self.num_generations:
            raise ValueError(
                f"per_device_train_batch_size x gradient_accumulation_steps = {self.global_batch_size} "
                f"answers a step must be a multiple of num_generations = {self.num_generations}"
            )
        return self

    def known(self) -> KnownSettings:
        """What the core reads of them: how many answers, and how long, besides."""
        return replace(
            super().known(),
            num_generations=self.num_generations,
            max_completion_length=self.max_completion_length,
            use_vllm=self.use_vllm,
        )

    @property
    def prompts_per_step(self) -> int:
        """Prompts for each optimizer step."""
        return self.global_batch_size // self.num_generations


class OnlineMethod(TRLMethod):
    """A policy-gradient method whose reward is 1 for a right answer and 0 for any other."""

    rows: ClassVar[RowKind] = "prompts"
    takes_sft_term: ClassVar[bool] = False
    online: ClassVar[bool] = True
    shardings: ClassVar[tuple[str, ...]] = ("ddp", "fsdp")  # answering by DeepSpeed's shards was never tried
    hyperparameters: ClassVar[type[TrainingSettings]] = OnlineSettings

    def steps_per_pass(self, rows: int, hyperparameters: Any) -> int:
        """Optimizer steps of one pass; TRL leaves out prompts that do not fill the last step."""
        return rows // int(hyperparameters.prompts_per_step)

    @abstractmethod
    def trainer_and_config(self) -> tuple[type[Any], type[Any]]:
        """The trainer with the replay loop mixed in, and TRL's configuration for it."""

    def loss_settings(self, hyperparameters: Any) -> dict[str, Any]:
        """The loss as arguments of TRL's configuration."""
        return {"beta": hyperparameters.beta}

    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """TRL's trainer on prompts, with Math-Verify as its reward.

        Raises:
            DataError: There are fewer prompts than one optimizer step takes, or a prompt is too long.
        """
        from datasets import Dataset

        settings, tokenizer = job.hyperparameters, load_tokenizer(job.model)
        rows = prompts_of(job.rows, tokenizer)
        if not self.steps_per_pass(len(rows), settings):
            raise DataError(
                f"{len(rows)} prompts do not fill one optimizer step of {settings.prompts_per_step}",
                where="methods",
                fix="Lower per_device_train_batch_size or gradient_accumulation_steps, or ask more prompts.",
            )
        asked = prompt_ids([row["prompt"] for row in rows], tokenizer)
        check_prompt_lengths(asked, settings.max_length)
        engine = job.engine() if job.engine is not None else None
        if engine is not None:
            _check_context(max(map(len, asked)) + settings.max_completion_length, engine.context)
        trainer, config = self.trainer_and_config()
        model = load_trainable(job.model, settings.lora, job.seed)
        stop_at_ends(model, tokenizer)
        made: ReplayTrainer = trainer(
            job=job,
            model=model,
            args=config(
                **job_arguments(job),
                num_generations=settings.num_generations,
                max_completion_length=settings.max_completion_length,
                temperature=settings.temperature,
                top_p=settings.top_p,
                **self.loss_settings(settings),
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            engine=engine,
        )
        return made


def _check_context(needed: int, context: int) -> None:
    """Refuse an engine whose context is too short.

    Args:
        needed: Tokens of the longest prompt and answer.
        context: Of the engine.

    Raises:
        DataError: It is shorter.
    """
    if needed > context:
        raise DataError(
            f"the longest prompt and answer take {needed} tokens, the engine's context is {context}",
            where="engine.max_model_len",
            fix="Raise it, or lower max_completion_length in the method's settings.",
        )


def prompts_of(rows: Sequence[Any], tokenizer: Any) -> list[dict[str, str]]:
    """Prompts with their right answers, in the columns of TRL, whose tokenizing begins them."""
    begin = begin_text(tokenizer)
    return [{"prompt": row.text.removeprefix(begin), "answer": row.answer} for row in rows]
