"""TRL's KTOTrainer with the three parts of LoRR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from trl import KTOTrainer

from lorr_bench_adapters.trl.labels import apart
from lorr_bench_adapters.trl.training.given_reference import GivenReference
from lorr_bench_adapters.trl.training.hybrid import FusedLogProbs
from lorr_bench_adapters.trl.training.reference_batches import ReferenceBatches
from lorr_bench_adapters.trl.training.replay import ReplayTrainer

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor, nn

PLACE: Final = "lorr_place"
"""Column with the number that a row had before it was put apart from its neighbour."""


class ReferenceKTOTrainer(ReferenceBatches, KTOTrainer):  # type: ignore[misc]
    """A KTOTrainer that computes reference log-probabilities of rows that are tokenized."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class LabelsLoRR(FusedLogProbs):
    """Of a KTOTrainer: adds λ·L_SFT of the wanted responses, and keeps responses to one prompt apart.

    The trainer mismatches each response with the prompt of its neighbour in a batch. Labelled rows pass it in
    the order of ``apart``, and are put back.
    """

    token_masks: ClassVar[tuple[str, ...]] = ("attention_mask", "KL_attention_mask")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        trainer: Any = self
        if PLACE in (trainer.train_dataset.column_names or ()):  # unknown of a stream
            places = trainer.train_dataset[PLACE]
            order = sorted(range(len(places)), key=places.__getitem__)
            trainer.train_dataset = trainer.train_dataset.select(order).remove_columns(PLACE)

    def _prepare_dataset(self, dataset: Any, tokenizer: Any, args: Any, name: str) -> Any:
        if name == "train" and "label" in (dataset.column_names or ()) and hasattr(dataset, "select"):
            order = apart(len(dataset), args.per_device_train_batch_size)
            dataset = dataset.select(order).add_column(PLACE, order)
        return super()._prepare_dataset(dataset, tokenizer, args, name)  # type: ignore[misc]

    def _compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool) -> Any:
        loss = super()._compute_loss(model, inputs, return_outputs)  # type: ignore[misc]
        weight, wanted = self.sft_weight(model), inputs["label"].bool()
        if not weight or not wanted.any():
            return loss
        sft = self.sft_term(inputs["completion_mask"], wanted)
        trainer: Any = self
        trainer._metrics["train"]["sft_loss"].append(sft.item())
        return loss + weight * sft


class ReplayKTOTrainer(ReplayTrainer, GivenReference, LabelsLoRR, KTOTrainer):  # type: ignore[misc]
    """A KTOTrainer whose epochs are replays; its rows are tokenized and carry their reference.

    They carry mismatched responses for the KL estimate too, so the loop may shuffle them.
    """
