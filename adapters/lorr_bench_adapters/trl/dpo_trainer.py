"""TRL's DPOTrainer with the three parts of LoRR. Imported only when training starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trl import DPOTrainer

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.lorr.objective import sft_loss
from lorr_bench_adapters.trl.replay import ReplayCallback, ReplaySampler

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor, nn


class ReplayDPOTrainer(DPOTrainer):  # type: ignore[misc]
    """A DPOTrainer whose epochs are replays.

    It takes rows that are tokenized and carry reference log-probabilities, so neither is computed again.
    """

    def __init__(self, *, loop: ReplayLoop, progress: Callable[[int, int], None], **kwargs: Any) -> None:
        self._loop = loop
        self._replay = ReplayCallback(loop, progress)
        self._log_probs: Tensor | None = None
        super().__init__(callbacks=[self._replay], **kwargs)
        self.model.register_forward_hook(self._keep_log_probs)

    @property
    def total_train_tokens(self) -> int:
        """Tokens that passed through the policy, padding not counted."""
        return int(self._total_train_tokens)

    @property
    def replay_logs(self) -> list[dict[str, float]]:
        """Means of what was logged, one dictionary a replay."""
        return self._replay.replays

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _get_train_sampler(self, *_: Any) -> ReplaySampler:
        return ReplaySampler(self._loop)

    def _keep_log_probs(self, _module: nn.Module, _inputs: Any, outputs: Any) -> None:
        self._log_probs = outputs.log_probs

    def _compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool) -> Tensor:
        loss: Tensor = super()._compute_loss(model, inputs, return_outputs)
        if not self._replay.sft_weight:
            return loss
        assert self._log_probs is not None
        mask = inputs["completion_mask"][:, 1:]
        chosen = len(mask) // 2  # a batch is [chosen, rejected]
        log_probs = self._log_probs[:, -mask.shape[1] :]
        sft = sft_loss(log_probs[:chosen], mask[:chosen])
        self._metrics["train"]["sft_loss"].append(sft.item())
        return loss + self._replay.sft_weight * sft
