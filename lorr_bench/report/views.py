"""The tables of a report as rows of formatted cells, shared by the page and the Markdown file."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lorr_bench.report import cells
from lorr_bench.report.measures import Measure
from lorr_bench.report.tables import QUANTITIES
from lorr_bench.values import START, Point, Results, SampleAnswer

MOST_PROBLEMS = 6


@dataclass(frozen=True, slots=True)
class ScoreCell:
    """One measure of one row: score and difference, in per cent and points, each with its interval."""

    score: str = cells.NONE
    interval: str = ""
    difference: str = ""
    difference_interval: str = ""
    significant: bool = False


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One arm at one budget."""

    arm: str
    budget: str
    seeds: str
    cells: tuple[ScoreCell, ...]


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """The comparison on some measures.

    Attributes:
        measures: Heading of each measure with its number of problems.
        groups: The rows, those of one budget together.
        tests: How many differences the whole comparison table tests.
    """

    measures: tuple[str, ...]
    groups: tuple[tuple[ComparisonRow, ...], ...]
    tests: int


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One arm at one budget: each quantity with its ratio to the baseline."""

    arm: str
    budget: str
    seeds: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TimeRow:
    """Seconds of all stages of a kind, or of a part of them."""

    kind: str
    part: str
    stages: str
    seconds: str
    share: float


@dataclass(frozen=True, slots=True)
class ProblemView:
    """One problem with the answers of several models."""

    benchmark: str
    id: str
    prompt: str
    gold: str
    answers: tuple[tuple[str, SampleAnswer], ...]

    @property
    def tally(self) -> str:
        """How many of the answers are right."""
        right = sum(answer.correct for _, answer in self.answers)
        return f"{right} of {len(self.answers)} right"


def comparison_view(comparison: pd.DataFrame, measures: Sequence[Measure]) -> ComparisonView:
    """The comparison restricted to these measures, one row an arm and budget."""
    rows: list[Any] = list(comparison.itertuples())
    lookup: dict[tuple[str, int, Measure], Any] = {
        (row.arm, row.unique_pairs, Measure(row.benchmark, row.kind, row.metric)): row for row in rows
    }
    groups: dict[int, list[ComparisonRow]] = defaultdict(list)
    for arm, budget in dict.fromkeys((arm, budget) for arm, budget, _ in lookup):
        found = [lookup.get((arm, budget, measure)) for measure in measures]
        if any(row is not None for row in found):
            groups[budget].append(_comparison_row(arm, budget, found))
    headings = tuple(_heading(measure, lookup.items()) for measure in measures)
    tests = int(comparison["p_value"].notna().sum())
    return ComparisonView(headings, tuple(tuple(group) for _, group in sorted(groups.items())), tests)


def ledger_view(ledger: pd.DataFrame, baseline: str) -> tuple[tuple[LedgerRow, ...], ...]:
    """The ledger as formatted rows, those of one budget together; the baseline's own ratios are left out."""
    groups: dict[int, list[LedgerRow]] = defaultdict(list)
    for _, row in ledger.iterrows():
        spends = tuple(_spend_cell(row, name, row["arm"] != baseline) for name in QUANTITIES)
        line = LedgerRow(row["arm"], f"{row['budget_pairs']:,}", f"{row['seeds']}", spends)
        groups[row["budget_pairs"]].append(line)
    return tuple(tuple(rows) for rows in groups.values())


def time_view(results: Results) -> tuple[TimeRow, ...]:
    """Seconds by kind of stage, each followed by its named parts and what they leave."""
    total = sum(stage.seconds for stage in results.times) or math.nan
    kinds: dict[str, list[Any]] = defaultdict(list)
    for stage in results.times:
        kinds[stage.kind].append(stage)
    rows = []
    for kind, stages in kinds.items():
        spent = sum(stage.seconds for stage in stages)
        rows.append(TimeRow(kind, "", f"{len(stages)}", cells.seconds(spent), spent / total))
        parts: dict[str, float] = defaultdict(float)
        for stage in stages:
            for part, value in stage.parts.items():
                parts[part] += value
        rows += [
            TimeRow(kind, part, "", cells.seconds(value), value / total) for part, value in parts.items()
        ]
    return tuple(rows)


def answer_view(results: Results) -> tuple[ProblemView, ...]:
    """The first problems of the sample, each with one answer an arm: largest budget, lowest seed."""
    problems: dict[tuple[str, str], list[SampleAnswer]] = defaultdict(list)
    for answer in results.answers:
        problems[answer.benchmark, answer.problem_id].append(answer)
    return tuple(
        ProblemView(
            benchmark, problem, answers[0].prompt, answers[0].gold, _one_an_arm(answers, results.arms)
        )
        for (benchmark, problem), answers in list(problems.items())[:MOST_PROBLEMS]
    )


def point_label(point: Point) -> str:
    """Which model: ``dpo+lorr, 1,024 pairs, seed 0``."""
    if point.arm == START.arm:
        return "start model"
    return f"{point.arm}, {point.unique_pairs:,} pairs, seed {point.seed}"


def _comparison_row(arm: str, budget: int, found: Sequence[Any]) -> ComparisonRow:
    start = arm == START.arm
    seeds = cells.count_range([row.seeds for row in found if row is not None])
    return ComparisonRow(
        "start model" if start else arm,
        cells.NONE if start else f"{budget:,}",
        cells.NONE if start else seeds,
        tuple(_score_cell(row) for row in found),
    )


def _score_cell(row: Any) -> ScoreCell:
    if row is None:
        return ScoreCell()
    difference = "" if math.isnan(row.difference) else cells.points(row.difference)
    return ScoreCell(
        cells.percent(row.mean),
        cells.span(cells.percent(row.low), cells.percent(row.high)),
        difference,
        cells.span(cells.points(row.difference_low), cells.points(row.difference_high)),
        bool(row.significant),
    )


def _heading(measure: Measure, rows: Iterable[tuple[tuple[str, int, Measure], Any]]) -> str:
    problems = cells.count_range([row.problems for key, row in rows if key[2] == measure])
    return measure.title if problems == cells.NONE else f"{measure.title} (n = {problems})"


def _spend_cell(row: Any, name: str, with_ratio: bool) -> tuple[str, str]:
    return cells.quantity(name, row[name]), cells.ratio(row[f"{name}_ratio"]) if with_ratio else ""


def _one_an_arm(answers: Sequence[SampleAnswer], arms: Sequence[str]) -> tuple[tuple[str, SampleAnswer], ...]:
    place = {arm: number for number, arm in enumerate((START.arm, *arms))}
    ranked = sorted(answers, key=lambda answer: (-answer.point.unique_pairs, answer.point.seed))
    chosen: dict[str, SampleAnswer] = {}
    for answer in ranked:
        chosen.setdefault(answer.point.arm, answer)
    ordered = sorted(chosen.values(), key=lambda answer: place.get(answer.point.arm, len(place)))
    return tuple((point_label(answer.point), answer) for answer in ordered)
