"""Shapes of the models that shipped suites name: facts, so that they can be planned without a network.

Each is the model's ``config.json`` on the Hugging Face Hub, as far as it decides sizes; the number of
parameters that follows is that of the Hub's page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LLAMA_3: Final = {
    "model_type": "llama",
    "head_dim": 128,
    "num_key_value_heads": 8,
    "vocab_size": 128_256,
    "max_position_embeddings": 131_072,
}
_QWEN_7B: Final = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18_944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152_064,
    "tie_word_embeddings": False,
}
_QWEN_SMALL: Final = {
    "model_type": "qwen2",
    "num_key_value_heads": 2,
    "vocab_size": 151_936,
    "tie_word_embeddings": True,
}

KNOWN_CONFIGURATIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "meta-llama/Llama-3.2-1B-Instruct": {
        **_LLAMA_3,
        "head_dim": 64,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "tie_word_embeddings": True,
    },
    "meta-llama/Llama-3.2-3B-Instruct": {
        **_LLAMA_3,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 28,
        "num_attention_heads": 24,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen2.5-0.5B": {
        **_QWEN_SMALL,
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "max_position_embeddings": 32_768,
    },
    "Qwen/Qwen2.5-1.5B": {
        **_QWEN_SMALL,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "max_position_embeddings": 131_072,
    },
    "Qwen/Qwen2.5-7B": {**_QWEN_7B, "max_position_embeddings": 131_072},
    "Qwen/Qwen2.5-7B-Instruct": {**_QWEN_7B, "max_position_embeddings": 32_768},
    "Qwen/Qwen2.5-Math-7B": {**_QWEN_7B, "max_position_embeddings": 4096},
    "mistralai/Mistral-7B-Instruct-v0.2": {
        "model_type": "mistral",
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 32_000,
        "max_position_embeddings": 32_768,
        "tie_word_embeddings": False,
    },
    # A reward model: one score in place of the output head, which is told here as if it were tied.
    "Skywork/Skywork-Reward-Llama-3.1-8B-v0.2": {
        **_LLAMA_3,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "tie_word_embeddings": True,
    },
}
"""By name of the Hub."""
