"""Load the language model that a ``StartModel`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorr_bench.ports.trainer import StartModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_causal_lm(start: StartModel, **options: Any) -> PreTrainedModel:
    """The model in its dtype, at its revision, from safetensors alone.

    The errors are those of transformers; a caller adds what to do about them.

    Args:
        start: A folder or Hub id, with revision and dtype.
        options: Further arguments of ``from_pretrained``.

    Raises:
        OSError: There is no such model, or it has no safetensors.
        ValueError: transformers does not know such a model, or may not run the code that comes with it.
    """
    import torch
    from transformers import AutoModelForCausalLM

    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        start.path,
        dtype=getattr(torch, start.dtype),
        use_safetensors=True,  # never a pickle, whatever else lies in the folder
        **options,
        **start.origin,
    )
    return model
