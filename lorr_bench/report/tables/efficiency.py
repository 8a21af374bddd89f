"""How much data each arm needs for what its baseline reaches, and the area under its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import percent, plural
from lorr_bench.report.frames import measure_of
from lorr_bench.report.score_arrays import Points, stack_models
from lorr_bench.report.sentences.data_needed import ratio_interval, ratio_text
from lorr_bench.report.study import Study
from lorr_bench.report.table import ARM, Cell, Column, Table, text_cells
from lorr_bench.stats import area_under_curve, data_efficiency
from lorr_bench.values import Measure

COLUMNS = (
    "arm",
    "baseline",
    "benchmark",
    "kind",
    "metric",
    "budgets",
    "smallest",
    "largest",
    "seeds",
    "problems",
    "baseline_needed",
    "ratio",
    "ratio_low",
    "ratio_high",
    "reached",
    "reason",
    "area",
    "area_low",
    "area_high",
    "baseline_area",
)
MAX_ROWS = 500
"""Each takes 2,000 draws of a bootstrap."""


def efficiency_frame(study: Study) -> pd.DataFrame:
    """Data-efficiency ratio and area under the curve of each compared arm on each measure.

    Returns:
        One row an arm and measure with at least two budgets and a seed that both arms have at all of them;
        as shares. ``baseline_needed`` is in unique pairs, and NaN where the ratio is not defined.
    """
    rows = (_row(study, measure, arm) for measure in _measures(study) for arm in study.compared_arms)
    return pd.DataFrame([row for row in rows if row], columns=list(COLUMNS))


def efficiency_table(frame: pd.DataFrame) -> Table:
    """That frame for reading."""
    return Table(
        section="efficiency",
        heading="Data efficiency",
        caption=(
            "Data needed: what the arm needs for its baseline's final accuracy, as a part of what its "
            "baseline needs for it; in brackets the 95 % interval. Not defined where the baseline is not "
            "shown to rise. Area: mean accuracy in % over the budgets, on a scale of log2 of the data."
        ),
        columns=(
            ARM,
            Column("baseline", "text"),
            Column("measure", "text", choice=True),
            Column("data needed"),
            Column("area under the curve"),
            Column("note", "text"),
        ),
        rows=tuple(map(_cells, frame.itertuples())),
        file="efficiency.csv",
        main=True,
    )


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *text_cells(row.arm, row.baseline, measure_of(row).title),
        Cell(ratio_text(row), ratio_interval(row)),
        Cell(f"{percent(row.area)} (baseline {percent(row.baseline_area)})"),
        Cell(row.reason or f"{row.budgets} budgets, {plural(str(row.seeds), 'seed')}"),
    )


def _measures(study: Study) -> tuple[Measure, ...]:
    """Every measure; of very many arms the primary one and the averages, or the primary one alone.

    Fixed before the numbers are seen.
    """
    every, primary = study.reported_measures, study.primary_measure
    few = tuple(measure for measure in every if measure == primary or measure in study.averages)
    one = tuple(measure for measure in every if measure == primary)
    arms = len(study.compared_arms)
    return next((measures for measures in (every, few) if arms * len(measures) <= MAX_ROWS), one)


def _row(study: Study, measure: Measure, arm: str) -> dict[str, Any]:
    """The row of an arm beside its baseline; nothing where they share no two budgets or no seed."""
    parts, arms = study.parts(measure), (arm, study.results.baselines.get(arm, ""))
    budgets = [
        budget
        for budget in study.evaluated_budgets
        if all((part, each, budget) in study.scores for part in parts for each in arms)
    ]
    if len(budgets) < 2:
        return {}
    points = stack_models(study, measure, [(each, budget) for each in arms for budget in budgets])
    if points is None:
        return {}
    return {
        "arm": arm,
        "baseline": arms[1],
        **asdict(measure),
        "budgets": len(budgets),
        "smallest": budgets[0],
        "largest": budgets[-1],
        "seeds": points.seeds,
        "problems": points.problems,
        **_estimates(budgets, points),
    }


def _estimates(budgets: Sequence[int], points: Points) -> dict[str, Any]:
    """Data efficiency and areas under the curves.

    Args:
        budgets: Unique pairs, rising.
        points: The arm at each of them, then its baseline.
    """
    scores, benchmarks, families = list(points.scores), points.benchmarks, points.families
    treatment, baseline = scores[: len(budgets)], scores[len(budgets) :]
    needed = data_efficiency(budgets, treatment, baseline, benchmarks=benchmarks, families=families)
    area, other = (
        area_under_curve(budgets, curve, benchmarks=benchmarks, families=families)
        for curve in (treatment, baseline)
    )
    return {
        "baseline_needed": needed.baseline_needed,
        "ratio": needed.ratio,
        "ratio_low": needed.low,
        "ratio_high": needed.high,
        "reached": needed.reached,
        "reason": needed.reason,
        "area": area.mean,
        "area_low": area.low,
        "area_high": area.high,
        "baseline_area": other.mean,
    }
