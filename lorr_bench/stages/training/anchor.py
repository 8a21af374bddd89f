"""What a reset goes back to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lorr_bench.ports.causal_lm import load_causal_lm
from lorr_bench.ports.trainer import StartModel

if TYPE_CHECKING:
    from torch import nn


def anchor_model(
    kind: str, first: StartModel, start: StartModel, seed: int
) -> Callable[[nn.Module], nn.Module] | None:
    """A function that gives the anchor's model, or None where it is the model that training starts from.

    Args:
        kind: ``start``, ``round`` or ``init``.
        first: The start model of the suite, θ₀.
        start: The model that this round starts from.
        seed: Draws a fresh initialisation.
    """
    if kind == "init":
        return lambda _: fresh_model(start, seed)
    if kind == "start" and first != start:
        return lambda _: load_causal_lm(first)
    return None


def fresh_model(start: StartModel, seed: int) -> nn.Module:
    """A model of the same shape with random weights; the random state of the process is left as it was."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(start.path, **start.origin)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs too
        model: nn.Module = AutoModelForCausalLM.from_config(
            config, dtype=getattr(torch, start.dtype), trust_remote_code=start.trust_remote_code
        )
    return model
