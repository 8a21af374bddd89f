"""Shrink and perturb (Ash & Adams 2020, arXiv 1910.08475) towards an anchor, on selected parameters.

With LoRA only ``lora_B`` is scaled: the adapter's contribution B·A then shrinks by exactly α, towards the
base model. With sharded parameters every process changes its own shard, and with DeepSpeed the optimizer's
copy too. Buffers are never touched, and a tensor with two names (tied weights) is reset once, under its
first name.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.zero import forget_moments, is_cut, master_weights, write_weights

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

LORA_UP: Final = ".lora_B."
# What wrappers (DDP, torch.compile, checkpointing) write into the names of parameters.
_WRAPPERS: Final = re.compile(r"(^|(?<=\.))(module|_orig_mod|_checkpoint_wrapped_module)\.")


def trainable_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Trainable parameters under the names they have without wrappers; tied ones once."""
    return {_WRAPPERS.sub("", name): p for name, p in model.named_parameters() if p.requires_grad}


def select_names(model: nn.Module, pattern: str) -> list[str]:
    """Names of the trainable parameters that hold ``pattern``; of a LoRA adapter the ``lora_B`` ones.

    Args:
        model: Any module.
        pattern: A regular expression, searched in names such as ``model.layers.0.mlp.down_proj.weight``.

    Raises:
        SuiteError: No trainable parameter matches; the message lists close names.
    """
    search = re.compile(pattern).search
    names = list(trainable_parameters(model))
    if up := [name for name in names if LORA_UP in name]:
        names = up
    selected = [name for name in names if search(name)]
    if not selected:
        near = difflib.get_close_matches(pattern, names, n=5, cutoff=0.1)
        raise SuiteError(
            f"the reset pattern {pattern!r} matches none of {len(names)} trainable tensors",
            where="plugins.*.reset.tensors",
            fix=f"close names: {', '.join(near)}",
        )
    return selected


def snapshot(model: nn.Module, names: Iterable[str]) -> dict[str, Tensor]:
    """Copies of the named tensors, to serve as the anchor; of ``lora_B`` zeros, which are the base model."""
    import torch

    parameters = trainable_parameters(model)
    return {
        name: torch.zeros_like(parameters[name]).detach()
        if LORA_UP in name
        else parameters[name].detach().clone()
        for name in names
    }


def cut_alike(anchor: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The anchor, of sharded parameters cut into the same shards, so that no process keeps it whole.

    Args:
        anchor: By name of a trainable parameter of the model.
        model: Sharded or not; what is not stays as it is.
    """
    parameters = trainable_parameters(model)
    return {
        name: placed_like(parameters[name], tensor) if _is_sharded(parameters[name]) else tensor
        for name, tensor in anchor.items()
    }


def digest_of(anchor: Mapping[str, Tensor]) -> str:
    """The sha256 of names and bits of tensors, as hexadecimal digits."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(anchor.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def reset_parameters(
    model: nn.Module, anchor: Mapping[str, Tensor], factor: float
) -> dict[str, nn.Parameter]:
    """θ ← α·θ + (1-α)·θ_anchor, in place, on the parameters that the anchor names.

    Args:
        model: The model in training, wrapped or not.
        anchor: A tensor of the full shape for each name.
        factor: α, between 0 (the anchor itself) and 1 (no change).

    Returns:
        The parameters that were changed, by name.
    """
    import torch

    reshard(model)
    parameters = trainable_parameters(model)
    selected = {name: parameters[name] for name in anchor}
    with torch.no_grad():
        for name, parameter in selected.items():
            if is_cut(parameter):
                weights = master_weights(parameter)
                towards = anchor[name].to(weights.device, weights.dtype)
                write_weights(parameter, weights.mul_(factor).add_(towards, alpha=1 - factor))
            else:
                parameter.mul_(factor).add_(placed_like(parameter, anchor[name]), alpha=1 - factor)
    return selected


def clear_optimizer_state(optimizer: Optimizer, selected: Mapping[str, nn.Parameter]) -> None:
    """Forget the moments of the selected parameters; all others keep theirs.

    Those of sharded parameters are set to zero, where Adam starts: a checkpoint is only read again if it
    holds moments of each.
    """
    from torch import Tensor

    optimizer = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps the optimizer it prepares
    if any(map(is_cut, selected.values())):
        forget_moments(optimizer)
        return
    for parameter in selected.values():
        if not _is_sharded(parameter):
            optimizer.state.pop(parameter, None)
            continue
        for value in optimizer.state.get(parameter, {}).values():
            if isinstance(value, Tensor):
                value.zero_()


def reshard(model: nn.Module) -> None:
    """Let go of weights that FSDP2 has gathered.

    After a forward pass without backward its root keeps them whole, and the model then lists these copies in
    place of the shards that are trained.
    """
    from torch.distributed.fsdp import FSDPModule

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def placed_like(parameter: Tensor, full: Tensor) -> Tensor:
    """The full tensor on the parameter's device, cut into the same shards; what is cut already stays so."""
    from torch.distributed.tensor import distribute_tensor

    if not _is_sharded(parameter) or _is_sharded(full):
        return full.to(parameter.device)
    whole = full.to(parameter.to_local().device)
    return distribute_tensor(whole, parameter.device_mesh, parameter.placements)


def _is_sharded(parameter: Tensor) -> bool:
    from torch.distributed.tensor import DTensor

    return isinstance(parameter, DTensor)
