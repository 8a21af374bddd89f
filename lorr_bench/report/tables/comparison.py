"""Each arm at each budget on each measure, and its difference to its baseline."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from lorr_bench.report.contrasts import declared_mark, difference_interval
from lorr_bench.report.formatting import (
    MISSING,
    count_range,
    interval,
    listed,
    percent,
    points,
    with_deviation,
)
from lorr_bench.report.frames import measure_of, rows_of
from lorr_bench.report.score_arrays import stack
from lorr_bench.report.study import Study
from lorr_bench.report.table import MODEL, Cell, Column, Table, breaks_between, model_cells
from lorr_bench.stats import stratified_interval
from lorr_bench.values import GENERAL, MATH, Measure, Score

KIND_NAMES = {MATH: "math", GENERAL: "general reasoning"}
DIFFERENCE_COLUMNS = (
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "paired_seeds",
    "paired_problems",
    "paired_families",
    "pooled",
    "detectable",
    "p_permuted_seeds",
    "role",
    "family",
    "tests",
    "p_holm",
    "significant",
)
"""What the comparison takes over from the frame of contrasts."""
COLUMNS = (
    "arm",
    "unique_pairs",
    "benchmark",
    "kind",
    "metric",
    "mean",
    "low",
    "high",
    "seeds",
    "problems",
    "deviation",
    *DIFFERENCE_COLUMNS,
)


@dataclass(frozen=True)
class Comparison:
    """The comparison, with its rows by what they are of.

    Attributes:
        frame: One row an arm, budget and measure, the start model first, as shares between 0 and 1.
            ``deviation`` is that of single repeats, pooled over the seeds. ``problems`` is 0 for scores known
            only as totals. The columns of the difference are those of ``contrast_frame``.
    """

    frame: pd.DataFrame

    @cached_property
    def rows(self) -> Mapping[tuple[str, int, Measure], Any]:
        """Every row by arm, budget and measure."""
        rows: Iterable[Any] = self.frame.itertuples()
        return {(row.arm, row.unique_pairs, measure_of(row)): row for row in rows}

    @cached_property
    def largest_budget(self) -> int:
        """The largest budget at which an arm was evaluated; 0 where none was."""
        return int(self.frame["unique_pairs"].max()) if len(self.frame) else 0

    @cached_property
    def at_largest_budget(self) -> Mapping[tuple[str, Measure], Any]:
        """The rows at the largest budget, and the start model's, by arm and measure."""
        return {
            (arm, measure): row
            for (arm, budget, measure), row in self.rows.items()
            if budget in (0, self.largest_budget)
        }

    def of(self, measure: Measure) -> pd.DataFrame:
        """The rows of one measure."""
        return rows_of(self.frame, measure)


def make_comparison(study: Study, contrasts: pd.DataFrame) -> Comparison:
    """Each arm at each budget on each measure, and its paired difference to its own baseline there.

    Where there are several benchmarks of a kind, their average is a measure too.

    Args:
        study: The results.
        contrasts: Their frame of contrasts.
    """
    differences = _baseline_differences(study, contrasts)
    rows = []
    for arm, budget in study.models:
        for measure in study.reported_measures:
            by_seed = study.scores_by_seed(measure, arm, budget)
            if by_seed:
                rows.append(
                    {"arm": arm, "unique_pairs": budget, **asdict(measure)}
                    | _score_columns(study, measure, by_seed)
                    | differences.get((arm, budget, measure), {})
                )
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    # Rows without a difference have NaN in these columns, which hold truth values and texts.
    for column in ("significant", "pooled"):
        frame[column] = frame[column].eq(other=True)
    for column in ("role", "family"):
        frame[column] = frame[column].astype(object).fillna("")
    return Comparison(frame)


