"""Twelve families of models: what each publishes about its tokens, in tiny.

Taken from the files that their makers publish beside the weights: ``tokenizer_config.json``,
``generation_config.json`` and ``config.json``. Only the sizes are ours.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import family_templates

QWEN_SYSTEM = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
SMOL_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes:
        name: Of the family, and of its folder.
        kind: How the tokenizer cuts text.
        tokenizer_class: As ``tokenizer_config.json`` says it.
        model_type: As ``config.json`` says it.
        eos: The tokenizer's end-of-sequence token.
        end: The token at which the model stops after an answer in its own form.
        first: Special tokens before the vocabulary, in order of their numbers.
        last: Those behind it.
        bos: The begin-of-sequence token, or None.
        adds_bos: Whether the tokenizer puts it before every text.
        pad: The padding token, or None where the family has none.
        template: The chat template, or None for a base model without one.
        stops: ``eos_token_id`` of ``generation_config.json``.
        sampling: Sampling defaults of ``generation_config.json``.
        swallowing: Special tokens that take the white space behind them with them.
        tied: Whether the output head is the embeddings.
        config: What ``config.json`` has beside the common sizes.
        has_system: Whether the template takes a system turn.
        template_arguments: What the template is told when answers have no thoughts.
        extra_files: Further files of the folder.
    """

    name: str
    kind: Literal["byte_level", "sentencepiece"]
    tokenizer_class: str
    model_type: str
    eos: str
    end: str
    last: tuple[str, ...]
    first: tuple[str, ...] = ()
    bos: str | None = None
    adds_bos: bool = False
    pad: str | None = None
    unk: str | None = None
    template: str | None = None
    stops: tuple[str, ...] = ()
    sampling: dict[str, Any] = field(default_factory=dict)
    swallowing: tuple[str, ...] = ()
    tied: bool = True
    config: dict[str, Any] = field(default_factory=dict)
    has_system: bool = True
    template_arguments: dict[str, Any] = field(default_factory=dict)
    extra_files: tuple[str, ...] = ()


LLAMA_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
)
LLAMA = {
    "kind": "byte_level",
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_type": "llama",
    "last": LLAMA_TOKENS,
    "bos": "<|begin_of_text|>",
    "adds_bos": True,
    "sampling": {"do_sample": True, "temperature": 0.6, "top_p": 0.9},
}
QWEN = {
    "kind": "byte_level",
    "tokenizer_class": "Qwen2Tokenizer",
    "last": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "end": "<|im_end|>",
    "pad": "<|endoftext|>",
}
GEMMA = {
    "kind": "sentencepiece",
    "tokenizer_class": "GemmaTokenizer",
    "first": ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"),
    "last": (),
    "bos": "<bos>",
    "eos": "<eos>",
    "end": "<end_of_turn>",
    "pad": "<pad>",
    "unk": "<unk>",
    "adds_bos": True,
    "stops": ("<eos>", "<end_of_turn>"),
}

