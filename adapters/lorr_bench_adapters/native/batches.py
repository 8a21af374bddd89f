"""Which rows each update takes, and what share of it each process has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

UPDATES_PER_WINDOW: Final = 8
"""Rows are grouped by length within so many updates of the loop's order."""

T = TypeVar("T")

Weighing = Literal["micro_batches", "tokens"]
"""What weighs the same in an update: each micro-batch, as in transformers.Trainer, or each response token, as
in TRL's SFTTrainer."""


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What one process passes through the model at once.

    Attributes:
        rows: Row numbers; one row of another process, where there is none left for this one.
        weight: Share of the update's loss, times the number of processes, which the average of the gradients
            over processes divides by; 0 where the rows are another process's.
        visited: How many of the rows count as this process's.
    """

    rows: tuple[int, ...]
    weight: float
    visited: int


def updates(
    order: Sequence[int],
    tokens: Sequence[int],
    *,
    batch_size: int,
    accumulation: int,
    processes: int,
    rank: int,
    weighing: Weighing,
) -> list[list[MicroBatch]]:
    """The micro-batches of one process, update by update.

    Args:
        order: Row numbers in the order to train on them.
        tokens: Response tokens of each row, by row number.
        batch_size: Rows of a micro-batch of one process.
        accumulation: Micro-batches of an update.
        processes: How many processes share each micro-batch.
        rank: Which of them this is.
        weighing: What makes the mean over an update.
    """
    batches = parts(order, batch_size * processes)
    return [
        [
            _micro_batch(rows, share, batch_size, processes, rank)
            for rows, share in _shares(update, tokens, weighing)
        ]
        for update in parts(batches, accumulation)
    ]


def grouped_by_length(order: Sequence[int], sizes: Sequence[int], batch_size: int, window: int) -> list[int]:
    """The order with rows of like length next to each other, within windows of it.

    Batches stand where the first of their rows stood, so short and long ones stay mixed.

    Args:
        order: Row numbers.
        sizes: Length of each row, by row number.
        batch_size: Rows of a batch.
        window: Rows of a window.
    """
    grouped: list[int] = []
    for rows in parts(order, window):
        place = {row: number for number, row in enumerate(rows)}
        batches = parts(sorted(rows, key=lambda row: sizes[row]), batch_size)
        for batch in sorted(batches, key=lambda batch: min(place[row] for row in batch)):
            grouped.extend(batch)
    return grouped


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Consecutive parts of ``size`` items; the last one may be smaller."""
    return [items[begin : begin + size] for begin in range(0, len(items), size)]


def _shares(
    update: Sequence[Sequence[int]], tokens: Sequence[int], weighing: Weighing
) -> list[tuple[Sequence[int], dict[int, float]]]:
    """The micro-batches of all processes, each with the share that each of its rows has in the update."""
    if weighing == "tokens":
        total = sum(tokens[row] for rows in update for row in rows)
        return [(rows, {row: tokens[row] / total for row in rows}) for rows in update]
    return [(rows, dict.fromkeys(rows, 1 / len(rows) / len(update))) for rows in update]


def _micro_batch(
    rows: Sequence[int], share: dict[int, float], batch_size: int, processes: int, rank: int
) -> MicroBatch:
    mine = rows[rank * batch_size : (rank + 1) * batch_size]
    weight = math.fsum(share[row] for row in mine) * processes
    return MicroBatch(tuple(mine or rows[:1]), weight, len(mine))
