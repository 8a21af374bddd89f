"""Log-probabilities under the reference, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lorr_bench.ports.trainer import StartModel
from lorr_bench_adapters.loading import load_model
from lorr_bench_adapters.native.settings import NativeSettings
from lorr_bench_adapters.native.training.accelerator import apply_liger_kernel, new_accelerator
from lorr_bench_adapters.native.training.batches import parts
from lorr_bench_adapters.native.training.layout import Tree
from lorr_bench_adapters.native.training.policy import Policy
from lorr_bench_adapters.settings import REFERENCE_TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def response_log_probs(
    start: StartModel, trees: Sequence[Tree], settings: NativeSettings
) -> list[NDArray[np.float32]]:
    """Log-probability of each whole response under the start model.

    Args:
        start: The model.
        trees: Rows with equally many responses.
        settings: Batch size, precision and layout.

    Returns:
        For the first responses, the second ones and so on an array (rows,).
    """
    accelerator = new_accelerator(settings)
    model: Any = load_model(start, load_in_4bit=settings.in_4bit)
    model.requires_grad_(False)  # of weights that ask for a gradient, autocast would keep a bfloat16 copy
    apply_liger_kernel(model, settings)
    policy = Policy(model.to(accelerator.device).eval(), padding_free=settings.padding_free)
    batches = []
    with torch.inference_mode(), accelerator.autocast():
        for batch in parts(trees, settings.precompute_ref_batch_size):
            for rows in _within_tokens(batch, REFERENCE_TOKENS):
                layout = policy.layout(rows, accelerator.device)
                totals = (policy(layout) * layout.mask).sum(dim=1)
                batches.append(totals.view(-1, len(rows)))
    return list(torch.cat(batches, dim=1).float().cpu().numpy())


def _within_tokens(batch: Sequence[Tree], limit: int) -> list[Sequence[Tree]]:
    """A batch in equal parts that have no more tokens than the limit, were they padded; one row is whole."""
    widest = max(len(sequence) for tree in batch for sequence in tree.sequences)
    return parts(batch, max(1, limit // (widest * len(batch[0].sequences))))
