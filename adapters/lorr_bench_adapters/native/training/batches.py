"""Which rows each update takes, and what share of it each process has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

UPDATES_PER_WINDOW: Final = 8
"""Rows are grouped by length within so many updates of the loop's order."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What one process passes through the model at once.

    Attributes:
        rows: Row numbers; one row of another process, where there is none left for this one.
        weight: Share of the update's rows, times the number of processes, which the average of the gradients
            over processes divides by; 0 where the rows are another process's.
        tokens_per_row: Mean over all rows of the update.
        visited: How many of the rows count as this process's.
    """

    rows: tuple[int, ...]
    weight: float
    tokens_per_row: float
    visited: int


def updates(
    order: Sequence[int],
    tokens: Sequence[int],
    *,
    batch_size: int,
    accumulation: int,
    processes: int,
    rank: int,
) -> list[list[MicroBatch]]:
    """The micro-batches of one process, update by update.

    Each row weighs the same in an update, and so does each token, in whichever micro-batch and process it
    lies. (In transformers.Trainer each micro-batch does, the smaller one at the end of an epoch too.)

    Args:
        order: Row numbers in the order to train on them.
        tokens: Tokens of each row over which a likelihood is a mean, by row number.
        batch_size: Rows of a micro-batch of one process.
        accumulation: Micro-batches of an update.
        processes: How many processes share each micro-batch.
        rank: Which of them this is.
    """
    batches = parts(order, batch_size * processes)
    found = []
    for update in parts(batches, accumulation):
        rows = [row for batch in update for row in batch]
        tokens_per_row = sum(tokens[row] for row in rows) / len(rows)
        mine = [(batch[rank * batch_size : (rank + 1) * batch_size], batch[:1]) for batch in update]
        found.append(
            [
                MicroBatch(tuple(own or stand_in), len(own) * processes / len(rows), tokens_per_row, len(own))
                for own, stand_in in mine
            ]
        )
    return found


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
