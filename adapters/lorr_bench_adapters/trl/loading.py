"""Load a start model and its tokenizer, with errors that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorr_bench.errors import ModelError
from lorr_bench.ports.trainer import StartModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_model(start: StartModel) -> PreTrainedModel:
    """The start model with weights of its own.

    Raises:
        ModelError: It can't be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            start.path, dtype=getattr(torch, start.dtype), **_origin(start)
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the model does not load: {error}",
            where=start.path,
            fix="Give a folder with config.json and *.safetensors, or a Hub id with its revision.",
        ) from error


def load_tokenizer(start: StartModel) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside the start model.

    Raises:
        ModelError: There is none, or it has no end-of-sequence token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(start.path, **_origin(start))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"the model has no tokenizer that loads: {error}",
            where=start.path,
            fix="Put tokenizer.json and tokenizer_config.json into the model folder.",
        ) from error
    if tokenizer.eos_token is None:
        raise ModelError(
            "the tokenizer names no end-of-sequence token",
            where=start.path,
            fix="Set eos_token in tokenizer_config.json.",
        )
    return tokenizer


def _origin(start: StartModel) -> dict[str, Any]:
    return {"revision": start.revision or "main", "trust_remote_code": start.trust_remote_code}
