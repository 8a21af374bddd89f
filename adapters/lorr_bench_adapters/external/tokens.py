"""Lengths and special tokens of pairs that an external trainer tokenizes itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lorr_bench.errors import DataError
from lorr_bench.values import Pair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def count_tokens(pairs: Sequence[Pair], tokenizer: PreTrainedTokenizerBase, max_length: int) -> int:
    """Tokens of both sequences of all pairs: prompt, response and end token.

    Raises:
        DataError: A sequence is longer than ``max_length``. Trainers cut in ways of their own, some of them
            the prompt, so nothing is left to be cut.
    """

    def lengths(texts: list[str], *, special: bool) -> list[int]:
        return [len(ids) for ids in tokenizer(texts, add_special_tokens=special)["input_ids"]]

    prompts = lengths([pair.prompt for pair in pairs], special=True)
    chosen = lengths([pair.chosen for pair in pairs], special=False)
    rejected = lengths([pair.rejected for pair in pairs], special=False)
    sizes = [(p + c + 1, p + r + 1) for p, c, r in zip(prompts, chosen, rejected, strict=True)]
    if too_long := sum(max(size) > max_length for size in sizes):
        raise DataError(
            f"{too_long} of {len(pairs)} pairs are longer than max_length = {max_length} tokens",
            where="max_length",
            fix="Raise max_length in the method's settings, or leave such pairs out.",
        )
    return sum(c + r for c, r in sizes)


def bos_text(tokenizer: PreTrainedTokenizerBase) -> str:
    """Text of the token that the tokenizer puts before every prompt, or nothing."""
    begins = tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]
    return str(tokenizer.bos_token) if begins else ""
