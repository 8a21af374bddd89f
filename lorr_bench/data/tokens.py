"""From texts to token numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from lorr_bench.errors import DataError, ModelError
from lorr_bench.ports.trainer import StartModel
from lorr_bench.tokens.special import encode, end_token
from lorr_bench.values import Demonstration, Pair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A pair as token numbers.

    Attributes:
        prompt: What both responses have in common at the start.
        chosen: The preferred response; its end token included, unless it is cut.
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
        response: The response; its end token included, unless it is cut.
    """

    prompt: list[int]
    response: list[int]


def load_tokenizer(start: StartModel) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside the start model.

    Where it names no padding token, its end-of-sequence token pads, as in TRL.

    Raises:
        ModelError: There is none, or it has no end-of-sequence token.
    """
    tokenizer = bare_tokenizer(start)
    if tokenizer.eos_token is None:
        raise ModelError(
            "the tokenizer names no end-of-sequence token",
            where=start.path,
            fix="Set eos_token in tokenizer_config.json.",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def bare_tokenizer(model: StartModel) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside a model, as its files and its class make it.

    Raises:
        ModelError: There is none that loads.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model.path, **model.origin)
    except (OSError, ValueError, TypeError, KeyError) as error:  # damaged files raise the last two
        raise ModelError(
            f"the model has no tokenizer that loads: {error}",
            where=model.path,
            fix="Put tokenizer.json and tokenizer_config.json into the model folder.",
        ) from error
    return tokenizer


def tokenize_pairs(pairs: Sequence[Pair], tokenizer: Any, max_length: int) -> list[TokenPair]:
    """Tokenize prompt and response as one text, as generation will see it, and cut after ``max_length``.

    The response begins where the tokens of prompt and prompt with response part, which need not be the end of
    the prompt: tokens may merge across the border. TRL does the same. What is cut, here or by the token limit
    when it was sampled, has no end token: it is not finished. Any other response ends with the token at which
    it was sampled to the end, or where that is not known, with the one of ``tokens.special.end_token``.

    Args:
        pairs: Texts.
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
        max_length: Tokens of prompt and response together.

    Raises:
        DataError: A prompt alone reaches the maximum length.
    """
    prompts = prompt_ids([pair.prompt for pair in pairs], tokenizer)
    check_prompt_lengths(prompts, max_length)
    return [
        TokenPair(*_split(prompt, [first, second], max_length))
        for prompt, first, second in zip(prompts, *pair_ids(pairs, tokenizer), strict=True)
    ]


def tokenize_responses(rows: Sequence[Demonstration], tokenizer: Any, max_length: int) -> list[TokenResponse]:
    """Tokenize each prompt with its response, by the rules of ``tokenize_pairs``.

    Args:
        rows: Texts.
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
        max_length: Tokens of prompt and response together.

    Raises:
        DataError: A prompt alone reaches the maximum length.
    """
    alone = prompt_ids([row.prompt for row in rows], tokenizer)
    check_prompt_lengths(alone, max_length)
    whole = sequence_ids(rows, tokenizer)
    return [TokenResponse(*_split(p, [w], max_length)) for p, w in zip(alone, whole, strict=True)]


def prompt_ids(prompts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    """Token numbers of each prompt alone."""
    return encode(prompts, tokenizer)


def pair_ids(pairs: Sequence[Pair], tokenizer: Any) -> tuple[list[list[int]], list[list[int]]]:
    """Token numbers of each prompt with its chosen, and with its rejected response; nothing is cut."""
    chosen = [Demonstration(p.prompt, p.chosen, p.chosen_truncated, p.chosen_end) for p in pairs]
    rejected = [Demonstration(p.prompt, p.rejected, p.rejected_truncated, p.rejected_end) for p in pairs]
    return sequence_ids(chosen, tokenizer), sequence_ids(rejected, tokenizer)


def sequence_ids(rows: Sequence[Demonstration], tokenizer: Any) -> list[list[int]]:
    """Token numbers of each prompt with its response and end token; nothing is cut.

    Args:
        rows: Texts.
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
    """
    usual = end_token(tokenizer)
    return encode([_ended(row, row.end or usual) for row in rows], tokenizer)


def _ended(row: Demonstration, end: str) -> str:
    """Prompt and response as one text; one that was never finished has no end."""
    text = row.prompt + row.response
    return text if row.truncated or row.response.endswith(end) else text + end


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


def _split(prompt: list[int], texts: Sequence[list[int]], max_length: int) -> list[list[int]]:
    border = min(common_length(prompt, text) for text in texts)
    return [prompt[:border], *(text[border:max_length] for text in texts)]
