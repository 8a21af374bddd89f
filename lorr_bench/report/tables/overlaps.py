"""How much of each benchmark the training prompts hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict

import pandas as pd

from lorr_bench.report.formatting import percent, value_range
from lorr_bench.report.table import Cell, Column, Table, text_cells
from lorr_bench.values import Overlap, Results

COLUMNS = ("benchmark", "seed", "ngram", "prompts", "problems", "overlapping", "share", "examples")
MAX_EXAMPLES = 5


def overlap_frame(results: Results) -> pd.DataFrame:
    """What was found, one row a benchmark and seed.

    Returns:
        Columns ``benchmark, seed, ngram, prompts, problems, overlapping, share, examples``.
    """
    rows = [
        {**asdict(overlap), "share": _share(overlap), "examples": " ".join(overlap.examples)}
        for overlap in results.overlaps
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def overlap_table(results: Results) -> Table:
    """One row a benchmark and n-gram length, a range where seeds differ."""
    groups: dict[tuple[str, int], list[Overlap]] = {}
    for overlap in results.overlaps:
        groups.setdefault((overlap.benchmark, overlap.ngram), []).append(overlap)
    return Table(
        section="overlaps",
        heading="Contamination",
        caption=(
            "Problems of each benchmark that share a run of words with a training prompt. Common turns of "
            "phrase match too: this is where to look, not a proof."
        ),
        columns=(
            Column("benchmark", "text"),
            Column("training prompts"),
            Column("problems"),
            Column("overlapping"),
            Column("share (%)"),
            Column("examples", "text"),
        ),
        rows=tuple(_cells(benchmark, ngram, overlaps) for (benchmark, ngram), overlaps in groups.items()),
        file="overlaps.csv",
        main=True,
    )


def _cells(benchmark: str, ngram: int, overlaps: Sequence[Overlap]) -> tuple[Cell, ...]:
    examples = list(dict.fromkeys(example for overlap in overlaps for example in overlap.examples))
    return text_cells(
        benchmark,
        f"{_range([overlap.prompts for overlap in overlaps], _count)} ({ngram} words in a row)",
        _range([overlap.problems for overlap in overlaps], _count),
        _range([overlap.overlapping for overlap in overlaps], _count),
        _range([_share(overlap) for overlap in overlaps], percent),
        ", ".join(examples[:MAX_EXAMPLES]),
    )


def _share(overlap: Overlap) -> float:
    return overlap.overlapping / overlap.problems if overlap.problems else math.nan


def _count(value: float) -> str:
    return f"{value:,}"


def _range(values: Sequence[float], form: Callable[[float], str]) -> str:
    return value_range(form(min(values)), form(max(values)))
