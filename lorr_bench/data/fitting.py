"""Which rows fit the length that a method trains with, and what of them is cut.

One rule for every method and backend, so that arms of one ``max_length`` train on the same pairs:

- A prompt that alone reaches ``max_length`` leaves no room for a response: such a row is left out.
- A response is cut where prompt and response together exceed ``max_length``.
- Two responses that are equal after cutting say nothing about a preference: such a pair is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from lorr_bench.data.tokens import pair_ids, prompt_ids, sequence_ids
from lorr_bench.values import Demonstration, Pair, Prompt

ROWS_AT_ONCE: Final = 512
"""Rows that are tokenized before the next look at whether there are enough."""

MAX_NAMED: Final = 5
"""Rows that a message names; of the others it says how many there are."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that does not fit.

    Attributes:
        id: The row.
        tokens: Of its prompt where that is too long; else of prompt and longer response, before cutting.
    """

    id: str
    tokens: int


@dataclass(slots=True)
class FittedPairs:
    """Pairs that fit, in their order, and what was met on the way to the last of them.

    Attributes:
        pairs: The usable ones.
        chosen_cut: Of each of them, whether the preferred response is cut.
        rejected_cut: Of each of them, whether the other response is cut.
        long_prompts: Pairs left out because the prompt leaves no room for a response.
        equal: Pairs left out because both responses are equal after cutting.
        seen: Pairs looked at.
    """

    pairs: list[Pair] = field(default_factory=list)
    chosen_cut: list[bool] = field(default_factory=list)
    rejected_cut: list[bool] = field(default_factory=list)
    long_prompts: list[LeftOut] = field(default_factory=list)
    equal: list[LeftOut] = field(default_factory=list)
    seen: int = 0

    @property
    def left_out(self) -> int:
        """How many pairs were left out."""
        return len(self.long_prompts) + len(self.equal)


@dataclass(slots=True)
class FittedRows:
    """Prompts or demonstrations that fit, in their order.

    Attributes:
        rows: The usable ones.
        cut: How many of their responses are cut.
        long_prompts: Rows left out because the prompt leaves no room for a response.
        repeated: How many rows were left out because they are equal to one before them after cutting.
    """

    rows: list[Any] = field(default_factory=list)
    cut: int = 0
    long_prompts: list[LeftOut] = field(default_factory=list)
    repeated: int = 0


@dataclass(frozen=True)
class Lengths:
    """How long pairs are, in tokens, each list in rising order.

    Attributes:
        prompts: Of each prompt alone.
        longer: Of each prompt with the longer of its responses, end token included.
    """

    prompts: list[int]
    longer: list[int]


def pair_lengths(pairs: Iterable[Pair], tokenizer: Any) -> Lengths:
    """Measure pairs, none of them cut.

    Args:
        pairs: Texts; the empty response of a row that has one alone counts for nothing.
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
    """
    prompts, longer = [], []
    for _, prompt, chosen, rejected in _with_ids(pairs, tokenizer):
        prompts.append(len(prompt))
        longer.append(max(len(chosen), len(rejected)))
    return Lengths(sorted(prompts), sorted(longer))


def quantile(rising: Sequence[int], percent: int) -> int:
    """The smallest of the numbers that at least so many percent of them do not exceed.

    Args:
        rising: In rising order, at least one.
        percent: From 1 to 100.
    """
    return rising[-(-percent * len(rising) // 100) - 1]


def fit_pairs(pairs: Iterable[Pair], tokenizer: Any, max_length: int, wanted: int) -> FittedPairs:
    """The first usable pairs.

    Args:
        pairs: Texts, in the order of the data budget.
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
        max_length: Tokens of prompt and response together.
        wanted: How many usable ones are enough; nothing behind the last of them is looked at.
    """
    fitted = FittedPairs()
    if wanted <= 0:
        return fitted
    for pair, prompt, chosen, rejected in _with_ids(pairs, tokenizer):
        fitted.seen += 1
        if len(prompt) >= max_length:
            fitted.long_prompts.append(LeftOut(pair.id, len(prompt)))
        elif chosen[:max_length] == rejected[:max_length]:
            fitted.equal.append(LeftOut(pair.id, max(len(chosen), len(rejected))))
        else:
            fitted.pairs.append(pair)
            fitted.chosen_cut.append(len(chosen) > max_length)
            fitted.rejected_cut.append(len(rejected) > max_length)
            if len(fitted.pairs) == wanted:
                break
    return fitted


def fit_demonstrations(rows: Sequence[Demonstration], tokenizer: Any, max_length: int) -> FittedRows:
    """The responses that fit, each once after cutting."""
    fitted, known = FittedRows(), set[tuple[int, ...]]()
    prompts = [row.prompt for row in rows]
    whole = sequence_ids(rows, tokenizer)
    for row, prompt, ids in zip(rows, prompt_ids(prompts, tokenizer), whole, strict=True):
        content = tuple(ids[:max_length])
        if len(prompt) >= max_length:
            fitted.long_prompts.append(LeftOut(row.prompt[:40], len(prompt)))
        elif content in known:
            fitted.repeated += 1
        else:
            known.add(content)
            fitted.rows.append(row)
            fitted.cut += len(ids) > max_length
    return fitted


def fit_prompts(rows: Sequence[Prompt], tokenizer: Any, max_length: int) -> FittedRows:
    """The prompts that have fewer tokens."""
    fitted = FittedRows()
    for row, ids in zip(rows, prompt_ids([row.text for row in rows], tokenizer), strict=True):
        if len(ids) >= max_length:
            fitted.long_prompts.append(LeftOut(row.id, len(ids)))
        else:
            fitted.rows.append(row)
    return fitted


def named_rows(rows: Iterable[LeftOut]) -> str:
    """The first rows with their lengths: ``gsm8k-7 (2,113 tokens), ... and 3 more``."""
    listed = list(rows)
    first = ", ".join(f"{row.id} ({row.tokens:,} tokens)" for row in listed[:MAX_NAMED])
    more = len(listed) - MAX_NAMED
    return f"{first} and {more:,} more" if more > 0 else first


def _with_ids(
    pairs: Iterable[Pair], tokenizer: Any
) -> Iterator[tuple[Pair, list[int], list[int], list[int]]]:
    """Each pair with the tokens of its prompt, and of its prompt with each response."""
    rest = iter(pairs)
    while part := list(islice(rest, ROWS_AT_ONCE)):
        prompts = prompt_ids([pair.prompt for pair in part], tokenizer)
        yield from zip(part, prompts, *pair_ids(part, tokenizer), strict=True)
