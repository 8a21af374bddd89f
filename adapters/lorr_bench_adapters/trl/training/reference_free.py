"""TRL's CPOTrainer and ORPOTrainer with the three parts of LoRR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from torch.nn.functional import logsigmoid
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

from lorr_bench_adapters.odds import log_odds_ratio
from lorr_bench_adapters.trl.imitation import NOT_SCORED
from lorr_bench_adapters.trl.training.hybrid import LoRRTrainer
from lorr_bench_adapters.trl.training.replay import ReplayTrainer

if TYPE_CHECKING:
    from torch import Tensor, nn


class ReferenceFreeLoRR(LoRRTrainer):
    """Adds λ·L_SFT, from the log-probabilities of the trainer's own forward pass."""

    token_masks: ClassVar[tuple[str, ...]] = ("chosen_attention_mask", "rejected_attention_mask")
    _chosen_log_probs: Tensor
    _tokens_per_row_of_update: float

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        """The row's own tokens in TRL's columns, where it has any.

        TRL's tokens would begin with a token that the tokenizer itself does not put before a text.
        """
        if "prompt_ids" not in feature:
            made: dict[str, Any] = super().tokenize_row(feature, model)  # type: ignore[misc]
            return made
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
        """The trainer's own forward pass; keeps the log-probabilities of the chosen responses.

        The likelihood, a mean over the tokens of the micro-batch there, is made a mean over those of the
        update: micro-batches that weigh by their rows then add up to it, however they are cut.
        """
        outputs: tuple[Any, ...] = super().concatenated_forward(model, batch)  # type: ignore[misc]
        if not model.training:
            return outputs
        # TRL's tuple: log-probabilities and logits of chosen and rejected, then the likelihood.
        self._chosen_log_probs = outputs[0]
        nll = outputs[4] * (self._tokens_per_row([batch]) / self._tokens_per_row_of_update)
        return *outputs[:4], nll, *outputs[5:]

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """The trainer's own: all micro-batches of an update; counts their tokens."""
        samples, items = super().get_batch_samples(*args, **kwargs)
        self._tokens_per_row_of_update = self._tokens_per_row(samples)
        return samples, items

    def _likelihood_mask(self, batch: Mapping[str, Tensor]) -> Tensor:
        """(pairs, tokens) true at the tokens over which the trainer's likelihood is a mean."""
        # The first token of all has none before it to be predicted from.
        return batch["chosen_labels"][:, 1:] != NOT_SCORED

    def _tokens_per_row(self, batches: Sequence[Mapping[str, Tensor]]) -> float:
        masks = [self._likelihood_mask(batch) for batch in batches]
        return int(sum(mask.sum() for mask in masks)) / sum(map(len, masks))

    def get_batch_loss_metrics(
        self, model: nn.Module, batch: dict[str, Any], train_eval: str = "train"
    ) -> tuple[Tensor, dict[str, float]]:
        """The trainer's own loss and metrics, and the SFT term."""
        loss, metrics = super().get_batch_loss_metrics(model, batch, train_eval)  # type: ignore[misc]
        weight = self.sft_weight(model)
        if not weight:
            return loss, metrics
        lengths = (batch["chosen_labels"][:, 1:] != NOT_SCORED).sum(dim=1).clamp(min=1)
        sft = -(self._chosen_log_probs / (1 if self._averaged() else lengths)).mean()
        metrics["sft_loss"] = sft.item()
        return loss + weight * sft, metrics


class CPOLoRR(ReferenceFreeLoRR):
    """Of a CPOTrainer, for CPO and SimPO."""

    def _averaged(self) -> bool:
        trainer: Any = self
        return trainer.loss_type in ("ipo", "simpo")


class ORPOLoRR(ReferenceFreeLoRR):
    """Of an ORPOTrainer."""

    def _likelihood_mask(self, batch: Mapping[str, Tensor]) -> Tensor:
        return batch["chosen_attention_mask"][:, 1:] == 1

    def odds_ratio_loss(
        self, policy_chosen_logps: Tensor, policy_rejected_logps: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The trainer's own, but for its slope near probability 1, which is NaN there.

        Returns:
            Losses, rewards of the chosen and of the rejected responses, and two means that are logged.
        """
        chosen, rejected = policy_chosen_logps.float(), policy_rejected_logps.float()
        log_odds = log_odds_ratio(chosen, rejected)
        trainer: Any = self
        ratio, beta = logsigmoid(log_odds), trainer.beta
        rewards = (beta * chosen).detach(), (beta * rejected).detach()
        return beta * ratio, *rewards, ratio.mean(), log_odds.mean()


class ReplayCPOTrainer(ReplayTrainer, CPOLoRR, CPOTrainer):  # type: ignore[misc]
    """A CPOTrainer, for CPO and SimPO, whose epochs are replays."""


class ReplayORPOTrainer(ReplayTrainer, ORPOLoRR, ORPOTrainer):  # type: ignore[misc]
    """An ORPOTrainer whose epochs are replays."""
