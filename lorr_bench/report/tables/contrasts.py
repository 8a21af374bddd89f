"""The contrasts as tables: those declared beforehand, and those that no other table holds."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lorr_bench.report.cells import DAGGER, MINUS, NONE, p_text, percent, plural, points, span
from lorr_bench.report.contrasts import DECLARED, PRIMARY, declared_rows
from lorr_bench.report.measures import Measure
from lorr_bench.report.sentences.verdicts import verdict
from lorr_bench.report.sheets import Cell, Column, Sheet
from lorr_bench.values import Results

FILE = "contrasts.csv"
COLUMNS = (
    Column("contrast", "text"), Column("pairs", choice=True), Column("measure", "text", choice=True),
    Column("scores"), Column("Δ"), Column("corrected p"), Column("verdict", "text", choice=True),
    Column("would be found"),
)  # fmt: skip
HOW = (
    "Scores of both arms in %; Δ: difference in points, in brackets its 95 % interval. Would be found: the "
    "difference in points that the test finds in four of five such suites, at the level of the first step of "
    "its correction."
)


def declared_sheet(contrasts: pd.DataFrame) -> Sheet:
    """The contrasts that were declared beforehand, the largest budget first."""
    rows = declared_rows(contrasts)
    tests = int((rows["role"] == PRIMARY).sum())
    caption = (
        f"Corrected by Holm over {plural(str(tests), 'contrast')} at the largest budget. A smaller one is "
        f"tested if all were found at those above it. {HOW}"
    )
    return _sheet("tests", "Primary contrasts", caption, rows, main=True)


def other_sheet(results: Results, contrasts: pd.DataFrame) -> Sheet:
    """Secondary contrasts between arms of which neither is the other's baseline."""
    own = [
        results.baselines.get(treatment) == reference
        for treatment, reference in zip(contrasts["treatment"], contrasts["reference"], strict=True)
    ]
    rows = contrasts[~contrasts["role"].isin(DECLARED) & ~pd.Series(own, index=contrasts.index, dtype=bool)]
    caption = f"Corrected with the other secondary contrasts of their kind. {HOW}"
    return _sheet("contrasts", "Further contrasts", caption, rows, main=False)


def _sheet(name: str, label: str, caption: str, rows: pd.DataFrame, *, main: bool) -> Sheet:
    budgets = rows["unique_pairs"].to_list()
    breaks = frozenset(place for place in range(1, len(budgets)) if budgets[place] != budgets[place - 1])
    return Sheet(name, label, caption, COLUMNS, tuple(map(_row, rows.itertuples())), FILE, main, breaks)


def _row(row: Any) -> tuple[Cell, ...]:
    return (
        Cell(f"{row.treatment} {MINUS} {row.reference}"),
        Cell(f"{row.unique_pairs:,}"),
        Cell(Measure(row.benchmark, row.kind, row.metric).title),
        Cell(f"{percent(row.treatment_mean)} and {percent(row.reference_mean)}"),
        Cell(
            points(row.difference) + (DAGGER if row.role in DECLARED else ""),
            span(points(row.difference_low), points(row.difference_high)),
            bool(row.significant),
        ),
        Cell(NONE if math.isnan(row.p_holm) else p_text(row.p_holm).removeprefix("p = ").removeprefix("p ")),
        Cell(verdict(row).lower()),
        Cell("over 100" if row.detectable > 1 else percent(row.detectable)),
    )
