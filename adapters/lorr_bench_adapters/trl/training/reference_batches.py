"""Forward passes of TRL's reference that a GPU has room for, however long the sequences are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from lorr_bench_adapters.settings import REFERENCE_TOKENS

if TYPE_CHECKING:
    from torch import Tensor, nn


class ReferenceBatches:
    """Mixed into a trainer of TRL, before its class: a padded batch of many tokens passes in parts.

    Attributes:
        sequences_per_row: Of a batch: those of the first responses come first, then those of the second.
        max_tokens: Tokens of a part, padding included.
    """

    sequences_per_row: ClassVar[int] = 1
    max_tokens: ClassVar[int] = REFERENCE_TOKENS

    def compute_ref_log_probs(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The trainer's own, of all parts."""
        trainer: Any = super()
        found = [trainer.compute_ref_log_probs(model, part) for part in self._parts(inputs)]
        return tuple(torch.cat(column) for column in zip(*found, strict=True))

    def _parts(self, inputs: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        each = self.sequences_per_row
        width = max(tensor.shape[1] for tensor in inputs.values() if tensor.ndim > 1)
        rows, most = len(inputs["input_ids"]) // each, max(1, self.max_tokens // (each * width))
        by_response = {
            name: tensor.unflatten(0, (each, rows))
            for name, tensor in inputs.items()
            if len(tensor) == each * rows
        }
        return [
            {name: tensor[:, begin : begin + most].flatten(0, 1) for name, tensor in by_response.items()}
            for begin in range(0, rows, most)
        ]
