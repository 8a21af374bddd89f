"""The SFT half of the hybrid objective L_pref + λ·L_SFT."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def sft_loss(log_probs: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of the chosen responses: mean over tokens, then mean over sequences.

    Args:
        log_probs: (sequences, tokens) log-probability of each token given those before it.
        mask: (sequences, tokens) 1 where the token belongs to the response.

    Returns:
        A scalar. A sequence without response tokens counts as 0.
    """
    lengths = mask.sum(dim=1)
    totals = (log_probs * mask).sum(dim=1)
    return -(totals / lengths.clamp(min=1)).mean()
