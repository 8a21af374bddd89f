"""Preference pairs and problems of a wanted length in tokens, which mean nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from lorr_bench.errors import ModelError
from lorr_bench.values import Pair

REPEATS: Final = 8


def fake_pairs(tokenizer: Any, count: int, *, prompt_tokens: int, length: int) -> list[Pair]:
    """Pairs whose responses reach the length; no two prompts are equal.

    Args:
        tokenizer: A Hugging Face tokenizer.
        count: How many pairs.
        prompt_tokens: Tokens of a prompt, where they suffice to make it different from the others.
        length: Tokens of a response; trainers cut what is longer than they take.

    Raises:
        ModelError: The tokenizer has no tokens that can be repeated.
    """
    first, second = repeatable_texts(tokenizer)
    chosen, rejected = first * length, second * length
    digits = max(1, (count - 1).bit_length())
    return [
        Pair(f"fake-{number}", prompt, chosen, rejected, number)
        for number, prompt in enumerate(_prompts(first, second, count, digits, prompt_tokens))
    ]


def _prompts(first: str, second: str, count: int, digits: int, tokens: int) -> Iterator[str]:
    """The numbers from 0 in base 2, written with two texts, after as much of the first as is missing."""
    for number in range(count):
        ends = "".join(second if number >> digit & 1 else first for digit in reversed(range(digits)))
        yield first * max(0, tokens - digits) + ends


def fake_answers(pairs: list[Pair]) -> Iterator[dict[str, Any]]:
    """A right answer to each prompt, in the form of a collection's rows."""
    for pair in pairs:
        row = {"id": pair.id, "prompt": pair.prompt, "text": pair.chosen, "gold": "1"}
        yield {**row, "correct": True, "truncated": False, "end": "", "usable": True}


def fake_prompts(pairs: list[Pair]) -> Iterator[dict[str, Any]]:
    """What each prompt cost, in the form of a collection's rows."""
    for pair in pairs:
        yield {"id": pair.id, "answers": 1, "generated_tokens": 1}


def repeatable_texts(tokenizer: Any) -> tuple[str, str]:
    """Two texts that are a token for each time they are repeated.

    Args:
        tokenizer: A Hugging Face tokenizer.

    Raises:
        ModelError: There are none.
    """
    found = list(islice(_repeatable(tokenizer), 2))
    if len(found) < 2:
        raise ModelError(
            "the tokenizer has no two tokens that can be repeated",
            where="plan --probe",
            fix="Run the suite without a probe.",
        )
    return found[0], found[1]


def _repeatable(tokenizer: Any) -> Iterator[str]:
    special = set(tokenizer.all_special_ids)
    for number in range(len(tokenizer)):
        word = tokenizer.decode([number]).strip()
        if number in special or not word.isalnum():
            continue
        text = f" {word}"
        # The difference of two lengths leaves out what the tokenizer puts around every text.
        lengths = [len(tokenizer(text * times)["input_ids"]) for times in (REPEATS, 2 * REPEATS)]
        if lengths[1] - lengths[0] == REPEATS:
            yield text
