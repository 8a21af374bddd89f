"""TRL's GRPOTrainer and RLOOTrainer with replay and reset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from accelerate.utils import is_peft_model
from torch.utils.data import Sampler
from trl import GRPOTrainer, RLOOTrainer
from trl.trainer.utils import RepeatSampler

from lorr_bench.errors import DivergedError
from lorr_bench.grade import Policy, grade_many
from lorr_bench.ports.trainer import Answering, TrainJob
from lorr_bench_adapters.trl.training.callback import ReplaySampler
from lorr_bench_adapters.trl.training.colocated import draw_with
from lorr_bench_adapters.trl.training.hybrid import LoRRTrainer
from lorr_bench_adapters.trl.training.replay import ReplayTrainer

if TYPE_CHECKING:
    from torch import nn


class RepeatedReplaySampler(ReplaySampler):
    """The order of the loop, with each prompt as often in a row as it has answers.

    Args:
        samples: Called with a sequence; gives places in it, as TRL arranges them.
        kwargs: Arguments of ``ReplaySampler``.
    """

    def __init__(self, *, layout: dict[str, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._layout = layout

    def __iter__(self) -> Iterator[int]:
        order = list(super().__iter__())
        return (order[place] for place in self._places(order))

    def __len__(self) -> int:
        return len(self._places(range(super().__len__())))

    def _places(self, rows: Sequence[int]) -> RepeatSampler:
        return RepeatSampler(rows, shuffle=False, **self._layout)


def rewards(answers: Sequence[str], completions: Sequence[str], policy: Policy) -> list[float]:
    """1 for each completion that comes to the right answer, 0 for any other.

    Args:
        answers: The right answer to each prompt.
        completions: What the policy model wrote.
        policy: How answers are compared.
    """
    verdicts = grade_many(list(zip(answers, completions, strict=True)), policy=policy)
    return [float(verdict.correct) for verdict in verdicts]


class _Rewarded(ReplayTrainer, LoRRTrainer):
    """Grades answers, and counts what they cost."""

    token_masks: ClassVar[tuple[str, ...]] = ("prompt_mask", "completion_mask")
    averages_rows: ClassVar[bool] = False  # micro-batches are parts of one generation, of equal size

    def __init__(self, *, job: TrainJob, engine: Answering | None = None, **kwargs: Any) -> None:
        self._policy = Policy(**job.grading)
        super().__init__(job=job, reward_funcs=self._reward, **kwargs)
        trainer: Any = self
        causal_lm = trainer.model.get_base_model() if is_peft_model(trainer.model) else trainer.model
        causal_lm.register_forward_hook(_check_logits)  # which answers without its adapter's own forward
        if engine is not None:
            draw_with(trainer, engine, job.seed)

    def _reward(
        self, completions: list[str], completion_ids: list[list[int]], answer: list[str], **_: Any
    ) -> list[float]:
        self._counts["verifier_calls"] += len(completions)
        self._counts["generated_tokens"] += sum(len(ids) for ids in completion_ids)
        return rewards(answer, completions, self._policy)

    def _get_train_sampler(self, *_: Any) -> Sampler[int]:
        trainer: Any = self
        # The arguments with which TRL makes its own sampler; ours keeps the order of the loop.
        layout = {
            "mini_repeat_count": trainer.num_generations,
            "batch_size": trainer.args.generation_batch_size // trainer.num_generations,
            "repeat_count": trainer.args.steps_per_generation,
        }
        return RepeatedReplaySampler(callback=self.lorr, layout=layout)


def _check_logits(_module: nn.Module, _inputs: Any, outputs: Any) -> None:
    """Refuse to draw from probabilities that are no numbers: torch fails there, and on a GPU for good."""
    logits = getattr(outputs, "logits", None)  # a fused pass computes none
    if logits is not None and not torch.is_grad_enabled() and not logits[:, -1].isfinite().all():
        raise DivergedError("training diverged: the next token's logits are no numbers")


class ReplayGRPOTrainer(_Rewarded, GRPOTrainer):  # type: ignore[misc]
    """A GRPOTrainer whose epochs are replays."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loss; of ``bnpo``, a mean over the update's tokens, not the micro-batch's."""
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        trainer: Any = self
        if trainer.loss_type != "bnpo":
            return loss
        tokens = [batch["completion_mask"].sum() for batch in trainer._buffered_inputs]
        return loss * (inputs["completion_mask"].sum() * len(tokens) / sum(tokens))


class ReplayRLOOTrainer(_Rewarded, RLOOTrainer):  # type: ignore[misc]
    """An RLOOTrainer whose epochs are replays."""
