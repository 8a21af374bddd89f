"""TRL's DPOTrainer with the three parts of LoRR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trl import DPOTrainer

from lorr_bench_adapters.trl.training.given_reference import GivenReference
from lorr_bench_adapters.trl.training.hybrid import FusedLogProbs
from lorr_bench_adapters.trl.training.reference_batches import ReferenceBatches
from lorr_bench_adapters.trl.training.replay import ReplayTrainer

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor, nn


class ReferenceDPOTrainer(ReferenceBatches, DPOTrainer):  # type: ignore[misc]
    """A DPOTrainer that computes reference log-probabilities of rows that are tokenized."""

    sequences_per_row: ClassVar[int] = 2

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class PreferenceLoRR(FusedLogProbs):
    """Of a DPOTrainer: adds λ·L_SFT of the chosen responses."""

    def _compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool) -> Any:
        loss = super()._compute_loss(model, inputs, return_outputs)  # type: ignore[misc]
        weight = self.sft_weight(model)
        if not weight:
            return loss
        mask = inputs["completion_mask"]
        sft = self.sft_term(mask, slice(len(mask) // 2))  # a batch is [chosen, rejected]
        trainer: Any = self
        trainer._metrics["train"]["sft_loss"].append(sft.item())
        return loss + weight * sft


class ReplayDPOTrainer(ReplayTrainer, GivenReference, PreferenceLoRR, DPOTrainer):  # type: ignore[misc]
    """A DPOTrainer whose epochs are replays; its rows are tokenized and carry their reference."""
