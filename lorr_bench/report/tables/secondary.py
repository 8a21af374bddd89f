"""Metrics of repeated answers, which are shown but not tested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lorr_bench.report.cells import percent, span, with_deviation
from lorr_bench.report.measures import MATH, measure_of, model_rows, score_cells, stack
from lorr_bench.report.sheets import BENCHMARK, MODEL, Cell, Column, Sheet, model_cells, text_cells
from lorr_bench.stats import crossed_interval
from lorr_bench.values import Results, Score

SECONDARY_COLUMNS = (
    "arm", "unique_pairs", "benchmark", "metric", "mean", "low", "high", "seeds", "problems", "deviation",
)  # fmt: skip


def secondary_table(results: Results, comparison: pd.DataFrame) -> pd.DataFrame:
    """The metrics of repeated answers: avg@k of the comparison, pass@k and maj@k.

    Args:
        results: The results.
        comparison: Their comparison table.

    Returns:
        One row an arm, budget, benchmark and metric, as shares: ``arm, unique_pairs, benchmark, metric,
        mean, low, high, seeds, problems, deviation``.
    """
    repeated = comparison["metric"].str.startswith("avg@") & (comparison["kind"] == MATH)
    tested = comparison[repeated & comparison["deviation"].notna()][list(SECONDARY_COLUMNS)]
    untested = pd.DataFrame(_untested_rows(results), columns=list(SECONDARY_COLUMNS))
    table = pd.concat([frame for frame in (tested, untested) if len(frame)] or [untested])
    place = {row: number for number, row in enumerate(model_rows(results))}
    benchmarks = list(dict.fromkeys(score.benchmark for score in results.scores))
    rows: list[Any] = list(table.itertuples(index=False))
    rows.sort(key=lambda row: (place[row.arm, row.unique_pairs], benchmarks.index(row.benchmark)))
    return pd.DataFrame(rows, columns=list(SECONDARY_COLUMNS))


def secondary_sheet(table: pd.DataFrame) -> Sheet:
    """That table for reading: the deviation of repeats beside avg@k."""
    columns = (*MODEL, BENCHMARK, Column("metric", "text", choice=True), Column("score"))
    caption = (
        "In %, with 95 % intervals in brackets. Shown beside the tested metrics, never tested themselves."
    )
    rows = tuple(map(_cells, table.itertuples()))
    return Sheet("secondary", "Metrics of repeated answers", caption, columns, rows, "secondary.csv")


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *model_cells(row.arm, row.unique_pairs, f"{row.seeds}"),
        *text_cells(row.benchmark, row.metric),
        Cell(with_deviation(row.mean, row.deviation), span(percent(row.low), percent(row.high))),
    )


def _untested_rows(results: Results) -> list[tuple[Any, ...]]:
    found = score_cells(results)
    return [
        (
            arm, budget, measure.benchmark, measure.metric,
            *_interval(found[measure, arm, budget], results.families.get(measure.benchmark)), math.nan,
        )
        for measure in dict.fromkeys(map(measure_of, results.scores))
        for arm, budget in model_rows(results)
        if not measure.tested and (measure, arm, budget) in found
    ]  # fmt: skip


def _interval(by_seed: Mapping[int, Score], families: Sequence[str] | None) -> tuple[float, ...]:
    table, by_problem = stack(list(by_seed.values()))
    interval = crossed_interval(table, families=families if by_problem else None)
    problems = interval.problems if by_problem else 0
    return interval.mean, interval.low, interval.high, interval.seeds, problems
