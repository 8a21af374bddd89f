"""The tables of a report as rows of formatted cells, shared by the page and the Markdown file."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lorr_bench.report import cells
from lorr_bench.report.arms import (
    compared_arms,
    is_baseline,
    methods,
    one_point_an_arm,
    plugin_of,
    plugins,
    point_label,
)
from lorr_bench.report.contrasts import DECLARED
from lorr_bench.report.measures import Measure, rows_of
from lorr_bench.report.tables import QUANTITIES, largest_budget, largest_rows
from lorr_bench.values import START, Point, Results, SampleAnswer

MOST_MODELS = 64
"""Models whose answers to single problems are shown."""
MOST_PLUGINS = 8
"""Plug-ins that fit beside each other in a table of methods."""
DIAGNOSTICS = {
    "train_accuracy": ("accuracy, training pairs (%)", cells.percent),
    "held_out_accuracy": ("accuracy, held-out pairs (%)", cells.percent),
    "held_out_margin": ("margin, held-out pairs", cells.decimals(3)),
    "logp_chosen": ("log-prob. of chosen", cells.decimals(2)),
    "logp_rejected": ("log-prob. of rejected", cells.decimals(2)),
    "kl_to_start": ("KL to start", cells.decimals(4)),
    "effective_rank": ("effective rank", cells.decimals(1)),
    "dormant_share": ("dormant units (%)", cells.percent),
}
"""What the page shows of a replay: heading and form of each."""


@dataclass(frozen=True, slots=True)
class ScoreCell:
    """One measure of one row: score and difference, in per cent and points, each with its interval.

    Attributes:
        score: The score, with its deviation where it has one.
        interval: Of the score, in brackets.
        difference: To the baseline.
        difference_interval: Its interval, in brackets.
        significant: Whether its corrected p-value is below 0.05.
        declared: Whether it was declared beforehand.
    """

    score: str = cells.NONE
    interval: str = ""
    difference: str = ""
    difference_interval: str = ""
    significant: bool = False
    declared: bool = False


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
    """

    measures: tuple[str, ...]
    groups: tuple[tuple[ComparisonRow, ...], ...]


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method: for each measure a cell for each plug-in."""

    method: str
    measures: tuple[tuple[ScoreCell, ...], ...]


@dataclass(frozen=True, slots=True)
class MethodsView:
    """The methods of a suite with several, their plug-ins beside each other, at one budget.

    Attributes:
        budget: Unique pairs.
        measures: Heading of each measure.
        starts: Score of the start model on each measure.
        plugins: Name of each plug-in, and whether it is compared with another one.
        rows: One a method; none where the suite has a single method, or too many plug-ins to stand beside
            each other.
    """

    budget: str
    measures: tuple[str, ...]
    starts: tuple[str, ...]
    plugins: tuple[tuple[str, bool], ...]
    rows: tuple[MethodRow, ...]

    @property
    def columns(self) -> int:
        """Columns of a measure: a score for each plug-in, and a difference where it is compared."""
        return len(self.plugins) + sum(compared for _, compared in self.plugins)


@dataclass(frozen=True, slots=True)
class DiagnosticsView:
    """What was measured at the end of each replay of one training."""

    arm: str
    budget: str
    seed: str
    replays: tuple[tuple[str, ...], ...]


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
    """One problem with the answers of several models, each named by its label."""

    benchmark: str
    id: str
    prompt: str
    gold: str
    answers: tuple[tuple[str, SampleAnswer], ...]


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
    headings = tuple(_heading(measure, comparison) for measure in measures)
    return ComparisonView(headings, tuple(tuple(group) for _, group in sorted(groups.items())))


def methods_view(results: Results, comparison: pd.DataFrame, measures: Sequence[Measure]) -> MethodsView:
    """The comparison at the largest budget restricted to these measures, one row a method."""
    found, budget = largest_rows(comparison), largest_budget(comparison)
    several = len(methods(results)) > 1 and budget > 0 and len(plugins(results)) <= MOST_PLUGINS
    starts = [_score_cell(found.get((START.arm, measure))).score for measure in measures]
    compared = {plugin_of(arm) for arm in compared_arms(results)}
    return MethodsView(
        f"{budget:,}",
        tuple(_heading(measure, comparison) for measure in measures),
        tuple(starts),
        tuple((plugin, plugin in compared) for plugin in plugins(results)),
        tuple(_method_rows(results, found, measures)) if several else (),
    )


def diagnostics_view(results: Results) -> tuple[DiagnosticsView, ...]:
    """What was measured of each arm, at its largest budget and lowest seed."""
    measured = {
        point: replays
        for point, replays in results.diagnostics.items()
        if any(name in values for values in replays for name in DIAGNOSTICS)
    }
    return tuple(
        DiagnosticsView(
            point.arm,
            f"{point.unique_pairs:,}",
            f"{point.seed}",
            tuple(_diagnostic_texts(values) for values in measured[point]),
        )
        for point in one_point_an_arm(measured, results.arms)
    )


def ledger_view(results: Results, ledger: pd.DataFrame) -> tuple[tuple[LedgerRow, ...], ...]:
    """The ledger as formatted rows, those of one budget together; baselines' own ratios are left out."""
    groups: dict[int, list[LedgerRow]] = defaultdict(list)
    for _, row in ledger.iterrows():
        spends = tuple(_spend_cell(row, name, not is_baseline(results, row["arm"])) for name in QUANTITIES)
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
    """The problems of the sample, each with one answer an arm: largest budget, lowest seed.

    Of very many arms the first of the suite are taken.
    """
    points = one_point_an_arm({answer.point for answer in results.answers}, results.arms)[:MOST_MODELS]
    labels = {point: point_label(point) for point in points}
    problems: dict[tuple[str, str], dict[Point, SampleAnswer]] = defaultdict(dict)
    for answer in results.answers:
        if answer.point in labels:
            problems[answer.benchmark, answer.problem_id].setdefault(answer.point, answer)
    return tuple(_problem(answers, labels) for answers in problems.values())


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
        cells.with_deviation(row.mean, row.deviation),
        cells.span(cells.percent(row.low), cells.percent(row.high)),
        difference,
        cells.span(cells.points(row.difference_low), cells.points(row.difference_high)),
        bool(row.significant),
        row.role in DECLARED,
    )


