"""How token sequences lie in a batch.

A training row is a ``Tree``: a stem that its responses have in common (the prompt, and the responses as far
as they are equal) and a branch for what is left of each. ``pack`` lays trees behind one another without
padding, so that each stem passes through the model once; ``pad`` lays every response with its prompt in a
line of its own, as any model takes it. Both answer the same question, which hidden state predicts which
token, in the same form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from lorr_bench.data.tokens import common_length

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

TREES_PER_BUCKET: Final = 8
"""Attention runs over buckets of trees of like length, each padded to its longest."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One training row.

    Attributes:
        sequences: Prompt and response, for each response.
        prompt_length: Tokens of the prompt.
        stem: Tokens that all sequences have in common at the start.
    """

    sequences: tuple[list[int], ...]
    prompt_length: int
    stem: int

    @classmethod
    def of(cls, prompt: Sequence[int], *responses: Sequence[int]) -> Tree:
        """The tree of a prompt and its responses."""
        sequences = tuple([*prompt, *response] for response in responses)
        stem = min(common_length(sequences[0], other) for other in sequences)
        return cls(sequences, len(prompt), stem)

    @property
    def tokens(self) -> int:
        """Tokens of all sequences, the prompt counted with every response."""
        return sum(map(len, self.sequences))

    def likelihood_tokens(self, *, with_prompt: bool) -> int:
        """Tokens of the first response, or of it and the prompt, that have a token before them."""
        begin = 1 if with_prompt else max(1, self.prompt_length)
        return len(self.sequences[0]) - begin

    @property
    def part_lengths(self) -> tuple[int, ...]:
        """Tokens of the stem, and of each branch."""
        return self.stem, *(len(sequence) - self.stem for sequence in self.sequences)

    @property
    def size(self) -> int:
        """Tokens with the stem counted once."""
        return self.tokens - (len(self.sequences) - 1) * self.stem


@dataclass(frozen=True)
class Bucket:
    """Trees of like length, padded for attention.

    Attributes:
        index: (trees, longest) where each token lies in the packed line; 0 at padding.
        branch: (trees, longest) which branch each place belongs to: 0 the stem, -1 padding.
    """

    index: Tensor
    branch: Tensor

    @cached_property
    def mask(self) -> Tensor:
        """(trees, 1, longest, longest) true where a token attends to another; made where the bucket lies.

        Padding attends to padding alone and nothing else attends to it, so what it holds never matters.
        """
        of_key, of_query = self.branch[:, None, None, :], self.branch[:, None, :, None]
        sees = (of_key == of_query) | ((of_key == 0) & (of_query > 0))
        return sees.tril()


@dataclass(frozen=True, slots=True)
class Segments:
    """Stems and branches as sequences of different length, whose last query sees all of its keys.

    Queries of a segment lie behind one another in the packed line. Its keys are the stem's and its own.

    Attributes:
        keys: (gathered,) where each key lies in the packed line.
        copies: (most, tokens) for each token its places in ``keys``; ``gathered``, one too many, where it has
            fewer.
        query_ends: (segments + 1,) int32, where each segment begins among the queries, and the end.
        key_ends: The same among the keys.
        longest_query: Tokens of the longest segment.
        longest_key: Its longest keys.
    """

    keys: Tensor
    copies: Tensor
    query_ends: Tensor
    key_ends: Tensor
    longest_query: int
    longest_key: int


@dataclass(frozen=True, slots=True)
class Packing:
    """How attention finds the trees in a packed line.

    Attributes:
        buckets: The trees, padded.
        padded: (slots,) the indexes of all buckets, flattened and joined.
        restored: (tokens,) for each token its place in ``padded``.
        segments: The trees, cut into stems and branches.
        kernel: The kernel that is to be used; None for the best one.
    """

    buckets: tuple[Bucket, ...]
    padded: Tensor
    restored: Tensor
    segments: Segments
    kernel: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A batch: all first responses of its trees, then all second ones.

    Attributes:
        tokens: (lines, width) input of the model; one line where it is packed.
        positions: (lines, width) position of each token in its sequence.
        attention_mask: (lines, width) 1 at tokens, 0 at padding; None where it is packed.
        packing: How attention finds the trees; None where it is padded.
        predictors: (scored,) index into the flattened lines of the token before each scored one.
        targets: (scored,) the scored tokens, sequence by sequence.
        slots: (scored,) where the log-probability of each belongs in the flattened (sequences, places).
        mask: (sequences, places) 1 where a place holds a token of the response.
        scored: (sequences, places) 1 where it holds any scored token, of the prompt too where that was asked.
    """

    tokens: Tensor
    positions: Tensor
    attention_mask: Tensor | None
    packing: Packing | None
    predictors: Tensor
    targets: Tensor
    slots: Tensor
    mask: Tensor
    scored: Tensor


