"""How much of each benchmark the training prompts hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict

import pandas as pd

from lorr_bench.report.cells import either, percent
from lorr_bench.report.sheets import Cell, Column, Sheet, text_cells
from lorr_bench.values import Overlap, Results

OVERLAP_COLUMNS = (
    "benchmark", "seed", "ngram", "prompts", "problems", "overlapping", "share", "examples",
)  # fmt: skip
MAX_EXAMPLES = 5


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


def overlap_sheet(results: Results) -> Sheet:
    """One row a benchmark and n-gram length, a range where seeds differ."""
    columns = (
        Column("benchmark", "text"), Column("training prompts"), Column("problems"), Column("overlapping"),
        Column("share (%)"), Column("examples", "text"),
    )  # fmt: skip
    caption = (
        "Problems of each benchmark that share a run of words with a training prompt. Common turns of phrase "
        "match too: this is where to look, not a proof."
    )
    groups: dict[tuple[str, int], list[Overlap]] = {}
    for line in results.overlaps:
        groups.setdefault((line.benchmark, line.ngram), []).append(line)
    rows = tuple(_cells(benchmark, ngram, lines) for (benchmark, ngram), lines in groups.items())
    return Sheet("overlaps", "Contamination", caption, columns, rows, "overlaps.csv", main=True)


def _cells(benchmark: str, ngram: int, lines: Sequence[Overlap]) -> tuple[Cell, ...]:
    examples = list(dict.fromkeys(example for line in lines for example in line.examples))
    return text_cells(
        benchmark,
        f"{_range([line.prompts for line in lines], _count)} ({ngram} words in a row)",
        _range([line.problems for line in lines], _count),
        _range([line.overlapping for line in lines], _count),
        _range([_share(line) for line in lines], percent),
        ", ".join(examples[:MAX_EXAMPLES]),
    )


def _share(line: Overlap) -> float:
    return line.overlapping / line.problems if line.problems else math.nan


def _count(value: float) -> str:
    return f"{value:,}"


def _range(values: Sequence[float], form: Callable[[float], str]) -> str:
    return either(form(min(values)), form(max(values)))
