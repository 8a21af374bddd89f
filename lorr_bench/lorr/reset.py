"""Shrink and perturb (Ash & Adams 2020, arXiv 1910.08475) towards an anchor, on selected parameters."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lorr_bench.errors import SuiteError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


def select_parameters(model: nn.Module, pattern: str) -> dict[str, nn.Parameter]:
    """The trainable parameters whose name holds ``pattern``.

    Buffers are never selected. A tensor with two names (tied weights) is selected once, under its first name.

    Args:
        model: Any module.
        pattern: A regular expression, searched in names such as ``model.layers.0.mlp.down_proj.weight``.

    Raises:
        SuiteError: No trainable parameter matches; the message lists close names.
    """
    search = re.compile(pattern).search
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    selected = {name: parameter for name, parameter in trainable.items() if search(name)}
    if not selected:
        near = difflib.get_close_matches(pattern, trainable, n=5, cutoff=0.1)
        raise SuiteError(
            f"the reset pattern {pattern!r} matches none of {len(trainable)} trainable tensors",
            where="plugins.*.reset.tensors",
            fix=f"close names: {', '.join(near)}",
        )
    return selected


def snapshot(selected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the selected tensors, to serve as the anchor."""
    return {name: tensor.detach().clone() for name, tensor in selected.items()}


def shrink_and_perturb(selected: Mapping[str, Tensor], anchor: Mapping[str, Tensor], factor: float) -> None:
    """θ ← α·θ + (1-α)·θ_anchor, in place.

    Args:
        selected: Tensors to change, by name.
        anchor: A tensor of the same shape for each name.
        factor: α, between 0 (the anchor itself) and 1 (no change).
    """
    import torch

    with torch.no_grad():
        for name, tensor in selected.items():
            tensor.mul_(factor).add_(anchor[name], alpha=1 - factor)


def clear_optimizer_state(optimizer: Optimizer, selected: Mapping[str, nn.Parameter]) -> None:
    """Forget the moments of the selected parameters; all others keep theirs."""
    optimizer = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps the optimizer it prepares
    for parameter in selected.values():
        optimizer.state.pop(parameter, None)