def pack(trees: Sequence[Tree], *, scores_prompt: bool = False) -> Layout:
    """Trees behind one another in one line.

    Args:
        trees: Rows of a batch, each with equally many responses.
        scores_prompt: Whether the tokens of the prompts are scored too.
    """
    begins = np.cumsum([0, *(tree.size for tree in trees)])
    places = [_places(tree, begin) for tree, begin in zip(trees, begins[:-1], strict=True)]
    line = np.zeros(begins[-1], dtype=np.int64)
    positions = np.zeros_like(line)
    for tree, of_tree in zip(trees, places, strict=True):
        for sequence, at in zip(tree.sequences, of_tree, strict=True):
            line[at] = sequence
            positions[at] = np.arange(len(sequence))
    return Layout(
        tokens=torch.from_numpy(line)[None],
        positions=torch.from_numpy(positions)[None],
        attention_mask=None,
        packing=_packing(trees, begins),
        **_scores(trees, places, scores_prompt),
    )


def pad(trees: Sequence[Tree], *, scores_prompt: bool = False) -> Layout:
    """Every response with its prompt in a line of its own, filled up on the right.

    Args:
        trees: Rows of a batch, each with equally many responses.
        scores_prompt: Whether the tokens of the prompts are scored too.
    """
    sequences = _by_response([tree.sequences for tree in trees])
    width = max(map(len, sequences))
    lines = np.zeros((len(sequences), width), dtype=np.int64)
    attention = np.zeros_like(lines)
    for number, sequence in enumerate(sequences):
        lines[number, : len(sequence)] = sequence
        attention[number, : len(sequence)] = 1
    count = len(trees)
    places = [
        tuple(
            np.arange(len(sequence)) + (k * count + row) * width for k, sequence in enumerate(tree.sequences)
        )
        for row, tree in enumerate(trees)
    ]
    positions = np.broadcast_to(np.arange(width), lines.shape).copy()
    return Layout(
        tokens=torch.from_numpy(lines),
        positions=torch.from_numpy(positions),
        attention_mask=torch.from_numpy(attention),
        packing=None,
        **_scores(trees, places, scores_prompt),
    )


