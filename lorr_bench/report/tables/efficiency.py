"""How much data each arm needs for what its baseline reaches, and the area under its curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lorr_bench.report.arms import compared_arms
from lorr_bench.report.cells import NONE, percent, plural, ratio, span
from lorr_bench.report.measures import (
    Cells,
    Measure,
    averages,
    primary_measure,
    reported_measures,
    score_cells,
    stack,
)
from lorr_bench.report.sheets import ARM, Cell, Column, Sheet, text_cells
from lorr_bench.stats import area_under_curve, data_efficiency
from lorr_bench.values import Results, Score

EFFICIENCY_COLUMNS = (
    "arm", "baseline", "benchmark", "kind", "metric", "budgets", "smallest", "largest", "seeds", "problems",
    "baseline_needed", "ratio", "ratio_low", "ratio_high", "reached", "reason", "area", "area_low",
    "area_high", "baseline_area",
)  # fmt: skip
MAX_ROWS = 500
"""Each takes 2,000 draws of a bootstrap."""


def efficiency_table(results: Results) -> pd.DataFrame:
    """Data-efficiency ratio and area under the curve of each compared arm on each measure.

    Returns:
        One row an arm and measure with at least two budgets and a seed that both arms have at all of them;
        as shares. ``baseline_needed`` is in unique pairs, and NaN where the ratio is not defined.
    """
    parts = averages(results)
    found = score_cells(results)
    evaluated = sorted({score.point.unique_pairs for score in results.scores})
    rows: list[dict[str, Any]] = []
    for measure in _measures(results):
        for arm in compared_arms(results):
            arms = arm, results.baselines.get(arm, "")
            curves = _curves(found, parts.get(measure, (measure,)), arms, evaluated, results.families)
            rows += [] if curves is None else [{"arm": arm, "baseline": arms[1], **_columns(measure, curves)}]
    return pd.DataFrame(rows, columns=list(EFFICIENCY_COLUMNS))


def efficiency_sheet(table: pd.DataFrame) -> Sheet:
    """That table for reading."""
    columns = (
        ARM, Column("baseline", "text"), Column("measure", "text", choice=True), Column("data needed"),
        Column("area under the curve"), Column("note", "text"),
    )  # fmt: skip
    caption = (
        "Data needed: what the arm needs for its baseline's final accuracy, as a part of what its baseline "
        "needs for it; in brackets the 95 % interval. Not defined where the baseline is not shown to rise. "
        "Area: mean accuracy in % over the budgets, on a scale of log2 of the data."
    )
    rows = tuple(map(_cells, table.itertuples()))
    return Sheet("efficiency", "Data efficiency", caption, columns, rows, "efficiency.csv", main=True)


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *text_cells(row.arm, row.baseline, Measure(row.benchmark, row.kind, row.metric).title),
        Cell(_ratio_text(row), span(_low_text(row), _high_text(row))),
        Cell(f"{percent(row.area)} (baseline {percent(row.baseline_area)})"),
        Cell(row.reason or f"{row.budgets} budgets, {plural(str(row.seeds), 'seed')}"),
    )


def _measures(results: Results) -> tuple[Measure, ...]:
    """Every measure; of very many arms the headline's and the averages, or the headline's alone.

    Fixed before the numbers are seen.
    """
    every, primary = reported_measures(results), primary_measure(results)
    few = tuple(measure for measure in every if measure == primary or measure in averages(results))
    one = tuple(measure for measure in every if measure == primary)
    arms = len(compared_arms(results))
    return next((found for found in (every, few) if arms * len(found) <= MAX_ROWS), one)


@dataclass(frozen=True, slots=True)
class _Curves:
    """Scores of an arm and of its baseline at the budgets and seeds that both have.

    Attributes:
        budgets: Unique pairs, rising.
        scores: (arms, budgets, seeds, problems).
        benchmarks: Name of each problem's benchmark.
        families: Name of each problem's family within its benchmark.
        by_problem: Whether the last axis is problems, not totals.
    """

    budgets: list[int]
    scores: NDArray[np.float64]
    benchmarks: list[str]
    families: list[str]
    by_problem: bool


def _curves(
    found: Cells,
    parts: Sequence[Measure],
    arms: tuple[str, str],
    evaluated: Sequence[int],
    families: Mapping[str, Sequence[str]],
) -> _Curves | None:
    """The curves, or None where they have no two budgets or no seed in common."""
    budgets = [
        budget for budget in evaluated if all((part, arm, budget) in found for part in parts for arm in arms)
    ]
    points = [[found[part, arm, budget] for arm in arms for budget in budgets] for part in parts]
    seeds = _shared_seeds([by_seed for of_part in points for by_seed in of_part])
    if len(budgets) < 2 or not seeds:
        return None
    stacked = [stack([by_seed[seed] for by_seed in of_part for seed in seeds]) for of_part in points]
    scores = np.hstack([table for table, _ in stacked]).reshape(2, len(budgets), len(seeds), -1)
    columns = [_families(part, *of_part, families) for part, of_part in zip(parts, stacked, strict=True)]
    return _Curves(
        budgets,
        scores,
        [part.benchmark for part, names in zip(parts, columns, strict=True) for _ in names],
        [name for names in columns for name in names],
        all(by_problem for _, by_problem in stacked),
    )


def _families(
    part: Measure, table: NDArray[np.float64], by_problem: bool, families: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    """Family of each column; each is its own where they are unknown, and a total is."""
    known = families.get(part.benchmark) if by_problem else None
    return [f"{number}" for number in range(table.shape[1])] if known is None else known


def _columns(measure: Measure, curves: _Curves) -> dict[str, Any]:
    treatment, baseline = (list(tables) for tables in curves.scores)
    benchmarks, families = curves.benchmarks, curves.families
    needed = data_efficiency(curves.budgets, treatment, baseline, benchmarks=benchmarks, families=families)
    area, other = (
        area_under_curve(curves.budgets, tables, benchmarks=benchmarks, families=families)
        for tables in (treatment, baseline)
    )
    return {
        **asdict(measure), "budgets": len(curves.budgets), "smallest": curves.budgets[0],
        "largest": curves.budgets[-1], "seeds": curves.scores.shape[2],
        "problems": curves.scores.shape[3] if curves.by_problem else 0,
        "baseline_needed": needed.baseline_needed, "ratio": needed.ratio, "ratio_low": needed.low,
        "ratio_high": needed.high, "reached": needed.reached, "reason": needed.reason, "area": area.mean,
        "area_low": area.low, "area_high": area.high, "baseline_area": other.mean,
    }  # fmt: skip


def _shared_seeds(cells_of: Sequence[Mapping[int, Score]]) -> list[int]:
    return sorted(set.intersection(*map(set, cells_of))) if cells_of else []


def _ratio_text(row: Any) -> str:
    if math.isnan(row.area) or math.isnan(row.baseline_area):
        return NONE
    if math.isnan(row.baseline_needed):
        return "not defined"
    if math.isnan(row.ratio):
        return "not reached"
    return ratio(row.ratio) if row.reached else f"at most {ratio(row.ratio)}"


def _low_text(row: Any) -> str:
    """The lower end; 0 stands for somewhere below the smallest budget."""
    least = ratio(row.smallest / row.baseline_needed)
    return f"< {least}" if row.ratio_low == 0 else ratio(row.ratio_low)


def _high_text(row: Any) -> str:
    """The upper end; infinity stands for one that these budgets don't bound."""
    most = ratio(row.largest / row.baseline_needed)
    return f"> {most}" if math.isinf(row.ratio_high) else ratio(row.ratio_high)
