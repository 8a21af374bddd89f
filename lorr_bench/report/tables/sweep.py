"""What a setting does along the lines of a sweep: best value, area, and the worst near the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lorr_bench.report.contrasts import difference_interval
from lorr_bench.report.formatting import MINUS, MISSING, interval, percent, plural, points
from lorr_bench.report.frames import measure_of
from lorr_bench.report.score_arrays import Points, stack_models
from lorr_bench.report.study import Study
from lorr_bench.report.table import Cell, Column, Table, text_cells
from lorr_bench.stats import (
    Interval,
    area_difference,
    area_over_setting,
    spans_factors,
    stratified_interval,
)
from lorr_bench.values import Measure, SweepLine

FACTOR: Final = 3.0
"""Values within this factor of the best one are near it."""
ROUNDING: Final = 1e-9
"""Relative: 3e-4 is not quite three times 1e-4."""
PLACE: Final = ("unique_pairs", "benchmark", "kind", "metric", "values", "smallest", "largest", "log_scale")
COLUMNS: Final = (
    "line",
    "setting",
    *PLACE,
    "best_value",
    "best",
    "best_low",
    "best_high",
    "worst_near_value",
    "worst_near",
    "worst_near_low",
    "worst_near_high",
    "area",
    "area_low",
    "area_high",
    "seeds",
    "problems",
)
DIFFERENCE_COLUMNS: Final = (
    "treatment",
    "reference",
    "setting",
    *PLACE,
    "treatment_area",
    "reference_area",
    "difference",
    "difference_low",
    "difference_high",
    "paired_seeds",
    "paired_problems",
)


def sweep_frame(study: Study) -> pd.DataFrame:
    """Each line of the sweep at each budget on each measure, where two of its values have a seed in common.

    Returns:
        One row a line, budget and measure, as shares: ``best`` is the highest score, ``worst_near`` the
        lowest of other values within a factor of 3 of the best one, NaN where there are none; ``area`` is the
        mean between the smallest and the largest value, over their logarithm where ``log_scale``.
    """
    rows = (
        _row(study, line, budget, measure)
        for measure in study.reported_measures
        for budget in study.evaluated_budgets
        for line in _lines(study)
    )
    return pd.DataFrame([row for row in rows if row], columns=list(COLUMNS))


def sweep_difference_frame(study: Study) -> pd.DataFrame:
    """The difference in area of two lines that a primary contrast takes an arm each from.

    Returns:
        One row a pair of lines, budget and measure, over the values that both have; as shares. Nothing is
        tested: a primary contrast says which lines, not that their areas are what was asked.
    """
    rows = (
        _difference_row(study, pair, budget, measure)
        for measure in study.reported_measures
        for budget in study.evaluated_budgets
        for pair in _pairs(study)
    )
    return pd.DataFrame([row for row in rows if row], columns=list(DIFFERENCE_COLUMNS))


def sweep_table(frame: pd.DataFrame) -> Table:
    """The lines for reading."""
    return Table(
        section="sweep",
        heading=f"Along {_setting(frame)}",
        caption=(
            f"Score in % along {_setting(frame)}, all else that the suite sets equal; in brackets 95 % "
            "intervals. Area: the mean between the smallest and the largest value, over their logarithm "
            "where they span more than a factor of 3: what the setting gives untuned. Best: the value with "
            "the highest score; luck is among what put it first. Worst near it: the lowest score of other "
            "values within a factor of 3. Not tested."
        ),
        columns=(
            Column("line", "text"),
            Column("pairs", choice=True),
            Column("measure", "text", choice=True),
            Column("values"),
            Column("area"),
            Column("best value"),
            Column("best"),
            Column("worst near it"),
            Column("seeds"),
        ),
        rows=tuple(map(_cells, frame.itertuples())),
        file="sweep.csv",
        main=True,
        part="lines",
    )


def sweep_difference_table(frame: pd.DataFrame) -> Table:
    """The differences in area for reading."""
    return Table(
        section="sweep",
        heading="Differences in area",
        caption=(
            f"Area over {_setting(frame)} of two lines that a primary contrast names, over the values that "
            "both have; Δ: difference in points, in brackets its 95 % interval. Not tested."
        ),
        columns=(
            Column("lines", "text"),
            Column("pairs", choice=True),
            Column("measure", "text", choice=True),
            Column("values"),
            Column("areas"),
            Column("Δ"),
            Column("seeds"),
        ),
        rows=tuple(map(_difference_cells, frame.itertuples())),
        file="sweep_differences.csv",
        part="differences",
    )


def value_text(value: float) -> str:
    """A value of a setting as a reader writes it: ``0.0002`` is ``2e-4``."""
    text = f"{value:.6g}"
    if value and not 1e-3 <= abs(value) < 1e6:
        digits, _, power = f"{value:.5e}".partition("e")
        text = f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    return text.replace("-", MINUS)


def _lines(study: Study) -> tuple[SweepLine, ...]:
    sweep = study.analysis.sweep
    return sweep.lines if sweep else ()


def _pairs(study: Study) -> tuple[tuple[SweepLine, SweepLine], ...]:
    """The lines of both arms of each primary contrast, each two once."""
    line_of = {arm: line for line in _lines(study) for arm in line.arms}
    found = (
        (line_of[one.treatment], line_of[one.reference])
        for one in study.analysis.primary
        if one.treatment in line_of and one.reference in line_of
    )
    return tuple(dict.fromkeys((left, right) for left, right in found if left != right))


def _row(study: Study, line: SweepLine, budget: int, measure: Measure) -> dict[str, Any]:
    """The row of a line; nothing where fewer than two of its values have a score."""
    known = {
        value: arm
        for value, arm in zip(line.values, line.arms, strict=True)
        if _scored(study, measure, arm, budget)
    }
    found = (
        stack_models(study, measure, [(arm, budget) for arm in known.values()]) if len(known) > 1 else None
    )
    if found is None:
        return {}
    values = list(known)
    scores = [_score(found, number) for number in range(len(values))]
    best = max(range(len(values)), key=lambda number: _at_least(scores[number].mean))
    area = _area(values, list(found.scores), found)
    near = _near(values, best)
    worst = min(near, key=lambda number: scores[number].mean, default=None)
    return {
        "line": line.name,
        **_place(study, budget, measure, values),
        **_columns("best", values[best], scores[best]),
        **(_columns("worst_near", values[worst], scores[worst]) if worst is not None else {}),
        "area": area.mean,
        "area_low": area.low,
        "area_high": area.high,
        "seeds": found.seeds,
        "problems": found.problems,
    }


def _difference_row(
    study: Study, pair: tuple[SweepLine, SweepLine], budget: int, measure: Measure
) -> dict[str, Any]:
    """The row of two lines; nothing where they share fewer than two values that have a score."""
    arms = [dict(zip(line.values, line.arms, strict=True)) for line in pair]
    values = [
        value
        for value in arms[0]
        if value in arms[1] and all(_scored(study, measure, own[value], budget) for own in arms)
    ]
    models = [(own[value], budget) for own in arms for value in values]
    found = stack_models(study, measure, models) if len(values) > 1 else None
    if found is None:
        return {}
    scores = list(found.scores)
    sides = scores[: len(values)], scores[len(values) :]
    areas = [_area(values, side, found) for side in sides]
    difference = area_difference(values, *sides, benchmarks=found.benchmarks, families=found.families)
    return {
        "treatment": pair[0].name,
        "reference": pair[1].name,
        **_place(study, budget, measure, values),
        "treatment_area": areas[0].mean,
        "reference_area": areas[1].mean,
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "paired_seeds": difference.seeds,
        "paired_problems": found.problems,
    }


def _place(study: Study, budget: int, measure: Measure, values: Sequence[float]) -> dict[str, Any]:
    sweep = study.analysis.sweep
    return {
        "setting": sweep.setting if sweep else "",
        "unique_pairs": budget,
        **asdict(measure),
        "values": len(values),
        "smallest": min(values),
        "largest": max(values),
        "log_scale": spans_factors(values),
    }


def _scored(study: Study, measure: Measure, arm: str, budget: int) -> bool:
    return bool(study.scores_by_seed(measure, arm, budget))


def _area(values: Sequence[float], scores: Sequence[NDArray[np.float64]], found: Points) -> Interval:
    """The area over a setting of some of the points."""
    return area_over_setting(values, scores, benchmarks=found.benchmarks, families=found.families)


def _score(found: Points, number: int) -> Interval:
    """The score of one model with its interval."""
    names = np.array(found.benchmarks)
    columns = [np.flatnonzero(names == name) for name in dict.fromkeys(found.benchmarks)]
    return stratified_interval(
        [found.scores[number][:, places] for places in columns],
        families=[[found.families[place] for place in places] for places in columns],
    )


def _at_least(mean: float) -> float:
    return -math.inf if math.isnan(mean) else mean


def _near(values: Sequence[float], best: int) -> list[int]:
    """Numbers of the other values within the factor of the best one; none where a value is not above 0."""
    if min(values) <= 0:
        return []
    return [
        number
        for number, value in enumerate(values)
        if number != best and max(value, values[best]) <= FACTOR * min(value, values[best]) * (1 + ROUNDING)
    ]


def _columns(name: str, value: float, score: Interval) -> dict[str, float]:
    return {f"{name}_value": value, name: score.mean, f"{name}_low": score.low, f"{name}_high": score.high}


def _setting(frame: pd.DataFrame) -> str:
    return str(frame["setting"].iloc[0]) if len(frame) else ""


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *text_cells(row.line, f"{row.unique_pairs:,}", measure_of(row).title, _range(row)),
        _score_cell(row.area, row.area_low, row.area_high),
        Cell(value_text(row.best_value)),
        _score_cell(row.best, row.best_low, row.best_high),
        _score_cell(row.worst_near, row.worst_near_low, row.worst_near_high, row.worst_near_value),
        Cell(_counts(row.seeds, row.problems)),
    )


def _difference_cells(row: Any) -> tuple[Cell, ...]:
    return (
        Cell(f"{row.treatment} {MINUS} {row.reference}"),
        *text_cells(f"{row.unique_pairs:,}", measure_of(row).title, _range(row)),
        Cell(f"{percent(row.treatment_area)} and {percent(row.reference_area)}"),
        Cell(points(row.difference), difference_interval(row)),
        Cell(_counts(row.paired_seeds, row.paired_problems)),
    )


def _score_cell(mean: float, low: float, high: float, value: float = math.nan) -> Cell:
    if math.isnan(mean):
        return Cell(MISSING)
    at = "" if math.isnan(value) else f" at {value_text(value)}"
    return Cell(f"{percent(mean)}{at}", interval(percent(low), percent(high)))


def _range(row: Any) -> str:
    """``6 from 1 to 20``."""
    return f"{row.values} from {value_text(row.smallest)} to {value_text(row.largest)}"


def _counts(seeds: int, problems: int) -> str:
    return f"{seeds} × {problems:,}" if problems else plural(str(seeds), "seed")
