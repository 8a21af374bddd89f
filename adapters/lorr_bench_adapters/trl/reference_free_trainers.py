"""TRL's CPOTrainer and ORPOTrainer with the three parts of LoRR. Imported only when training starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from torch.nn.functional import logsigmoid
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

from lorr_bench_adapters.odds import log_odds_ratio
from lorr_bench_adapters.trl.replay import ReplayTrainer

if TYPE_CHECKING:
    from torch import Tensor, nn


class _SftTerm(ReplayTrainer):
    """Adds λ·L_SFT, from the log-probabilities of the trainer's own forward pass."""

    token_masks: ClassVar[tuple[str, ...]] = ("chosen_attention_mask", "rejected_attention_mask")
    _chosen_log_probs: Tensor

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

    def odds_ratio_loss(
        self, policy_chosen_logps: Tensor, policy_rejected_logps: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The trainer's own, but for its slope near probability 1, which is NaN there.

        Returns:
            Losses, rewards of the chosen and of the rejected responses, and two means that are logged.
        """
        chosen, rejected = policy_chosen_logps.float(), policy_rejected_logps.float()
        log_odds = log_odds_ratio(chosen, rejected)
        ratio, beta = logsigmoid(log_odds), self.beta
        rewards = (beta * chosen).detach(), (beta * rejected).detach()
        return beta * ratio, *rewards, ratio.mean(), log_odds.mean()
