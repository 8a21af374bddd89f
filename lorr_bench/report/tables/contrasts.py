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
    MISSING,
    detectable,
    p_value,
    percent,
    plural,
    points,
)
from lorr_bench.report.frames import measure_of
from lorr_bench.report.sentences.captions import equivalence_caption
from lorr_bench.report.sentences.verdicts import contrast_name, verdict
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
EQUIVALENCE = Column("p of equivalence")
HOW_TO_READ = (
    "Scores of both arms in %; Δ: difference in points, in brackets its 95 % interval. Would be found: the "
    "difference in points that the test finds in four of five such suites, at the level of the first step of "
    "its correction."
)


def declared_table(contrasts: pd.DataFrame) -> Table:
    """The contrasts that were declared beforehand, the largest budget first."""
    rows = declared_rows(contrasts)
    tests = int((rows["role"] == PRIMARY).sum())
    named = " or those that they name" if rows["named_budgets"].any() else ""
    caption = " ".join(
        [
            f"Corrected by Holm over {plural(str(tests), 'contrast')} at the largest budget{named}. A "
            "smaller one is tested if all were found at those above it.",
            *equivalence_caption(rows),
            HOW_TO_READ,
        ]
    )
    return _table("tests", "Primary contrasts", caption, rows, main=True)


def further_table(study: Study, contrasts: pd.DataFrame) -> Table:
    """Secondary contrasts between arms of which neither is the other's baseline."""
    every: list[Any] = list(contrasts.itertuples())
    own = [
        study.results.baselines.get(row.treatment) == row.reference
        and row.unique_pairs == row.reference_pairs
        for row in every
    ]
    rows = contrasts[~contrasts["role"].isin(DECLARED) & ~pd.Series(own, index=contrasts.index, dtype=bool)]
    caption = f"Corrected with the other secondary contrasts of their kind. {HOW_TO_READ}"
    return _table("contrasts", "Further contrasts", caption, rows, main=False)


def _table(section: str, heading: str, caption: str, rows: pd.DataFrame, *, main: bool) -> Table:
    steps = rows["unique_pairs"].where(rows["role"] != PRIMARY, 0).to_list()
    tested = bool(rows["equivalence_margin"].notna().any())
    return Table(
        section=section,
        heading=heading,
        caption=caption,
        columns=(*COLUMNS, EQUIVALENCE) if tested else COLUMNS,
        rows=tuple(_cells(row, with_equivalence=tested) for row in rows.itertuples()),
        file="contrasts.csv",
        main=main,
        breaks=frozenset(row for row in range(1, len(steps)) if steps[row] != steps[row - 1]),
    )


def _cells(row: Any, *, with_equivalence: bool) -> tuple[Cell, ...]:
    budgets = dict.fromkeys((row.unique_pairs, row.reference_pairs))
    return (
        Cell(contrast_name(row)),
        Cell(" and ".join(f"{pairs:,}" for pairs in budgets)),
        Cell(measure_of(row).title),
        Cell(f"{percent(row.treatment_mean)} and {percent(row.reference_mean)}"),
        Cell(
            f"{points(row.difference)}{declared_mark(row)}",
            difference_interval(row),
            bool(row.significant),
        ),
        Cell(_p(row.p_holm)),
        Cell(verdict(row).lower()),
        Cell(detectable(row.detectable)),
        *([Cell(_p(row.p_equivalence_holm))] if with_equivalence else []),
    )


def _p(value: float) -> str:
    return MISSING if math.isnan(value) else p_value(value)
