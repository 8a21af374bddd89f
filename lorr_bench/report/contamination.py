"""How much of each benchmark the training prompts hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict

import pandas as pd

from lorr_bench.report import cells
from lorr_bench.report.rows import OverlapRow
from lorr_bench.values import Overlap, Results

OVERLAP_COLUMNS = (
    "benchmark", "seed", "ngram", "prompts", "problems", "overlapping", "share", "examples",
)  # fmt: skip
MOST_EXAMPLES = 5


def overlap_table(results: Results) -> pd.DataFrame:
    """What was found, one row a benchmark and seed.

    Returns:
        Columns ``benchmark, seed, ngram, prompts, problems, overlapping, share, examples``.
    """
    rows = [
        {**asdict(line), "share": _share(line), "examples": " ".join(line.examples)}
        for line in results.overlaps
    ]
    return pd.DataFrame(rows, columns=list(OVERLAP_COLUMNS))


def overlap_rows(results: Results) -> tuple[OverlapRow, ...]:
    """One row a benchmark and n-gram length, a range where seeds differ."""
    groups: dict[tuple[str, int], list[Overlap]] = {}
    for line in results.overlaps:
        groups.setdefault((line.benchmark, line.ngram), []).append(line)
    return tuple(_row(benchmark, ngram, lines) for (benchmark, ngram), lines in groups.items())


def _row(benchmark: str, ngram: int, lines: Sequence[Overlap]) -> OverlapRow:
    examples = list(dict.fromkeys(example for line in lines for example in line.examples))
    return OverlapRow(
        benchmark,
        f"{_range([line.prompts for line in lines], _count)} ({ngram} words in a row)",
        _range([line.problems for line in lines], _count),
        _range([line.overlapping for line in lines], _count),
        _range([_share(line) for line in lines], cells.percent),
        ", ".join(examples[:MOST_EXAMPLES]),
    )


def _share(line: Overlap) -> float:
    return line.overlapping / line.problems if line.problems else math.nan


def _count(value: float) -> str:
    return f"{value:,}"


def _range(values: Sequence[float], form: Callable[[float], str]) -> str:
    return cells.either(form(min(values)), form(max(values)))