def comparison_table(
    section: str,
    comparison: Comparison,
    measures: Sequence[Measure],
    *,
    caption: str,
    notes: tuple[str, ...],
    main: bool,
) -> Table:
    """The comparison restricted to these measures, the rows of one budget together.

    Args:
        section: Where it stands.
        comparison: The comparison.
        measures: What is shown.
        caption: How to read it.
        notes: What stands below it.
        main: Whether no other table says it in short.

    Returns:
        One row an arm and budget.
    """
    columns = [*MODEL]
    for heading in (measure_heading(measure, comparison) for measure in measures):
        columns += [Column("score", group=heading), Column("Δ", group=heading)]
    groups = _budget_groups(comparison, measures)
    kinds = list(dict.fromkeys(KIND_NAMES[each.kind] for each in measures))
    return Table(
        section=section,
        part="arms",
        heading=f"Every arm at every budget, {listed(kinds)}" if kinds else "Every arm at every budget",
        caption=caption,
        columns=tuple(columns),
        rows=tuple(row for group in groups for row in group),
        notes=notes,
        file="comparison.csv",
        main=main,
        breaks=breaks_between(groups),
    )


def measure_heading(measure: Measure, comparison: Comparison) -> tuple[str, str]:
    """Benchmark over metric, with the number of problems where it is known."""
    problems = count_range(comparison.of(measure)["problems"])
    return measure.benchmark, measure.metric if problems == MISSING else f"{measure.metric} (n = {problems})"


def score_text(row: Any) -> str:
    """The score of a row of the comparison, with its deviation where it has one; a dash for no row."""
    return MISSING if row is None else with_deviation(row.mean, row.deviation)


def difference_cell(row: Any, none: str = "") -> Cell:
    """The difference of a row, with its interval and a mark where it was declared beforehand."""
    if row is None or math.isnan(row.difference):
        return Cell(none)
    text = f"{points(row.difference)}{declared_mark(row)}"
    return Cell(text, difference_interval(row), bool(row.significant))


def _budget_groups(comparison: Comparison, measures: Sequence[Measure]) -> list[list[tuple[Cell, ...]]]:
    """The rows that have any of these measures, those of one budget together."""
    groups: dict[int, list[tuple[Cell, ...]]] = defaultdict(list)
    for arm, budget in dict.fromkeys((arm, budget) for arm, budget, _ in comparison.rows):
        rows = [comparison.rows.get((arm, budget, measure)) for measure in measures]
        if any(row is not None for row in rows):
            groups[budget].append(_cells(arm, budget, rows))
    return [group for _, group in sorted(groups.items())]


def _cells(arm: str, budget: int, rows: Sequence[Any]) -> tuple[Cell, ...]:
    seeds = count_range(row.seeds for row in rows if row is not None)
    scores = (cell for row in rows for cell in (_score_cell(row), difference_cell(row)))
    return (*model_cells(arm, budget, seeds), *scores)


def _score_cell(row: Any) -> Cell:
    return Cell(score_text(row), "" if row is None else interval(percent(row.low), percent(row.high)))


def _baseline_differences(
    study: Study, contrasts: pd.DataFrame
) -> dict[tuple[str, int, Measure], dict[str, Any]]:
    """Columns of each arm's difference to its own baseline, by arm, budget and measure."""
    rows: Iterable[Any] = contrasts.itertuples()
    return {
        (row.treatment, row.unique_pairs, measure_of(row)): {
            name: getattr(row, name) for name in DIFFERENCE_COLUMNS
        }
        for row in rows
        if study.results.baselines.get(row.treatment) == row.reference
        and row.unique_pairs == row.reference_pairs
    }


def _score_columns(
    study: Study, measure: Measure, by_seed: Mapping[int, Sequence[Score]]
) -> dict[str, float]:
    stacked = [stack(scores) for scores in zip(*by_seed.values(), strict=True)]
    by_problem = [known for _, known in stacked]
    found = stratified_interval(
        [scores for scores, _ in stacked], families=study.families(measure, by_problem)
    )
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "seeds": found.seeds,
        "problems": found.problems if all(by_problem) else 0,
        "deviation": _pooled([score.deviation for score, *others in by_seed.values() if not others]),
    }


def _pooled(deviations: Sequence[float]) -> float:
    """Root of the mean variance; NaN where there is none."""
    known = [deviation for deviation in deviations if not math.isnan(deviation)]
    return math.sqrt(sum(deviation**2 for deviation in known) / len(known)) if known else math.nan
