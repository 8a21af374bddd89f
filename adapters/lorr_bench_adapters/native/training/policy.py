"""From a batch to the log-probabilities of its tokens: the one forward pass of the native backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from lorr_bench_adapters.native.training.layout import Layout, Tree, moved, pack, pad
from lorr_bench_adapters.native.training.packed_attention import PACKED, packed_attention
from lorr_bench_adapters.saving import base_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PACKED_FAMILIES: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Models whose logits are ``lm_head(hidden states)`` and whose attention is looked up in the registry. Tests
hold each to its padded forward pass."""
LOGITS_PER_PIECE: Final = 1 << 26
"""Logits held at once, 256 MiB of float32; more are made in pieces, and again in the backward pass."""


class Policy:
    """A causal language model that answers with log-probabilities.

    The model takes batches through its own ``__call__``, where wrappers for several processes hook in; called
    as usual it answers as usual.

    Args:
        model: Of transformers, with or without a LoRA adapter.
        padding_free: Whether to pack batches, where the model is of a family that allows it.
        scores_prompt: Whether log-probabilities of prompt tokens are wanted too.
        logits_per_piece: Logits to hold at once.
        kernel: Of ``packed_attention.KERNELS``; the best one by default.

    Attributes:
        model: The model; replace it by its wrapped form.
    """

    def __init__(
        self,
        model: Any,
        *,
        padding_free: bool,
        scores_prompt: bool = False,
        logits_per_piece: int = LOGITS_PER_PIECE,
        kernel: str | None = None,
    ) -> None:
        self.model = model
        self._plain = model
        self._packs = padding_free and can_pack(model.config)
        self._scores_prompt = scores_prompt
        self._logits_per_piece = logits_per_piece
        self._kernel = kernel
        if self._packs:
            AttentionInterface.register(PACKED, packed_attention)
            AttentionMaskInterface.register(PACKED, sdpa_mask)
            self._causal_lm.set_attn_implementation(PACKED)
        usual_forward = model.forward

        # No bound method: accelerate would bind its function to the model.
        def forward(*args: Any, layout: Layout | None = None, **kwargs: Any) -> Any:
            return (
                usual_forward(*args, **kwargs) if layout is None else self._log_probs(layout, usual_forward)
            )

        model.forward = forward

    def layout(self, trees: Sequence[Tree], device: Any) -> Layout:
        """The rows of a batch as this model takes them."""
        lay = pack if self._packs else pad
        placed: Layout = moved(lay(trees, scores_prompt=self._scores_prompt), device)
        if placed.packing is None or self._kernel is None:
            return placed
        return replace(placed, packing=replace(placed.packing, kernel=self._kernel))

    def __call__(self, layout: Layout) -> Tensor:
        """Log-probabilities of the scored tokens.

        Returns:
            (sequences, places) float32, or float64 for a float64 model; 0 where nothing is scored.
        """
        log_probs: Tensor = self.model(layout=layout)  # flat: wrappers want no views
        return log_probs.view(layout.scored.shape)

    def _log_probs(self, layout: Layout, usual_forward: Callable[..., Any]) -> Tensor:
        scores = self._packed(layout) if layout.packing else self._padded(layout, usual_forward)
        table = scores.new_zeros(layout.scored.numel())
        return table.index_copy(0, layout.slots, scores)

    @property
    def _causal_lm(self) -> Any:
        return base_model(self._plain)

    def _packed(self, layout: Layout) -> Tensor:
        assert layout.packing is not None
        causal_lm = self._causal_lm
        # A mask of four dimensions keeps the model from making its own; the packed attention reads none.
        any_mask = layout.tokens.new_ones((1, 1, 1, 1), dtype=torch.bool)
        hidden = causal_lm.base_model(
            input_ids=layout.tokens,
            position_ids=layout.positions,
            attention_mask=any_mask,
            packing=layout.packing,
            use_cache=False,
        ).last_hidden_state
        head = causal_lm.get_output_embeddings()
        predicting = hidden.flatten(0, 1).index_select(0, layout.predictors)
        rows = max(1, self._logits_per_piece // head.weight.shape[0])
        if len(predicting) <= rows:
            return token_log_probs(head(predicting), layout.targets)
        pieces = zip(predicting.split(rows), layout.targets.split(rows), strict=True)
        return torch.cat([checkpoint(_scored, head, *piece, use_reentrant=False) for piece in pieces])

    def _padded(self, layout: Layout, usual_forward: Callable[..., Any]) -> Tensor:
        logits = usual_forward(
            input_ids=layout.tokens, attention_mask=layout.attention_mask, use_cache=False
        ).logits
        return token_log_probs(logits.flatten(0, 1).index_select(0, layout.predictors), layout.targets)


def token_log_probs(logits: Tensor, targets: Tensor) -> Tensor:
    """Log-probability of each target, in float32 at least.

    Args:
        logits: (tokens, vocabulary)
        targets: (tokens,)

    Returns:
        (tokens,)
    """
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return -cross_entropy(wide, targets, reduction="none")


def can_pack(config: Any) -> bool:
    """Whether a model can run packed: one of a known family, with full attention in all layers."""
    # Configurations without ``layer_types`` are of families whose layers are all alike.
    full = all(kind == "full_attention" for kind in getattr(config, "layer_types", None) or ())
    windowed = config.model_type == "mistral" and config.sliding_window is not None
    known = config.model_type in PACKED_FAMILIES and config._attn_implementation in ("sdpa", PACKED)
    return known and full and not windowed


def _scored(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    return token_log_probs(head(hidden), targets)
