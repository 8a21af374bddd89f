"""Figures that others published beside ours.

Base models differ by up to 21 points between sources, so what is comparable is what training added: the
difference to the start model of the same source, measured in the same way.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lorr_bench.report.cells import points, with_deviation
from lorr_bench.report.measures import Measure, all_measures
from lorr_bench.report.sheets import ARM, BENCHMARK, Cell, Column, Sheet, text_cells
from lorr_bench.report.tables.comparison import largest_rows
from lorr_bench.values import START, Published, Results

PUBLISHED_COLUMNS = (
    "benchmark", "arm", "metric", "ours", "ours_deviation", "ours_gain", "published", "deviation",
    "published_gain", "model", "protocol", "source", "note",
)  # fmt: skip

CAUTION = (
    "Ours at the largest budget. One and the same base model is printed with up to 21 points of difference "
    "between sources (on MATH-500), so no score can be set against another one's: only what training added, "
    "and only where the source evaluated its start model too."
)


def published_table(results: Results, comparison: pd.DataFrame) -> pd.DataFrame:
    """Published figures of benchmarks and arms that this suite has, beside its own at the largest budget.

    Args:
        results: The results.
        comparison: Their comparison table.

    Returns:
        One row a published figure, as shares: ``benchmark, arm, metric, ours, ours_deviation, ours_gain,
        published, deviation, published_gain, model, protocol, source, note``. Gains are differences to the
        own start model, of a published figure to that of the same source and protocol; NaN where there is
        none, and for start models.
    """
    found = largest_rows(comparison)
    rows = []
    for figure in results.published:
        measure = _measure(results, figure)
        ours = None if measure is None else found.get((figure.arm, measure))
        if ours is not None and measure is not None:
            start = found.get((START.arm, measure))
            rows.append(
                (
                    figure.benchmark, figure.arm, measure.metric, ours.mean, ours.deviation,
                    _gain(figure.arm, ours.mean, None if start is None else start.mean),
                    figure.value, figure.deviation, _gain(figure.arm, figure.value, _base(results, figure)),
                    figure.model, figure.protocol, figure.source, figure.note,
                )
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(PUBLISHED_COLUMNS))


def published_sheet(table: pd.DataFrame) -> Sheet:
    """That table for reading."""
    columns = (
        ARM, BENCHMARK, Column("ours"), Column("published"), Column("our gain"), Column("published gain"),
        Column("model", "text", choice=True), Column("protocol", "text"),
        Column("source", "text", choice=True), Column("note", "text"),
    )  # fmt: skip
    caption = f"Scores in %, gains over the same source's start model in points. {CAUTION}"
    rows = tuple(map(_cells, table.itertuples()))
    return Sheet("published", "Published figures beside ours", caption, columns, rows, "published.csv")


def _cells(row: Any) -> tuple[Cell, ...]:
    return text_cells(
        "start model" if row.arm == START.arm else row.arm,
        row.benchmark,
        f"{with_deviation(row.ours, row.ours_deviation)} ({row.metric})",
        with_deviation(row.published, row.deviation),
        *("" if math.isnan(gain) else points(gain) for gain in (row.ours_gain, row.published_gain)),
        row.model,
        row.protocol,
        row.source,
        row.note,
    )


def _measure(results: Results, figure: Published) -> Measure | None:
    """Ours on the same benchmark: the metric that the source's protocol begins with, greedy, or the first."""
    metric = figure.protocol.partition(";")[0]
    same = [measure for measure in all_measures(results) if measure.benchmark == figure.benchmark]
    ranked = sorted(same, key=lambda measure: (measure.metric != metric, measure.metric != "greedy"))
    return ranked[0] if ranked else None


def _base(results: Results, figure: Published) -> float | None:
    """The start model of the same source, measured in the same way."""
    same = (figure.source, figure.protocol, figure.benchmark)
    bases = [
        other.value
        for other in results.published
        if other.arm == START.arm and (other.source, other.protocol, other.benchmark) == same
    ]
    return bases[0] if bases else None


def _gain(arm: str, value: float, base: float | None) -> float:
    return math.nan if base is None or arm == START.arm else value - base
