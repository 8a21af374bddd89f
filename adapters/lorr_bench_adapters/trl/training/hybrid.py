"""LoRR around any trainer of TRL's family: what a callback can't do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.objective import sft_loss
from lorr_bench.lorr.reset import trainable_parameters
from lorr_bench.lorr.zero import set_apart
from lorr_bench_adapters.trl.config import LoRRConfig
from lorr_bench_adapters.trl.training.callback import LoopCallback, LoRRCallback

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


class LoRRTrainer:
    """Mixed into a trainer of TRL, before its class.

    What it asks of that class, mypy can't see: hence ``trainer: Any = self``.

    Args:
        args: Arguments of the trainer.
        lorr: The parts of LoRR, or a callback with a loop of its own; the defaults of LoRR by default.
        callbacks: Further callbacks of the trainer.
        kwargs: Arguments of the trainer.

    Attributes:
        lorr: The callback, which knows the replay under way and the resets done.
        takes_sft_term: Whether λ·L_SFT can be added to the loss.
        token_masks: Which of a batch's masks say what passed through the policy.
        averages_rows: Whether the trainer's loss is a mean over the rows of a micro-batch. Then each row
            weighs the same in an update; in transformers each micro-batch does, a smaller last one too.

    Raises:
        SuiteError: LoRR and the arguments of the trainer don't fit, or the loss takes no SFT term.
    """

    takes_sft_term: ClassVar[bool] = True
    token_masks: ClassVar[tuple[str, ...]] = ("attention_mask",)
    averages_rows: ClassVar[bool] = True

    def __init__(
        self,
        *args: Any,
        lorr: LoRRConfig | LoopCallback | None = None,
        callbacks: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.lorr: Any = lorr if isinstance(lorr, LoopCallback) else self._callback(lorr)
        self._update: Sequence[Mapping[str, Any]] = ()
        super().__init__(*args, callbacks=[*(callbacks or ()), self.lorr], **kwargs)  # type: ignore[call-arg]

    def _callback(self, config: LoRRConfig | None) -> LoRRCallback:
        callback = LoRRCallback(config, adds_sft_term=True)
        if any(callback.config.sft_weights) and not self.takes_sft_term:
            raise SuiteError(
                f"an SFT term on top of {type(self).__name__}'s loss would be the same loss again",
                where="LoRRConfig.sft",
                fix="Set LoRRConfig(sft=None).",
            )
        return callback

    def create_optimizer(self, *args: Any) -> Optimizer:
        """The trainer's own optimizer; for DeepSpeed, what resets forget is in groups of its own."""
        optimizer: Optimizer = super().create_optimizer(*args)  # type: ignore[misc]
        trainer: Any = self
        if trainer.is_deepspeed_enabled:
            parameters = trainable_parameters(trainer.model)
            set_apart(optimizer, [parameters[name] for name in self.lorr.loop.forgotten])
        return optimizer

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loss, weighed by the rows of the micro-batch; in an evaluation as it is."""
        loss = super().compute_loss(model, inputs, *args, **kwargs)  # type: ignore[misc]
        return loss * self._row_weight(inputs) if self.averages_rows and model.training else loss

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """The trainer's own: all micro-batches of an update, which are kept in mind for their sizes."""
        samples, items = super().get_batch_samples(*args, **kwargs)  # type: ignore[misc]
        self._update = samples
        return samples, items

    def sft_weight(self, model: nn.Module) -> float:
        """λ of the replay under way; 0 in an evaluation."""
        return self.lorr.sft_weight if model.training else 0.0

    def _row_weight(self, inputs: Mapping[str, Any]) -> float:
        """Rows of a micro-batch over those of the mean one of its update, which the trainer takes it for."""
        mask = self.token_masks[0]
        rows = [len(batch[mask]) for batch in self._update]
        return len(inputs[mask]) * len(rows) / sum(rows)


class FusedLogProbs(LoRRTrainer):
    """Of trainers whose model returns fused log-probabilities: keeps those of the last pass of the policy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._log_probs: Tensor | None = None
        super().__init__(*args, **kwargs)
        trainer: Any = self
        trainer.model.register_forward_hook(self._keep_log_probs)

    def _keep_log_probs(self, _module: nn.Module, _inputs: Any, outputs: Any) -> None:
        # Below a LoRA adapter the reference is this model too, without a gradient; a probe asks for logits.
        if torch.is_grad_enabled():
            self._log_probs = getattr(outputs, "log_probs", None)

    def sft_term(self, completion_mask: Tensor, rows: Any) -> Tensor:
        """L_SFT of some rows of the batch that passed last.

        Args:
            completion_mask: (sequences, tokens) 1 where a token belongs to the response.
            rows: Which sequences are the chosen ones.
        """
        assert self._log_probs is not None
        mask = completion_mask[:, 1:]
        log_probs = self._log_probs[:, -mask.shape[1] :]
        return sft_loss(log_probs[rows], mask[rows])
