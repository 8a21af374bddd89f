"""The dressed families are what they are meant to be: each folder loads, and says what its maker's does."""

import json

import pytest
import torch
from family_facts import BY_NAME, FAMILIES
from safetensors.torch import load_file

from lorr_bench.checks.tokens import has_padding
from lorr_bench.spec.sources import ModelSpec

TURNS = [{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "5"}]
SYSTEM = {"role": "system", "content": "Be brief."}
LLAMA_OPENING = (
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
    "Cutting Knowledge Date: December 2023\nToday Date: 01 Jan 2025\n\n"
)
LLAMA_TURNS = (
    "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n2 + 3?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n5<|eot_id|>"
)
CHATML_TURNS = "<|im_start|>user\n2 + 3?<|im_end|>\n<|im_start|>assistant\n5<|im_end|>\n"
WRITTEN = {
    "llama-3.2-instruct": LLAMA_OPENING + LLAMA_TURNS,
    "qwen2.5-base": "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" + CHATML_TURNS,
    "qwen2.5-instruct": (
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
        + CHATML_TURNS
    ),
    "qwen3": (
        "<|im_start|>user\n2 + 3?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n5<|im_end|>\n"
    ),
    "gemma-2": "<bos><start_of_turn>user\n2 + 3?<end_of_turn>\n<start_of_turn>model\n5<end_of_turn>\n",
    "gemma-3": "<bos><start_of_turn>user\n2 + 3?<end_of_turn>\n<start_of_turn>model\n5<end_of_turn>\n",
    "mistral": "<s>[INST] 2 + 3?[/INST] 5</s>",
    "phi-3": "<|user|>\n2 + 3?<|end|>\n<|assistant|>\n5<|end|>\n<|endoftext|>",
    "olmo-2": "<|endoftext|><|user|>\n2 + 3?\n<|assistant|>\n5<|endoftext|>",
    "smollm2": (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        + CHATML_TURNS
    ),
}


def new_year(format_):
    from datetime import date

    return date(2025, 1, 1).strftime(format_)


def test_there_are_twelve():
    assert len(FAMILIES) == len(BY_NAME) == 12


def test_ten_have_a_template():
    assert {family.name for family in FAMILIES if family.template} == set(WRITTEN)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_conversation_is_written_in_the_published_layout(name, family_folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(family_folder(BY_NAME[name]))
    assert tokenizer.apply_chat_template(TURNS, tokenize=False, strftime_now=new_year) == WRITTEN[name]


@pytest.mark.parametrize(
    ("name", "opening"),
    [
        ("llama-3.2-instruct", LLAMA_OPENING + "Be brief.<|eot_id|>"),
        ("qwen2.5-base", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"),
        ("qwen3", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"),
        ("gemma-3", "<bos><start_of_turn>user\nBe brief.\n\n2 + 3?<end_of_turn>\n"),
        ("mistral", "<s>[INST] Be brief.\n\n2 + 3?[/INST]"),
        ("phi-3", "<|system|>\nBe brief.<|end|>\n<|user|>\n"),
        ("olmo-2", "<|endoftext|><|system|>\nBe brief.\n<|user|>\n"),
    ],
)
def test_a_system_turn_stands_where_it_is_published(name, opening, family_folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(family_folder(BY_NAME[name]))
    text = tokenizer.apply_chat_template([SYSTEM, *TURNS], tokenize=False, strftime_now=new_year)
    assert text.startswith(opening)


def test_gemma_2_refuses_a_system_turn(family_folder):
    from jinja2 import TemplateError
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(family_folder(BY_NAME["gemma-2"]))
    with pytest.raises(TemplateError, match="System role not supported"):
        tokenizer.apply_chat_template([SYSTEM, *TURNS], tokenize=False)


@pytest.mark.slow
def test_special_tokens_are_the_familys(family, tokenizer):
    named = tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token
    assert named == (family.bos, family.eos, family.pad)
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    assert special == {*family.first, *family.last}


def test_a_text_begins_as_in_the_family(family, tokenizer):
    begun = tokenizer("2 + 3?")["input_ids"][0] == tokenizer.bos_token_id
    assert begun is family.adds_bos


def test_the_template_swallows_white_space_where_the_family_does(family, tokenizer):
    for token in family.swallowing:
        number = tokenizer.convert_tokens_to_ids(token)
        assert tokenizer(f"{token}\n{token}", add_special_tokens=False)["input_ids"] == [number, number]


def test_the_file_alone_gives_the_same_numbers(folder, tokenizer):
    """``tokenizer.json`` is what planning reads; transformers makes most classes anew from its vocabulary."""
    from tokenizers import Tokenizer

    text = "Tom has 12 apples.\nHe buys 3  more. #### 15"
    assert (
        Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids == tokenizer(text)["input_ids"]
    )


def test_weights_lie_in_bfloat16_shards(family, folder):
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert {tensor.dtype for shard in shards for tensor in load_file(shard).values()} == {torch.bfloat16}
    names = {name for shard in shards for name in load_file(shard)}
    assert any("lm_head" in name or "embed_out" in name for name in names) is not family.tied


def test_generation_stops_where_the_family_says(family, folder, tokenizer):
    config = json.loads((folder / "generation_config.json").read_text("utf-8"))
    numbers = tokenizer.convert_tokens_to_ids(list(family.stops))
    assert config["eos_token_id"] == (numbers if len(numbers) > 1 else numbers[0])
    assert {name: config[name] for name in family.sampling} == family.sampling


def test_the_model_reads_a_text(folder, tokenizer):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    logits = model(**tokenizer("2 + 3?", return_tensors="pt", return_token_type_ids=False)).logits
    assert logits.shape[-1] == len(tokenizer)
    assert logits.isfinite().all()


def test_a_plan_knows_which_families_have_a_padding_token(folder, tokenizer):
    assert has_padding(folder, ModelSpec(path=str(folder))) == (tokenizer.pad_token is not None)
