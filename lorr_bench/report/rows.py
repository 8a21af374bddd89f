"""Rows of the smaller tables of a report, each field text ready to show in any form."""

from __future__ import annotations

from dataclasses import dataclass

CONDUCT_TITLES = ("answers", "tokens an answer", "truncated", "without an answer", "timeouts", "missing")
"""Headings of the cells of a ``ConductRow``."""


@dataclass(frozen=True, slots=True)
class ProtocolRow:
    """How one benchmark was evaluated.

    Attributes:
        benchmark: Its name.
        problems: How many problems it has here.
        settings: Name and value of everything that decides its numbers besides the model.
    """

    benchmark: str
    problems: str
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ConductRow:
    """How the models of one arm went about their answers to one benchmark.

    Attributes:
        arm: The arm, or ``start model``.
        budget: Unique pairs.
        seeds: Trained models it rests on.
        benchmark: The benchmark.
        cells: One under each of ``CONDUCT_TITLES``: answers, timeouts and missing in all, the others means.
    """

    arm: str
    budget: str
    seeds: str
    benchmark: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecondaryRow:
    """A metric of repeated answers that is shown but not tested.

    Attributes:
        arm: The arm, or ``start model``.
        budget: Unique pairs.
        seeds: Trained models it rests on.
        benchmark: The benchmark.
        metric: ``pass@k``, ``maj@k``, or ``avg@k`` with its deviation over repeats.
        score: In per cent; of ``avg@k`` with ``±`` the deviation of single repeats.
        interval: Its 95 % interval, in brackets.
    """

    arm: str
    budget: str
    seeds: str
    benchmark: str
    metric: str
    score: str
    interval: str


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """How much of a benchmark the training prompts hold; a range where seeds differ.

    Attributes:
        benchmark: The benchmark or lm-eval task.
        prompts: Training prompts that were compared, and with how many words in a row.
        problems: Problems of the benchmark that were compared.
        overlapping: Problems that share an n-gram with a training prompt.
        share: The same in per cent of the problems.
        examples: Ids of some of them.
    """

    benchmark: str
    prompts: str
    problems: str
    overlapping: str
    share: str
    examples: str


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published figure beside ours.

    Bases differ between sources, so only the columns of gains can be set against each other.

    Attributes:
        benchmark: The benchmark.
        arm: The arm that the figure is put beside, or ``start model``.
        ours: Our score at the largest budget, with the metric.
        theirs: The published one, with its deviation where it has one.
        ours_gain: Our difference to our start model, in points.
        theirs_gain: The published difference to the start model of the same source and protocol; empty where
            that source has none.
        model: The model as its source calls it.
        protocol: How it was measured, as its source says.
        source: Who printed it.
        note: What else its reader should know.
    """

    benchmark: str
    arm: str
    ours: str
    theirs: str
    ours_gain: str
    theirs_gain: str
    model: str
    protocol: str
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class AggregateRow:
    """An arm over eight benchmarks or more.

    Attributes:
        arm: The arm.
        baseline: The arm that it is compared with.
        budget: Its largest budget.
        runs: Trained models.
        tasks: Benchmarks that all of them and those of its baseline have a score on.
        gain: Interquartile mean of the benchmarks' gains over its baseline, in points.
        gain_interval: Its 95 % interval.
        improvement: Chance in per cent that a run of the arm beats one of its baseline on a benchmark.
        improvement_interval: Its 95 % interval.
    """

    arm: str
    baseline: str
    budget: str
    runs: str
    tasks: str
    gain: str
    gain_interval: str
    improvement: str
    improvement_interval: str


@dataclass(frozen=True, slots=True)
class EfficiencyRow:
    """How much data an arm needs for its baseline's final accuracy, beside what its baseline needs.

    Attributes:
        arm: The arm.
        baseline: The arm that it is compared with.
        measure: Benchmark and metric.
        ratio: Data it needs for that accuracy, as a part of the data with which its baseline first has it;
            ``not reached`` where it does not get there, ``not defined`` where its baseline does not rise.
        interval: 95 % interval of the ratio, in brackets; with ``<`` and ``>`` where it leaves the budgets.
        area: Mean accuracy over the budgets, on a scale of log2 of the data, in per cent, with that of the
            baseline.
        note: Why there is no ratio, or what it rests on.
    """

    arm: str
    baseline: str
    measure: str
    ratio: str
    interval: str
    area: str
    note: str
