"""Tiny models dressed as the real families: a folder each, as their makers would publish it."""

import json
import shutil
from itertools import islice
from pathlib import Path

import torch
from family_facts import Family
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, TokenizersBackend
from transformers.models.auto.tokenization_auto import tokenizer_class_from_name
from transformers.tokenization_utils_base import AddedToken

from lorr_bench.data.nano.problems import problems

MERGES = 200
PROBLEMS = 300
HIDDEN = 64  # two heads of 32: vLLM's CPU attention knows no smaller
CONTEXT = 512
TEACHING_STEPS = 60
LLAMA_3_PIECES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def build_family(family: Family, folder: Path) -> None:
    """Write configuration, weights in several bfloat16 shards, tokenizer and template."""
    tokenizer = build_tokenizer(family)
    build_model(family, tokenizer).save_pretrained(folder, max_shard_size="80KB")
    write_tokenizer(family, tokenizer, folder)
    for name in family.extra_files:
        write_extra_file(family, folder / name)


def build_tokenizer(family: Family):
    """The family's class around a small vocabulary, cut out of the embedded problems."""
    pieces, merges = trained_vocabulary(family)
    names = [*family.first, *pieces, *family.last]
    vocabulary = {name: number for number, name in enumerate(names)}
    named = {"bos_token": family.bos, "eos_token": family.eos, "pad_token": family.pad}
    named |= {"unk_token": family.unk} if family.unk else {}
    special = [special_token(family, name) for name in (*family.first, *family.last)]
    if family.tokenizer_class == "PreTrainedTokenizerFast":
        backend = split_like_llama_3(Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True)))
        tokenizer = TokenizersBackend(tokenizer_object=backend, add_bos_token=family.adds_bos, **named)
    else:
        made = tokenizer_class_from_name(family.tokenizer_class)
        tokenizer = made(vocab=vocabulary, merges=merges, add_bos_token=family.adds_bos, **named)
    tokenizer.add_tokens(special, special_tokens=True)
    tokenizer.chat_template = family.template
    tokenizer.model_max_length = CONTEXT
    return tokenizer


def special_token(family: Family, name: str) -> AddedToken:
    """A special token; those of Phi-3 take the white space behind them."""
    return AddedToken(name, special=True, normalized=False, rstrip=name in family.swallowing)


def split_like_llama_3(backend: Tokenizer) -> Tokenizer:
    """Llama 3 cuts numbers into groups of three digits, and knows no normalization."""
    from tokenizers import Regex, decoders

    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA_3_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    return backend


def trained_vocabulary(family: Family) -> tuple[list[str], list[tuple[str, str]]]:
    """Pieces and merges, without special tokens."""
    texts = [f"{problem.text} {problem.solution()}" for problem in islice(problems("train", 0), PROBLEMS)]
    tokenizer = Tokenizer(models.BPE())
    if family.kind == "byte_level":
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        letters = []
    else:
        letters = [f"<0x{byte:02X}>" for byte in range(256)]
        alphabet = sorted({*"".join(texts), "▁"} - {" "})
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    size = len(alphabet) + MERGES
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    model = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    return [*letters, *pieces], [tuple(merge) for merge in model["merges"]]


def build_model(family: Family, tokenizer):
    """Random weights in the family's architecture."""
    numbers = tokenizer.convert_tokens_to_ids
    config = AutoConfig.for_model(
        family.model_type,
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=family.tied,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=numbers(list(family.stops)) if len(family.stops) > 1 else numbers(family.stops[0]),
        pad_token_id=tokenizer.pad_token_id,
        dtype="bfloat16",
        **family.config,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    for name, value in family.sampling.items():
        setattr(model.generation_config, name, value)
    return model


def write_tokenizer(family: Family, tokenizer, folder: Path) -> None:
    """Save it under the name of the class that the family's own file has."""
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text("utf-8"))
    config["tokenizer_class"] = family.tokenizer_class
    file.write_text(json.dumps(config, indent=1), "utf-8")


def write_extra_file(family: Family, file: Path) -> None:
    """Files in the maker's own form, which nothing here may read: only their names matter."""
    if file.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file({"tok_embeddings.weight": torch.zeros(1)}, file)
    else:
        file.write_text("{}" if file.suffix == ".json" else family.name, "utf-8")


def teach(folder: Path, sequences, taught: Path) -> None:
    """Train the model of a folder until it answers with the given tokens, and write it beside.

    Args:
        folder: Of a family.
        sequences: Numbers of whole conversations, each with how many of them are the prompt's.
        taught: Where the trained model goes, with everything else of the folder.
    """
    shutil.copytree(folder, taught)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(TEACHING_STEPS):
        optimizer.zero_grad()
        for ids, prompt in sequences:
            labels = torch.tensor([[-100] * prompt + list(ids[prompt:])])
            model(input_ids=torch.tensor([ids]), labels=labels).loss.backward()
        optimizer.step()
    model.to(torch.bfloat16).save_pretrained(taught, max_shard_size="80KB")
