"""Each arm at each budget on each measure, and its difference to its baseline."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from lorr_bench.report.cells import DAGGER, NONE, count_range, percent, points, span, with_deviation
from lorr_bench.report.contrasts import DECLARED, contrast_table, problem_families
from lorr_bench.report.measures import (
    Measure,
    averages,
    model_rows,
    reported_measures,
    rows_of,
    score_cells,
    shared_scores,
    stack,
)
from lorr_bench.report.sheets import MODEL, Cell, Column, Sheet, breaks_between, model_cells
from lorr_bench.stats import stratified_interval
from lorr_bench.values import Results, Score

DIFFERENCE_COLUMNS = (
    "difference", "difference_low", "difference_high", "p_value", "paired_seeds", "paired_problems",
    "paired_families", "pooled", "detectable", "p_permuted_seeds", "role", "family", "tests", "p_holm",
    "significant",
)  # fmt: skip
"""What the comparison takes over from the table of contrasts."""
COMPARISON_COLUMNS = (
    "arm", "unique_pairs", "benchmark", "kind", "metric", "mean", "low", "high", "seeds", "problems",
    "deviation", *DIFFERENCE_COLUMNS,
)  # fmt: skip


def comparison(results: Results, contrasts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each arm at each budget on each measure, and its paired difference to its own baseline there.

    Where there are several benchmarks of a kind, their average is a measure too.

    Args:
        results: The results.
        contrasts: Their table of contrasts; made where it is left out.

    Returns:
        One row an arm, budget and measure, the start model first, as shares between 0 and 1. ``deviation`` is
        that of single repeats, pooled over the seeds. ``problems`` is 0 for scores known only as totals. The
        columns of the difference are those of ``contrast_table``.
    """
    differences = _baseline_rows(results, contrast_table(results) if contrasts is None else contrasts)
    cells, several = score_cells(results), averages(results)
    columns = {measure: several.get(measure, (measure,)) for measure in reported_measures(results)}
    rows = []
    for arm, budget in model_rows(results):
        for measure, parts in columns.items():
            found = shared_scores(cells, parts, arm, budget)
            if found:
                rows.append(
                    {"arm": arm, "unique_pairs": budget, **asdict(measure)}
                    | _score_columns(results, parts, found)
                    | differences.get((arm, budget, measure), {})
                )
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    for column in ("significant", "pooled"):
        table[column] = table[column].eq(other=True)
    for column in ("role", "family"):
        table[column] = table[column].astype(object).fillna("")
    return table


def comparison_sheet(
    name: str, table: pd.DataFrame, measures: Sequence[Measure], caption: str, *, main: bool
) -> Sheet:
    """That table restricted to these measures, the rows of one budget together.

    Args:
        name: Of the sheet.
        table: The comparison.
        measures: What is shown.
        caption: How to read it.
        main: Whether no other table says it in short.

    Returns:
        One row an arm and budget.
    """
    columns = [*MODEL]
    for heading in (measure_heading(measure, table) for measure in measures):
        columns += [Column("score", group=heading), Column("Δ", group=heading)]
    groups = _budget_groups(table, measures)
    rows = tuple(row for group in groups for row in group)
    label, breaks = "Every arm at every budget", breaks_between(groups)
    return Sheet(name, label, caption, tuple(columns), rows, "comparison.csv", main, breaks)


def measure_heading(measure: Measure, table: pd.DataFrame) -> str:
    """A measure with its number of problems, where it is known."""
    problems = count_range([int(count) for count in rows_of(table, measure)["problems"]])
    return measure.title if problems == NONE else f"{measure.title} (n = {problems})"


def score_text(row: Any) -> str:
    """The score of a row of the comparison, with its deviation where it has one; a dash for no row."""
    return NONE if row is None else with_deviation(row.mean, row.deviation)


def difference_cell(row: Any, none: str = "") -> Cell:
    """The difference of a row, with its interval and a mark where it was declared beforehand."""
    if row is None or math.isnan(row.difference):
        return Cell(none)
    mark = DAGGER if row.role in DECLARED else ""
    ends = span(points(row.difference_low), points(row.difference_high))
    return Cell(points(row.difference) + mark, ends, bool(row.significant))


def largest_budget(comparison: pd.DataFrame) -> int:
    """The largest budget at which an arm was evaluated; 0 where none was."""
    return int(comparison["unique_pairs"].max()) if len(comparison) else 0


def largest_rows(comparison: pd.DataFrame) -> dict[tuple[str, Measure], Any]:
    """The rows of the comparison at the largest budget, and the start model's, by arm and measure."""
    shown = comparison[comparison["unique_pairs"].isin([0, largest_budget(comparison)])]
    rows: list[Any] = list(shown.itertuples())
    return {(row.arm, Measure(row.benchmark, row.kind, row.metric)): row for row in rows}


def _budget_groups(table: pd.DataFrame, measures: Sequence[Measure]) -> list[list[tuple[Cell, ...]]]:
    """The rows that have any of these measures, those of one budget together."""
    rows: list[Any] = list(table.itertuples())
    found: dict[tuple[str, int, Measure], Any] = {
        (row.arm, row.unique_pairs, Measure(row.benchmark, row.kind, row.metric)): row for row in rows
    }
    groups: dict[int, list[tuple[Cell, ...]]] = defaultdict(list)
    for arm, budget in dict.fromkeys((arm, budget) for arm, budget, _ in found):
        of_model = [found.get((arm, budget, measure)) for measure in measures]
        if any(row is not None for row in of_model):
            groups[budget].append(_cells(arm, budget, of_model))
    return [group for _, group in sorted(groups.items())]


def _cells(arm: str, budget: int, found: Sequence[Any]) -> tuple[Cell, ...]:
    seeds = count_range([row.seeds for row in found if row is not None])
    scores = (cell for row in found for cell in (_score_cell(row), difference_cell(row)))
    return (*model_cells(arm, budget, seeds), *scores)


def _score_cell(row: Any) -> Cell:
    return Cell(score_text(row), "" if row is None else span(percent(row.low), percent(row.high)))


def _baseline_rows(
    results: Results, contrasts: pd.DataFrame
) -> dict[tuple[str, int, Measure], dict[str, Any]]:
    """Columns of each arm's difference to its own baseline, by arm, budget and measure."""
    rows: list[Any] = list(contrasts.itertuples())
    return {
        (row.treatment, row.unique_pairs, Measure(row.benchmark, row.kind, row.metric)): {
            name: getattr(row, name) for name in DIFFERENCE_COLUMNS
        }
        for row in rows
        if results.baselines.get(row.treatment) == row.reference
    }


def _score_columns(
    results: Results, parts: Sequence[Measure], strata: Mapping[int, Sequence[Score]]
) -> dict[str, float]:
    stacked = [stack(scores) for scores in zip(*strata.values(), strict=True)]
    by_problem = [known for _, known in stacked]
    found = stratified_interval(
        [table for table, _ in stacked], families=problem_families(results, parts, by_problem)
    )
    return {
        "mean": found.mean, "low": found.low, "high": found.high, "seeds": found.seeds,
        "problems": found.problems if all(by_problem) else 0,
        "deviation": _pooled([score.deviation for score, *others in strata.values() if not others]),
    }  # fmt: skip


def _pooled(deviations: Sequence[float]) -> float:
    """Root of the mean variance; NaN where there is none."""
    known = [deviation for deviation in deviations if not math.isnan(deviation)]
    return math.sqrt(sum(deviation**2 for deviation in known) / len(known)) if known else math.nan
