"""TRL's CPOTrainer and ORPOTrainer with the three parts of LoRR. Imported only when training starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

from lorr_bench_adapters.trl.imitation import NOT_SCORED
from lorr_bench_adapters.trl.replay import ReplayTrainer

if TYPE_CHECKING:
    from torch import Tensor, nn


class _SftTerm(ReplayTrainer):
    """Adds λ·L_SFT, from the log-probabilities of the trainer's own forward pass."""

    token_masks: ClassVar[tuple[str, ...]] = ("chosen_attention_mask", "rejected_attention_mask")
    _chosen_log_probs: Tensor

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:  # noqa: ARG002 - TRL's
        """The row's own tokens in TRL's columns.

        TRL's tokens would begin with a token that the tokenizer itself does not put before a text.
        """
        row = {"prompt_input_ids": feature["prompt_ids"]}
        row["prompt_attention_mask"] = [1] * len(feature["prompt_ids"])
        for side in ("chosen", "rejected"):
            prompt, response = feature["prompt_ids"], feature[f"{side}_ids"]
            row[f"{side}_input_ids"] = [*prompt, *response]
            row[f"{side}_attention_mask"] = [1] * (len(prompt) + len(response))
            row[f"{side}_labels"] = [NOT_SCORED] * len(prompt) + response
        return row

    def _averaged(self) -> bool:
        """Whether the trainer's log-probabilities are means over tokens."""
        return True

    def concatenated_forward(self, model: nn.Module, batch: dict[str, Any]) -> tuple[Any, ...]:
        """The trainer's own forward pass; keeps the log-probabilities of the chosen responses."""
        outputs: tuple[Any, ...] = super().concatenated_forward(model, batch)  # type: ignore[misc]
        self._chosen_log_probs = outputs[0]
        return outputs

    def get_batch_loss_metrics(
        self, model: nn.Module, batch: dict[str, Any], train_eval: str = "train"
    ) -> tuple[Tensor, dict[str, float]]:
        """The trainer's own loss and metrics, and the SFT term."""
        loss, metrics = super().get_batch_loss_metrics(model, batch, train_eval)  # type: ignore[misc]
        if not self._replay.sft_weight:
            return loss, metrics
        lengths = (batch["chosen_labels"][:, 1:] != -100).sum(dim=1).clamp(min=1)
        sft = -(self._chosen_log_probs / (1 if self._averaged() else lengths)).mean()
        metrics["sft_loss"] = sft.item()
        return loss + self._replay.sft_weight * sft, metrics


class ReplayCPOTrainer(_SftTerm, CPOTrainer):  # type: ignore[misc]
    """A CPOTrainer, for CPO and SimPO, whose epochs are replays."""

    def _averaged(self) -> bool:
        return self.loss_type in ("ipo", "simpo")


class ReplayORPOTrainer(_SftTerm, ORPOTrainer):  # type: ignore[misc]
    """An ORPOTrainer whose epochs are replays."""
