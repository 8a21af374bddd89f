"""The contrasts as tables: those declared beforehand, and those that no other table holds."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lorr_bench.report.contrasts import (
    DECLARED,
    PRIMARY,
    declared_mark,
    declared_rows,
    difference_interval,
)
from lorr_bench.report.formatting import (
    MINUS,
    MISSING,
    detectable,
    p_value,
    percent,
    plural,
    points,
)
from lorr_bench.report.frames import measure_of
from lorr_bench.report.sentences.verdicts import verdict
from lorr_bench.report.study import Study
from lorr_bench.report.table import Cell, Column, Table

COLUMNS = (
    Column("contrast", "text"),
    Column("pairs", choice=True),
    Column("measure", "text", choice=True),
    Column("scores"),
    Column("Δ"),
    Column("corrected p"),
    Column("verdict", "text", choice=True),
    Column("would be found"),
)
HOW_TO_READ = (
    "Scores of both arms in %; Δ: difference in points, in brackets its 95 % interval. Would be found: the "
    "difference in points that the test finds in four of five such suites, at the level of the first step of "
    "its correction."
)


def declared_table(contrasts: pd.DataFrame) -> Table:
    """The contrasts that were declared beforehand, the largest budget first."""
    rows = declared_rows(contrasts)
    tests = int((rows["role"] == PRIMARY).sum())
    caption = (
        f"Corrected by Holm over {plural(str(tests), 'contrast')} at the largest budget. A smaller one is "
        f"tested if all were found at those above it. {HOW_TO_READ}"
    )
    return _table("tests", "Primary contrasts", caption, rows, main=True)


def further_table(study: Study, contrasts: pd.DataFrame) -> Table:
    """Secondary contrasts between arms of which neither is the other's baseline."""
    own = [
        study.results.baselines.get(treatment) == reference
        for treatment, reference in zip(contrasts["treatment"], contrasts["reference"], strict=True)
    ]
    rows = contrasts[~contrasts["role"].isin(DECLARED) & ~pd.Series(own, index=contrasts.index, dtype=bool)]
    caption = f"Corrected with the other secondary contrasts of their kind. {HOW_TO_READ}"
    return _table("contrasts", "Further contrasts", caption, rows, main=False)


def _table(section: str, heading: str, caption: str, rows: pd.DataFrame, *, main: bool) -> Table:
    budgets = rows["unique_pairs"].to_list()
    return Table(
        section=section,
        heading=heading,
        caption=caption,
        columns=COLUMNS,
        rows=tuple(map(_cells, rows.itertuples())),
        file="contrasts.csv",
        main=main,
        breaks=frozenset(row for row in range(1, len(budgets)) if budgets[row] != budgets[row - 1]),
    )


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        Cell(f"{row.treatment} {MINUS} {row.reference}"),
        Cell(f"{row.unique_pairs:,}"),
        Cell(measure_of(row).title),
        Cell(f"{percent(row.treatment_mean)} and {percent(row.reference_mean)}"),
        Cell(
            f"{points(row.difference)}{declared_mark(row)}",
            difference_interval(row),
            bool(row.significant),
        ),
        Cell(MISSING if math.isnan(row.p_holm) else p_value(row.p_holm)),
        Cell(verdict(row).lower()),
        Cell(detectable(row.detectable)),
    )