def _heading(measure: Measure, comparison: pd.DataFrame) -> str:
    problems = cells.count_range([int(count) for count in rows_of(comparison, measure)["problems"]])
    return measure.title if problems == cells.NONE else f"{measure.title} (n = {problems})"


def _spend_cell(row: Any, name: str, with_ratio: bool) -> tuple[str, str]:
    return cells.quantity(name, row[name]), cells.ratio(row[f"{name}_ratio"]) if with_ratio else ""


def _method_rows(
    results: Results, found: Mapping[tuple[str, Measure], Any], measures: Sequence[Measure]
) -> Iterator[MethodRow]:
    names = plugins(results)
    for method in methods(results):
        arms = [f"{method}+{plugin}" for plugin in names]
        cells_of = [tuple(_score_cell(found.get((arm, measure))) for arm in arms) for measure in measures]
        yield MethodRow(method, tuple(cells_of))


def _diagnostic_texts(values: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(form(values.get(name, math.nan)) for name, (_, form) in DIAGNOSTICS.items())


def _problem(answers: Mapping[Point, SampleAnswer], labels: Mapping[Point, str]) -> ProblemView:
    """One problem from the answers to it, in the order of the labels."""
    one = next(iter(answers.values()))
    labelled = tuple((label, answers[point]) for point, label in labels.items() if point in answers)
    return ProblemView(one.benchmark, one.problem_id, one.prompt, one.gold, labelled)
