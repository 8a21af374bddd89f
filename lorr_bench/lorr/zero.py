"""Weights that DeepSpeed's ZeRO cuts into parts (Rajbhandari et al. 2020, arXiv 1910.02054).

The optimizer works on flat float32 copies of the weights, of which each process keeps a part; what the model
computes with is made from them after each step. So a change must reach both, or the next step undoes it.
All functions must be called by all processes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch import Tensor, nn

IS_RESET: Final = "lorr_is_reset"
"""Marks a group of parameters that a reset forgets the moments of."""


def is_cut(parameter: Tensor) -> bool:
    """Whether DeepSpeed keeps the parameter: stage 3 gives it an identity, stages 1 and 2 a fragment."""
    return hasattr(parameter, "ds_id") or hasattr(parameter, "_hp_mapping")


def master_weights(parameter: nn.Parameter) -> Tensor:
    """The whole float32 copy of a parameter that the optimizer works on, put together from all processes."""
    from deepspeed.utils import safe_get_full_fp32_param

    whole: Tensor = safe_get_full_fp32_param(parameter)
    return whole.detach()


def write_weights(parameter: nn.Parameter, value: Tensor) -> None:
    """Replace a parameter, in the optimizer and in the model.

    Args:
        parameter: A trainable one.
        value: The whole tensor, the same in every process.
    """
    import deepspeed
    import torch
    from deepspeed.utils import safe_set_full_fp32_param

    if hasattr(parameter, "ds_id"):
        _write_part(parameter, value)
    else:
        safe_set_full_fp32_param(parameter, value)
    # What the model computes with until the next step makes it anew.
    with deepspeed.zero.GatheredParameters([parameter], modifier_rank=0), torch.no_grad():
        parameter.copy_(value)


def _write_part(parameter: nn.Parameter, value: Tensor) -> None:
    """The part of this process; the last one is filled up with zeros, so DeepSpeed can't cut it by itself."""
    import torch
    from deepspeed.utils import safe_get_local_fp32_param, safe_set_local_fp32_param
    from torch import distributed

    size = safe_get_local_fp32_param(parameter).numel()
    flat = value.flatten()
    missing = size * distributed.get_world_size() - flat.numel()
    padded = torch.nn.functional.pad(flat, (0, missing))
    safe_set_local_fp32_param(parameter, padded.narrow(0, size * distributed.get_rank(), size))


def set_apart(optimizer: Any, parameters: Collection[nn.Parameter]) -> None:
    """Give the parameters groups of their own, before DeepSpeed flattens each group into one tensor.

    Adam counts steps for each tensor. Parameters whose moments are forgotten start to count again, so they
    can't be in one tensor with others.

    Args:
        optimizer: As torch has it, without any state.
        parameters: Whose moments resets forget.
    """
    chosen = {id(parameter) for parameter in parameters}
    groups = []
    for group in optimizer.param_groups:
        for is_reset in (False, True):
            members = [parameter for parameter in group["params"] if (id(parameter) in chosen) is is_reset]
            if members:
                groups.append({**group, "params": members, IS_RESET: is_reset})
    optimizer.param_groups[:] = groups


def forget_moments(optimizer: Any) -> None:
    """Set the state of the groups that ``set_apart`` made to zero, where Adam starts.

    Args:
        optimizer: DeepSpeed's, around torch's.
    """
    from torch import Tensor

    for flat, group in _flat_tensors(optimizer):
        if group.get(IS_RESET):
            for value in optimizer.optimizer.state.get(flat, {}).values():
                if isinstance(value, Tensor):
                    value.zero_()


def _flat_tensors(optimizer: Any) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Each flat tensor with its group; stage 3 puts a tensor into its group for the length of a step only."""
    groups = optimizer.optimizer.param_groups
    if hasattr(optimizer, "sub_group_to_group_id"):
        for number, flat in enumerate(optimizer.fp32_partitioned_groups_flat):
            yield flat, groups[optimizer.sub_group_to_group_id[number]]
    else:
        for group in groups:
            yield from ((flat, group) for flat in group["params"])
