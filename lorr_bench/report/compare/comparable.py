"""What of two runs can be compared, and why not where it can't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from lorr_bench.report.contrasts import contrast_frame
from lorr_bench.report.formatting import cut, first_of
from lorr_bench.report.study import Study
from lorr_bench.report.tables.comparison import Comparison, make_comparison
from lorr_bench.report.tables.protocol import problem_counts, setting_text, settings
from lorr_bench.values import START, Results

MAX_FIELDS: Final = 3
"""Differing conditions that a refusal names."""
MAX_LETTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Run:
    """One run with what is computed of it once.

    Attributes:
        name: What it is called.
        study: What it found.
        comparison: Its arms against their baselines.
    """

    name: str
    study: Study = field(repr=False)
    comparison: Comparison = field(repr=False)

    @property
    def results(self) -> Results:
        """Its results."""
        return self.study.results

    @property
    def budgets(self) -> set[int]:
        """Unique pairs at which arms were evaluated."""
        return {budget for _, arm, budget in self.study.scores if arm != START.arm}


def make_run(name: str, results: Results) -> Run:
    """The run of these results."""
    study = Study(results)
    return Run(name, study, make_comparison(study, contrast_frame(study)))


def refusals_of_run(first: Run, other: Run) -> Iterator[str]:
    """Why nothing of the other run can be compared, one line a reason; nothing if it can."""
    axes = first.results.held_equal, other.results.held_equal
    if axes[0] != axes[1]:
        yield (
            f"{other.name}: it holds {axes[1]} equal between its arms, {first.name} holds {axes[0]}, so arms "
            "of one budget were trained differently"
        )
    if not first.budgets & other.budgets:
        yield (
            f"{other.name}: its budgets ({_counts(other.budgets)}) are not those of {first.name} "
            f"({_counts(first.budgets)})"
        )


def refusals_of_benchmark(benchmark: str, first: Run, other: Run) -> Iterator[str]:
    """Why this benchmark can't be compared between these runs, one line a reason; nothing if it can."""
    counts = [problem_counts(run.results) for run in (first, other)]
    for run, count in zip((first, other), counts, strict=True):
        if benchmark not in count:
            yield f"{run.name} has no results on it"
    conditions = [run.results.conditions.get(benchmark) for run in (first, other)]
    for run, found in zip((first, other), conditions, strict=True):
        if not found:
            yield f"{run.name} does not say under what conditions it was evaluated"
    if conditions[0] != conditions[1]:
        names = f"{first.name} and {other.name}"
        yield f"conditions differ between {names}: {_differing(*conditions)}"
    if counts[0].get(benchmark) != counts[1].get(benchmark):
        yield (
            f"{first.name} has {counts[0][benchmark]:,} problems, {other.name} has {counts[1][benchmark]:,}"
        )


def _differing(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str:
    """The first settings that differ, with both values."""
    left, right = dict(settings(one or {})), dict(settings(other or {}))
    names = [
        name
        for name in dict.fromkeys((*left, *right))
        if name not in left or name not in right or left[name] != right[name]
    ]
    return first_of([f"{name} {_value(left, name)} and {_value(right, name)}" for name in names], MAX_FIELDS)


def _value(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "(not set)"
    return cut(" ".join(setting_text(values[name]).split()) or '""', MAX_LETTERS)


def left_out(first: Run, other: Run) -> Iterator[str]:
    """Arms and budgets that only one of two compared runs has, and scores that can't stand side by side."""
    for one, without in ((first, other), (other, first)):
        arms = [arm for arm in one.results.arms if arm not in without.results.arms]
        if arms:
            named = ", ".join(islice(arms, MAX_FIELDS)) + (" and others" if len(arms) > MAX_FIELDS else "")
            yield f"{named}: only {one.name} has such arms"
        if one.budgets - without.budgets:
            yield f"{_counts(one.budgets - without.budgets)} pairs: only {one.name} has such budgets"
    if not same_start(first, other):
        yield (
            f"scores of {other.name}: it began from another start model than {first.name} "
            f"({_start(other)} and {_start(first)}), so only gains over the own baseline are lined up"
        )


def same_start(first: Run, other: Run) -> bool:
    """Whether both began from one start model; unknown ones are different."""
    return bool(first.results.start_model) and first.results.start_model == other.results.start_model


def _start(run: Run) -> str:
    return run.results.start_model or "unknown"


def _counts(budgets: set[int]) -> str:
    return ", ".join(f"{budget:,}" for budget in sorted(budgets)) or "none"
