"""Attention within the trees of a packed line, by the kernel that fits device and precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

if TYPE_CHECKING:
    from lorr_bench_adapters.native.training.layout import Packing, Segments

PACKED: Final = "lorr_bench_packed"
"""Name of the attention in the registry of transformers."""
MASKED: Final = "masked"
VARLEN: Final = "varlen"
KERNELS: Final = (MASKED, VARLEN)
"""``masked``: PyTorch's attention on padded trees with a mask, and keys repeated for every query head; on any
device, in any precision. ``varlen``: flash attention on stems and branches as they are, with neither mask nor
padding nor repeated keys; on NVIDIA GPUs, in 16 bits."""
LARGEST_HEAD: Final = 256
"""Dimensions of a head that flash attention knows."""


def usable_kernels(device: str) -> tuple[str, ...]:
    """The kernels that run on a device such as ``cpu`` or ``cuda``."""
    flash = device == "cuda" and torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)
    return KERNELS if flash else (MASKED,)


def packed_attention(  # noqa: PLR0917 - transformers calls it so
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Packing | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention within the trees of a packed line; without ``packing`` the usual one.

    Args:
        module: The attention layer.
        query: (1, heads, tokens, head size)
        key: (1, key heads, tokens, head size)
        value: (1, key heads, tokens, head size)
        attention_mask: Not used where there is a packing.
        packing: Where the trees are.
        kwargs: Scale and dropout.

    Returns:
        (1, tokens, heads, head size)
    """
    if packing is None:
        usual: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **kwargs
        )
        return usual
    q, k, v = (heads[0].transpose(0, 1) for heads in (query, key, value))
    if (packing.kernel or _best_kernel(query)) == VARLEN:
        return _varlen(q, k, v, packing.segments, kwargs.get("scaling"))[None], None
    return _masked(module, q, k, v, packing, kwargs)[None], None


def _best_kernel(query: Tensor) -> str:
    fits = query.shape[-1] <= LARGEST_HEAD and query.shape[-1] % 8 == 0
    halved = _computed_in(query).itemsize == 2
    return VARLEN if fits and halved and VARLEN in usable_kernels(query.device.type) else MASKED


def _computed_in(tensor: Tensor) -> torch.dtype:
    """The type that attention would compute in: autocast does not know the varlen kernel."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype


def _varlen(query: Tensor, key: Tensor, value: Tensor, segments: Segments, scale: float | None) -> Tensor:
    dtype = _computed_in(query)
    keys, values = (
        GatheredKeys.apply(line.to(dtype), segments.keys, segments.copies) for line in (key, value)
    )
    found: Any = varlen_attn(
        query.to(dtype).contiguous(),
        keys,
        values,
        segments.query_ends,
        segments.key_ends,
        segments.longest_query,
        segments.longest_key,
        scale=scale,
        window_size=(-1, 0),  # causal, the last query at the last key
        enable_gqa=True,
    )
    attended: Tensor = found
    return attended


def _masked(  # noqa: PLR0917 - three lines that belong together
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, packing: Packing, kwargs: dict[str, Any]
) -> Tensor:
    padded = [Rearranged.apply(line, packing.padded, packing.restored) for line in (query, key, value)]
    sizes = [bucket.index.numel() for bucket in packing.buckets]
    outputs = []
    for bucket, *parts in zip(packing.buckets, *(heads.split(sizes) for heads in padded), strict=True):
        q, k, v = (part.unflatten(0, bucket.index.shape).transpose(1, 2) for part in parts)
        output, _ = sdpa_attention_forward(module, q, k, v, bucket.mask, **kwargs)
        outputs.append(output.flatten(0, 1))
    whole: Tensor = Rearranged.apply(torch.cat(outputs), packing.restored, packing.padded)
    return whole


class Rearranged(torch.autograd.Function):  # type: ignore[misc]
    """``rows[index]``, whose backward pass is ``gradient[inverse]``: a gather both ways, nothing is added up.

    That is the gradient when every row is picked once. Padding, which picks row 0 again, never passes a
    gradient on: attention keeps it apart.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, inverse: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(inverse)
        return rows.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: D102
        (inverse,) = ctx.saved_tensors
        return gradient.index_select(0, inverse), None, None


class GatheredKeys(torch.autograd.Function):  # type: ignore[misc]
    """``rows[keys]``, whose backward pass adds the gradients of each row's copies in one fixed order."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, keys: Tensor, copies: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(copies)
        return rows.index_select(0, keys)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: D102
        (copies,) = ctx.saved_tensors
        nothing = gradient.new_zeros((1, *gradient.shape[1:]))
        return torch.cat([gradient, nothing])[copies].sum(dim=0), None, None
