"""Odds of responses whose probability may be 1 as far as floats can tell."""

from __future__ import annotations

import torch
from torch import Tensor

LOG_HALF = -0.6931471805599453
"""-log 2, where the two branches of ``log1mexp`` meet."""


def log1mexp(log_prob: Tensor) -> Tensor:
    """log(1 - exp(x)), with a finite slope everywhere.

    The branches are those of Mächler 2012, "Accurately computing log(1 - exp(-|a|))". Where x is 0, or so
    near that a mean over a thousand tokens would round to 0, value and slope are those at the border of that
    range; at 0 both would be infinite.

    Args:
        log_prob: x, mean log-probabilities per token, at most 0 but for rounding.

    Returns:
        The same shape.
    """
    certain = -torch.finfo(log_prob.dtype).eps / 1024
    below = log_prob + (log_prob.clamp(max=certain) - log_prob).detach()
    near_zero = below >= LOG_HALF
    # Each branch gets arguments of its own range only: the infinite slope of the other would become NaN.
    near = torch.where(near_zero, below, LOG_HALF)
    far = torch.where(near_zero, LOG_HALF, below)
    return torch.where(near_zero, torch.log(-torch.expm1(near)), torch.log1p(-torch.exp(far)))


def log_odds_ratio(chosen_mean: Tensor, rejected_mean: Tensor) -> Tensor:
    """The logarithm of odds(chosen) over odds(rejected), odds(y) = P(y)/(1 - P(y)).

    ORPO, arXiv 2403.07691, equations 4 and 7.

    Args:
        chosen_mean: (pairs,) log P(y): log-probability per token, mean over the response.
        rejected_mean: (pairs,)

    Returns:
        (pairs,)
    """
    return (chosen_mean - rejected_mean) - (log1mexp(chosen_mean) - log1mexp(rejected_mean))
