"""Which problems a report shows: some of each way in which two models' verdicts can fall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lorr_bench.store.generations import PROBLEMS_FILE, VERDICTS_FILE, read_lines

Folders = tuple[Path, Path]
"""Of a model's answers to a benchmark, and of the verdicts on them."""


def sampled_ids(pair: tuple[Folders, Folders] | None, answers: Path, count: int) -> frozenset[str]:
    """Problems of a benchmark, the first of each verdict pattern.

    Args:
        pair: Folders of a baseline and of the arm that is compared with it; None where one has no verdicts.
        answers: A folder of answers to the benchmark.
        count: How many of each pattern; without a pair, how many in all.

    Returns:
        Ids of problems.
    """
    ids = [row["id"] for row in read_lines(answers / PROBLEMS_FILE)]
    patterns = _patterns(*pair) if pair else [()] * len(ids)
    return frozenset(_first_of_each(ids, patterns, count))


def _first_of_each(ids: Sequence[str], patterns: Sequence[tuple[bool, ...]], count: int) -> Iterator[str]:
    taken: Counter[tuple[bool, ...]] = Counter()
    for problem, pattern in zip(ids, patterns, strict=False):  # a damaged file may end early
        taken[pattern] += 1
        if taken[pattern] <= count:
            yield problem


def _patterns(left: Folders, right: Folders) -> list[tuple[bool, ...]]:
    """Whether each model is right, problem by problem: the first rows are one answer to each problem."""
    rows = zip(*(read_lines(verdicts / VERDICTS_FILE) for _, verdicts in (left, right)), strict=False)
    return [tuple(bool(verdict["correct"]) for verdict in verdicts) for verdicts in rows]
