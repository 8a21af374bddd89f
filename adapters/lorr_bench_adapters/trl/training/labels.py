"""TRL's KTOTrainer with the three parts of LoRR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trl import KTOTrainer

from lorr_bench_adapters.trl.training.replay import FusedLogProbs, ReplayTrainer

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor, nn


class ReferenceKTOTrainer(KTOTrainer):  # type: ignore[misc]
    """A KTOTrainer that computes reference log-probabilities of rows that are tokenized."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class ReplayKTOTrainer(FusedLogProbs, ReplayTrainer, KTOTrainer):  # type: ignore[misc]
    """A KTOTrainer whose epochs are replays.

    Its rows carry mismatched responses for the KL estimate, so the loop may shuffle them.
    """

    token_masks: ClassVar[tuple[str, ...]] = ("attention_mask", "KL_attention_mask")

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool) -> Tensor:
        loss: Tensor = super()._compute_loss(model, inputs, return_outputs)
        wanted = inputs["label"].bool()
        if not self._replay.sft_weight or not wanted.any():
            return loss
        sft = self.sft_term(inputs["completion_mask"], wanted)
        self._metrics["train"]["sft_loss"].append(sft.item())
        return loss + self._replay.sft_weight * sft
