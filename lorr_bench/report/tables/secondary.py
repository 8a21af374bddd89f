"""Metrics of repeated answers, which are shown but not tested."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import interval, percent, with_deviation
from lorr_bench.report.score_arrays import stack
from lorr_bench.report.study import Study
from lorr_bench.report.table import BENCHMARK, MODEL, Cell, Column, Table, model_cells, text_cells
from lorr_bench.stats import crossed_interval
from lorr_bench.values import MATH, Score

COLUMNS = (
    "arm",
    "unique_pairs",
    "benchmark",
    "metric",
    "mean",
    "low",
    "high",
    "seeds",
    "problems",
    "deviation",
)


def secondary_frame(study: Study, comparison: pd.DataFrame) -> pd.DataFrame:
    """The metrics of repeated answers: avg@k of the comparison, pass@k and maj@k.

    Args:
        study: The results.
        comparison: Their frame of the comparison.

    Returns:
        One row an arm, budget, benchmark and metric, as shares: ``arm, unique_pairs, benchmark, metric,
        mean, low, high, seeds, problems, deviation``.
    """
    repeated = comparison["metric"].str.startswith("avg@") & (comparison["kind"] == MATH)
    tested = comparison[repeated & comparison["deviation"].notna()][list(COLUMNS)]
    untested = pd.DataFrame(_untested_rows(study), columns=list(COLUMNS))
    # pandas warns of columns that are empty in one of the frames, so only frames with rows are joined.
    frame = pd.concat([each for each in (tested, untested) if len(each)] or [untested])
    place = {model: number for number, model in enumerate(study.models)}
    benchmarks = list(dict.fromkeys(score.benchmark for score in study.results.scores))
    rows: list[Any] = list(frame.itertuples(index=False))
    rows.sort(key=lambda row: (place[row.arm, row.unique_pairs], benchmarks.index(row.benchmark)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def secondary_table(frame: pd.DataFrame) -> Table:
    """That frame for reading: the deviation of repeats beside avg@k."""
    return Table(
        section="secondary",
        heading="Metrics of repeated answers",
        caption=(
            "In %, with 95 % intervals in brackets. Shown beside the tested metrics, never tested themselves."
        ),
        columns=(*MODEL, BENCHMARK, Column("metric", "text", choice=True), Column("score")),
        rows=tuple(map(_cells, frame.itertuples())),
        file="secondary.csv",
    )


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *model_cells(row.arm, row.unique_pairs, f"{row.seeds}"),
        *text_cells(row.benchmark, row.metric),
        Cell(with_deviation(row.mean, row.deviation), interval(percent(row.low), percent(row.high))),
    )


def _untested_rows(study: Study) -> Iterator[dict[str, Any]]:
    for measure in dict.fromkeys(score.measure for score in study.results.scores):
        for arm, budget in study.models if not measure.tested else ():
            by_seed = study.scores.get((measure, arm, budget))
            if by_seed is not None:
                yield {
                    "arm": arm,
                    "unique_pairs": budget,
                    "benchmark": measure.benchmark,
                    "metric": measure.metric,
                    **_interval(by_seed, study.results.families.get(measure.benchmark)),
                    "deviation": math.nan,
                }


def _interval(by_seed: Mapping[int, Score], families: Sequence[str] | None) -> dict[str, float]:
    scores, by_problem = stack(list(by_seed.values()))
    found = crossed_interval(scores, families=families if by_problem else None)
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "seeds": found.seeds,
        "problems": found.problems if by_problem else 0,
    }