def moved(value: Any, device: Any) -> Any:
    """A layout, or a part of one, with its tensors on a device."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, tuple):
        return tuple(moved(part, device) for part in value)
    if isinstance(value, Layout | Packing | Bucket | Segments):
        return type(value)(**{f.name: moved(getattr(value, f.name), device) for f in fields(value)})
    return value


def _places(tree: Tree, begin: int) -> tuple[NDArray[np.int64], ...]:
    """Where the tokens of each sequence lie in the packed line."""
    places, at = [], begin + tree.stem
    stem = np.arange(begin, at)
    for sequence in tree.sequences:
        branch = len(sequence) - tree.stem
        places.append(np.concatenate([stem, np.arange(at, at + branch)]))
        at += branch
    return tuple(places)


def _scores(
    trees: Sequence[Tree], places: Sequence[tuple[NDArray[np.int64], ...]], scores_prompt: bool
) -> dict[str, Tensor]:
    sequences = _by_response([tree.sequences for tree in trees])
    borders = [tree.prompt_length for tree in trees] * len(trees[0].sequences)
    firsts = [1 if scores_prompt else max(1, border) for border in borders]
    counts = np.array([len(s) - first for s, first in zip(sequences, firsts, strict=True)])
    width = max(1, int(counts.max()))
    column = np.arange(width)
    scored = column < counts[:, None]
    mask = scored & (column >= (np.array(borders) - firsts)[:, None])
    predictors = [at[f - 1 : -1] for at, f in zip(_by_response(places), firsts, strict=True)]
    targets = [np.array(s[f:], dtype=np.int64) for s, f in zip(sequences, firsts, strict=True)]
    return {
        "predictors": torch.from_numpy(np.concatenate(predictors)),
        "targets": torch.from_numpy(np.concatenate(targets)),
        "slots": torch.from_numpy(np.flatnonzero(scored)),
        "mask": torch.from_numpy(mask.astype(np.int64)),
        "scored": torch.from_numpy(scored.astype(np.int64)),
    }


def _by_response(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The first of every row, then the second of every row, and so on."""
    return [value for column in zip(*rows, strict=True) for value in column]


def _packing(trees: Sequence[Tree], begins: NDArray[np.int64]) -> Packing:
    by_length = sorted(range(len(trees)), key=lambda row: trees[row].size)
    count = math.ceil(len(trees) / TREES_PER_BUCKET)
    buckets = [_bucket(trees, begins, part.tolist()) for part in np.array_split(by_length, count)]
    padded = torch.cat([bucket.index.flatten() for bucket in buckets])
    real = torch.cat([bucket.branch.flatten() >= 0 for bucket in buckets]).nonzero()[:, 0]
    restored = torch.empty(int(begins[-1]), dtype=torch.int64)
    restored[padded[real]] = real
    return Packing(tuple(buckets), padded, restored, _segments(trees, begins))


def _bucket(trees: Sequence[Tree], begins: NDArray[np.int64], rows: Sequence[int]) -> Bucket:
    longest = max(trees[row].size for row in rows)
    index = np.zeros((len(rows), longest), dtype=np.int64)
    branch = np.full_like(index, -1)
    for line, row in enumerate(rows):
        index[line, : trees[row].size] = np.arange(begins[row], begins[row + 1])
        lengths = trees[row].part_lengths
        branch[line, : trees[row].size] = np.repeat(np.arange(len(lengths)), lengths)
    return Bucket(torch.from_numpy(index), torch.from_numpy(branch))


def _segments(trees: Sequence[Tree], begins: NDArray[np.int64]) -> Segments:
    keys, queries = [], []
    for tree, begin in zip(trees, begins[:-1], strict=True):
        stem, at = np.arange(begin, begin + tree.stem), begin
        for number, length in enumerate(tree.part_lengths):
            own = np.arange(at, at + length)
            at += length
            if length:
                keys.append(own if number == 0 else np.concatenate([stem, own]))
                queries.append(length)
    counts = [len(part) for part in keys]
    gathered = np.concatenate(keys)
    return Segments(
        keys=torch.from_numpy(gathered),
        copies=torch.from_numpy(_copies(gathered, int(begins[-1]))),
        query_ends=torch.from_numpy(np.cumsum([0, *queries]).astype(np.int32)),
        key_ends=torch.from_numpy(np.cumsum([0, *counts]).astype(np.int32)),
        longest_query=max(queries),
        longest_key=max(counts),
    )


def _copies(gathered: NDArray[np.int64], tokens: int) -> NDArray[np.int64]:
    """For each token its places in ``gathered``, filled up with the number behind the last one."""
    order = np.argsort(gathered, kind="stable")
    counts = np.bincount(gathered, minlength=tokens)
    copies = np.full((int(counts.max()), tokens), len(gathered), dtype=np.int64)
    rank = np.arange(len(gathered)) - np.repeat(np.cumsum(counts) - counts, counts)
    copies[rank, gathered[order]] = order
    return copies
