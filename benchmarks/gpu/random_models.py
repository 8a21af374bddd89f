"""Models with random weights, made in place, in the shapes of published models or as toys."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from lorr_bench.plan.identity.origins import NANO_MODEL

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "toy": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,  # of 32: no smaller head is known to vLLM on a CPU
        "num_key_value_heads": 1,
        "vocab_size": 128,
    },
    # About 100 million parameters, of which a third are embeddings.
    "100M": {
        "hidden_size": 640,
        "intermediate_size": 2560,
        "num_hidden_layers": 10,
        "num_attention_heads": 10,
        "num_key_value_heads": 2,
        "vocab_size": 50_304,
    },
    # The shapes of Qwen/Qwen2.5-0.5B and Qwen/Qwen2.5-1.5B, from their config.json on the Hub.
    "500M": {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "vocab_size": 151_936,
    },
    "1.5B": {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "vocab_size": 151_936,
    },
}


def random_model(
    shape: str, folder: Path, *, tied: bool = True, seed: int = 0, dtype: str = "float32"
) -> Path:
    """Save a Qwen2 model of one of `SHAPES` with random weights and the embedded tokenizer.

    The rows of its vocabulary beyond the tokenizer's are never asked for, but cost what they cost.

    Returns:
        The model's folder, inside `folder`.
    """
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    config = Qwen2Config(
        **SHAPES[shape],
        max_position_embeddings=4096,
        tie_word_embeddings=tied,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
    made = folder / f"{shape}-{'tied' if tied else 'untied'}-{seed}"
    model.save_pretrained(made)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(NANO_MODEL / file, made / file)
    return made
