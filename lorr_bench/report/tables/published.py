"""Figures that others published beside ours.

Base models differ by up to 21 points between sources, so what is comparable is what training added: the
difference to the start model of the same source, measured in the same way.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import START_MODEL, points, with_deviation
from lorr_bench.report.study import Study
from lorr_bench.report.table import ARM, BENCHMARK, Cell, Column, Table, text_cells
from lorr_bench.report.tables.comparison import Comparison
from lorr_bench.values import START, Measure, Published, Results, preferred

COLUMNS = (
    "benchmark",
    "arm",
    "metric",
    "ours",
    "ours_deviation",
    "ours_gain",
    "published",
    "deviation",
    "published_gain",
    "model",
    "protocol",
    "source",
    "note",
)
CAUTION = (
    "Ours at the largest budget. One and the same base model is printed with up to 21 points of difference "
    "between sources (on MATH-500), so no score can be set against another one's: only what training added, "
    "and only where the source evaluated its start model too."
)


def published_frame(study: Study, comparison: Comparison) -> pd.DataFrame:
    """Published figures of benchmarks and arms that this suite has, beside its own at the largest budget.

    Args:
        study: The results.
        comparison: Their comparison.

    Returns:
        One row a published figure, as shares: ``benchmark, arm, metric, ours, ours_deviation, ours_gain,
        published, deviation, published_gain, model, protocol, source, note``. Gains are differences to the
        own start model, of a published figure to that of the same source and protocol; NaN where there is
        none, and for start models.
    """
    rows = (_row(study, comparison, figure) for figure in study.results.published)
    return pd.DataFrame([row for row in rows if row], columns=list(COLUMNS))


def published_table(frame: pd.DataFrame) -> Table:
    """That frame for reading."""
    return Table(
        section="published",
        heading="Published figures beside ours",
        caption=f"Scores in %, gains over the same source's start model in points. {CAUTION}",
        columns=(
            ARM,
            BENCHMARK,
            Column("ours"),
            Column("published"),
            Column("our gain"),
            Column("published gain"),
            Column("model", "text", choice=True),
            Column("protocol", "text"),
            Column("source", "text", choice=True),
            Column("note", "text"),
        ),
        rows=tuple(map(_cells, frame.itertuples())),
        notes=(CAUTION,),
        file="published.csv",
    )


def _cells(row: Any) -> tuple[Cell, ...]:
    return text_cells(
        START_MODEL if row.arm == START.arm else row.arm,
        row.benchmark,
        f"{with_deviation(row.ours, row.ours_deviation)} ({row.metric})",
        with_deviation(row.published, row.deviation),
        *("" if math.isnan(gain) else points(gain) for gain in (row.ours_gain, row.published_gain)),
        row.model,
        row.protocol,
        row.source,
        row.note,
    )


def _row(study: Study, comparison: Comparison, figure: Published) -> dict[str, Any]:
    """The row of a published figure; nothing where this suite has no score to set beside it."""
    measure = _measure(study, figure)
    ours = None if measure is None else comparison.at_largest_budget.get((figure.arm, measure))
    if ours is None or measure is None:
        return {}
    start = comparison.at_largest_budget.get((START.arm, measure))
    return {
        "benchmark": figure.benchmark,
        "arm": figure.arm,
        "metric": measure.metric,
        "ours": ours.mean,
        "ours_deviation": ours.deviation,
        "ours_gain": _gain(figure.arm, ours.mean, None if start is None else start.mean),
        "published": figure.value,
        "deviation": figure.deviation,
        "published_gain": _gain(figure.arm, figure.value, _base(study.results, figure)),
        "model": figure.model,
        "protocol": figure.protocol,
        "source": figure.source,
        "note": figure.note,
    }


def _measure(study: Study, figure: Published) -> Measure | None:
    """Ours on the same benchmark: the metric that the source's protocol begins with, else the preferred."""
    metric = figure.protocol.partition(";")[0]
    same = [measure for measure in study.tested_measures if measure.benchmark == figure.benchmark]
    named = (measure for measure in same if measure.metric == metric)
    return next(named, preferred(same) if same else None)


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
