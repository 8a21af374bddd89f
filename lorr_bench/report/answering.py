"""How models answered: length and completeness, and the metrics of repeated answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lorr_bench.report import cells
from lorr_bench.report.measures import MATH, measure_of, model_rows, score_cells, stack
from lorr_bench.report.rows import ConductRow, SecondaryRow
from lorr_bench.stats import crossed_interval
from lorr_bench.values import START, Conduct, Results, Score

CONDUCT_COLUMNS = (
    "arm", "unique_pairs", "seeds", "benchmark", "answers", "mean_tokens", "truncated_share",
    "no_answer_share", "timeouts", "missing",
)  # fmt: skip
SECONDARY_COLUMNS = (
    "arm", "unique_pairs", "benchmark", "metric", "mean", "low", "high", "seeds", "problems", "deviation",
)  # fmt: skip


def conduct_table(results: Results) -> pd.DataFrame:
    """Length and completeness of the answers of each arm at each budget to each benchmark.

    Returns:
        Columns ``arm, unique_pairs, seeds, benchmark, answers, mean_tokens, truncated_share,
        no_answer_share, timeouts, missing``: counts in all, the others weighted by answers over the seeds.
    """
    groups: dict[tuple[str, int, str], list[Conduct]] = {}
    for line in results.conduct:
        groups.setdefault((line.point.arm, line.point.unique_pairs, line.benchmark), []).append(line)
    place = {row: number for number, row in enumerate(model_rows(results))}
    order = sorted(groups, key=lambda key: place.get(key[:2], len(place)))
    rows = [(*key[:2], len(groups[key]), key[2], *_conduct(groups[key])) for key in order]
    return pd.DataFrame(rows, columns=list(CONDUCT_COLUMNS))


def conduct_rows(table: pd.DataFrame) -> tuple[ConductRow, ...]:
    """That table as text."""
    rows: list[Any] = list(table.itertuples())
    return tuple(
        ConductRow(
            *_model(row),
            row.benchmark,
            (
                f"{row.answers:,}", cells.decimals(1)(row.mean_tokens), cells.percent(row.truncated_share),
                cells.percent(row.no_answer_share), f"{row.timeouts:,}", f"{row.missing:,}",
            ),
        )
        for row in rows
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


def secondary_rows(table: pd.DataFrame) -> tuple[SecondaryRow, ...]:
    """That table as text: the deviation of repeats beside avg@k."""
    rows: list[Any] = list(table.itertuples())
    return tuple(
        SecondaryRow(
            *_model(row), row.benchmark, row.metric, cells.with_deviation(row.mean, row.deviation),
            cells.span(cells.percent(row.low), cells.percent(row.high)),
        )
        for row in rows
    )  # fmt: skip


def _model(row: Any) -> tuple[str, str, str]:
    """Arm, budget and seeds as text."""
    if row.arm == START.arm:
        return "start model", cells.NONE, cells.NONE
    return row.arm, f"{row.unique_pairs:,}", f"{row.seeds}"


def _conduct(lines: list[Conduct]) -> tuple[float, ...]:
    answers = sum(line.answers for line in lines)

    def mean(name: str) -> float:
        found = [(getattr(line, name), line.answers) for line in lines if line.answers]
        return sum(value * weight for value, weight in found) / answers if answers else math.nan

    return (
        answers, mean("mean_tokens"), mean("truncated_share"), mean("no_answer_share"),
        sum(line.timeouts for line in lines), sum(line.missing for line in lines),
    )  # fmt: skip


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
