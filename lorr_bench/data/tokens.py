"""From texts to token numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from lorr_bench.errors import DataError
from lorr_bench.values import Pair


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A pair as token numbers.

    Attributes:
        prompt: What both responses have in common at the start.
        chosen: The preferred response, end-of-sequence token included.
        rejected: The other response, likewise.
    """

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A prompt and one response as token numbers.

    Attributes:
        prompt: The prompt.
        response: The response, end-of-sequence token included.
    """

    prompt: list[int]
    response: list[int]


def tokenize_pairs(pairs: Sequence[Pair], tokenizer: Any, max_length: int) -> list[TokenPair]:
    """Tokenize prompt and response as one text, as generation will see it, and cut after ``max_length``.

    The response begins where the tokens of prompt and prompt with response part, which need not be the end of
    the prompt: tokens may merge across the border. TRL does the same.

    Args:
        pairs: Texts.
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
        max_length: Tokens of prompt and response together.

    Raises:
        DataError: A prompt alone reaches the maximum length.
    """
    prompts = _tokenize_prompts([pair.prompt for pair in pairs], tokenizer, max_length)
    chosen = _tokenize_ended([pair.prompt + pair.chosen for pair in pairs], tokenizer)
    rejected = _tokenize_ended([pair.prompt + pair.rejected for pair in pairs], tokenizer)
    return [
        TokenPair(*_split(prompt, [first, second], max_length))
        for prompt, first, second in zip(prompts, chosen, rejected, strict=True)
    ]


def tokenize_responses(
    prompts: Sequence[str], responses: Sequence[str], tokenizer: Any, max_length: int
) -> list[TokenResponse]:
    """Tokenize each prompt with its response, by the rules of ``tokenize_pairs``.

    Args:
        prompts: Texts.
        responses: One text for each prompt.
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
        max_length: Tokens of prompt and response together.

    Raises:
        DataError: A prompt alone reaches the maximum length.
    """
    alone = _tokenize_prompts(prompts, tokenizer, max_length)
    texts = [prompt + response for prompt, response in zip(prompts, responses, strict=True)]
    whole = _tokenize_ended(texts, tokenizer)
    return [TokenResponse(*_split(p, [w], max_length)) for p, w in zip(alone, whole, strict=True)]


def check_prompt_lengths(prompts: Sequence[Sequence[int]], max_length: int) -> None:
    """Refuse prompts that leave no room for a response.

    Raises:
        DataError: There are such prompts.
    """
    if too_long := sum(len(ids) >= max_length for ids in prompts):
        raise DataError(
            f"{too_long} of {len(prompts)} prompts alone reach max_length = {max_length} tokens",
            where="max_length",
            fix="Raise max_length in the method's settings, or leave such prompts out.",
        )


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their start."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))))


def _tokenize_prompts(prompts: Sequence[str], tokenizer: Any, max_length: int) -> list[list[int]]:
    tokens: list[list[int]] = tokenizer(list(prompts))["input_ids"] if prompts else []
    check_prompt_lengths(tokens, max_length)
    return tokens


def _tokenize_ended(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    end: str = tokenizer.eos_token
    ended = [text if text.endswith(end) else text + end for text in texts]
    tokens: list[list[int]] = tokenizer(ended)["input_ids"] if ended else []
    return tokens


def _split(prompt: list[int], texts: Sequence[list[int]], max_length: int) -> list[list[int]]:
    border = min(common_length(prompt, text) for text in texts)
    return [prompt[:border], *(text[border:max_length] for text in texts)]
