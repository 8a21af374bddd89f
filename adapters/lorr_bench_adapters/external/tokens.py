"""Lengths, cuts and special tokens of pairs that an external trainer tokenizes itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lorr_bench.data.tokens import check_prompt_lengths, prompt_ids
from lorr_bench.errors import DataError
from lorr_bench.values import Pair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def fit_texts(pairs: Sequence[Pair], tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Pair]:
    """The pairs with responses that fit; one that is cut is marked as truncated, so that no end follows it.

    Trainers cut in ways of their own, some of them the prompt, so nothing is left for them to cut. Prompt and
    response are tokenized apart here, as such a trainer does.

    Args:
        pairs: Rows whose prompts leave room for a response.
        tokenizer: Of the model.
        max_length: Tokens of prompt, response and end.

    Raises:
        DataError: A prompt alone reaches the maximum length, or both responses are equal after cutting.
    """
    prompts = prompt_ids([pair.prompt for pair in pairs], tokenizer)
    check_prompt_lengths(prompts, max_length)
    fitted = [_fit(pair, max_length - len(ids), tokenizer) for pair, ids in zip(pairs, prompts, strict=True)]
    if same := [pair.id for pair in fitted if pair.chosen == pair.rejected]:
        raise DataError(
            f"{len(same)} pairs are the same once their responses are cut: {', '.join(same[:3])}",
            where="max_length",
            fix="Raise max_length in the method's settings, or leave such pairs out.",
        )
    return fitted


def count_tokens(pairs: Sequence[Pair], tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens of both sequences of all pairs: prompt, response, and the end of those that have one."""
    prompts = map(len, prompt_ids([pair.prompt for pair in pairs], tokenizer))
    chosen = _lengths([pair.chosen for pair in pairs], tokenizer)
    rejected = _lengths([pair.rejected for pair in pairs], tokenizer)
    ends = sum((not pair.chosen_truncated) + (not pair.rejected_truncated) for pair in pairs)
    return 2 * sum(prompts) + sum(chosen) + sum(rejected) + ends


def _fit(pair: Pair, room: int, tokenizer: PreTrainedTokenizerBase) -> Pair:
    chosen, chosen_truncated = _cut(pair.chosen, room, tokenizer, open_ended=pair.chosen_truncated)
    rejected, rejected_truncated = _cut(pair.rejected, room, tokenizer, open_ended=pair.rejected_truncated)
    return replace(
        pair,
        chosen=chosen,
        rejected=rejected,
        chosen_truncated=chosen_truncated,
        rejected_truncated=rejected_truncated,
    )


def _cut(
    response: str, room: int, tokenizer: PreTrainedTokenizerBase, *, open_ended: bool
) -> tuple[str, bool]:
    """What fits of a response, its end token included; and whether it has no end."""
    encoded = tokenizer(response, add_special_tokens=False, return_offsets_mapping=True)
    tokens = len(encoded["input_ids"])
    if tokens + (not open_ended) <= room:
        return response, open_ended
    # A token can be part of a letter, and the letter then is more than one: so fewer are tried.
    for kept in range(min(room, tokens), 0, -1):
        text = response[: encoded["offset_mapping"][kept - 1][1]]
        if _lengths([text], tokenizer)[0] <= room:
            return text, True
    return "", True


def _lengths(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