FAMILIES = (
    Family(
        "llama-3.2-base", eos="<|end_of_text|>", end="<|end_of_text|>", stops=("<|end_of_text|>",), **LLAMA
    ),
    Family(
        "llama-3.2-instruct",
        eos="<|eot_id|>",
        end="<|eot_id|>",
        stops=("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"),
        template=family_templates.LLAMA_3,
        **LLAMA,
    ),
    Family(  # has a template, but stops where documents end
        "qwen2.5-base",
        model_type="qwen2",
        eos="<|endoftext|>",
        stops=("<|endoftext|>",),
        template=family_templates.chatml("You are a helpful assistant."),
        sampling={"do_sample": False, "max_new_tokens": 2048},
        **QWEN,
    ),
    Family(
        "qwen2.5-instruct",
        model_type="qwen2",
        eos="<|im_end|>",
        stops=("<|im_end|>", "<|endoftext|>"),
        template=family_templates.chatml(QWEN_SYSTEM),
        sampling={
            "do_sample": True,
            "temperature": 0.7,
            "top_p": 0.8,
            "top_k": 20,
            "repetition_penalty": 1.05,
        },
        **QWEN,
    ),
    Family(
        "qwen3",
        model_type="qwen3",
        eos="<|im_end|>",
        stops=("<|im_end|>", "<|endoftext|>"),
        template=family_templates.QWEN3,
        sampling={"do_sample": True, "temperature": 0.6, "top_p": 0.95, "top_k": 20},
        config={"head_dim": 32},
        template_arguments={"enable_thinking": False},
        **QWEN,
    ),
    Family(
        "gemma-2",
        model_type="gemma2",
        template=family_templates.GEMMA_2,
        has_system=False,
        config={"head_dim": 32, "query_pre_attn_scalar": 32},
        **GEMMA,
    ),
    Family(
        "gemma-3",
        model_type="gemma3_text",
        template=family_templates.GEMMA_3,
        sampling={"do_sample": True, "top_k": 64, "top_p": 0.95},
        config={"head_dim": 32, "query_pre_attn_scalar": 32},
        **GEMMA,
    ),
    Family(
        "mistral",
        kind="sentencepiece",
        tokenizer_class="LlamaTokenizer",
        model_type="mistral",
        first=("<unk>", "<s>", "</s>", "[INST]", "[/INST]"),
        last=(),
        bos="<s>",
        eos="</s>",
        end="</s>",
        unk="<unk>",
        adds_bos=True,
        template=family_templates.MISTRAL,
        stops=("</s>",),
        tied=False,
        config={"sliding_window": None},
        extra_files=("consolidated.safetensors", "params.json", "tokenizer.model.v3"),
    ),
    Family(
        "phi-3",
        kind="sentencepiece",
        tokenizer_class="LlamaTokenizer",
        model_type="phi3",
        first=("<unk>", "<s>", "</s>"),
        last=("<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"),
        bos="<s>",
        eos="<|endoftext|>",
        end="<|end|>",
        pad="<|endoftext|>",
        unk="<unk>",
        template=family_templates.PHI_3,
        stops=("<|endoftext|>", "<|assistant|>", "<|end|>"),
        swallowing=("<|assistant|>", "<|system|>", "<|end|>", "<|user|>"),
        tied=False,
        config={"sliding_window": 64},
    ),
    Family(  # begins and ends with the same token
        "olmo-2",
        kind="byte_level",
        tokenizer_class="GPT2Tokenizer",
        model_type="olmo2",
        last=("<|endoftext|>", "<|pad|>"),
        bos="<|endoftext|>",
        eos="<|endoftext|>",
        end="<|endoftext|>",
        pad="<|pad|>",
        unk="<|endoftext|>",
        template=family_templates.OLMO_2,
        stops=("<|endoftext|>",),
        tied=False,
    ),
    Family(  # its begin token opens every turn, and the end of a turn is also the padding
        "smollm2",
        kind="byte_level",
        tokenizer_class="GPT2Tokenizer",
        model_type="llama",
        first=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        last=(),
        bos="<|im_start|>",
        eos="<|im_end|>",
        end="<|im_end|>",
        pad="<|im_end|>",
        unk="<|endoftext|>",
        template=family_templates.chatml(SMOL_SYSTEM),
        stops=("<|im_end|>",),
    ),
    Family(  # a base model, with one token for begin, end and unknown
        "gpt-neox",
        kind="byte_level",
        tokenizer_class="GPTNeoXTokenizer",
        model_type="gpt_neox",
        first=("<|endoftext|>", "<|padding|>"),
        last=(),
        bos="<|endoftext|>",
        eos="<|endoftext|>",
        end="<|endoftext|>",
        unk="<|endoftext|>",
        stops=("<|endoftext|>",),
        tied=False,
        config={"rotary_pct": 0.25},
    ),
)
BY_NAME = {family.name: family for family in FAMILIES}
