"""Accuracy against data in marl-eval's JSON (Gorsane et al. 2022, arXiv 2209.10485, appendix).

    {suite: {benchmark: {arm: {seed_0: {step_0: {"step_count": pairs, "accuracy": [one value a problem]}, …,
                                        "absolute_metrics": {"accuracy": […]}}}}}}

The step before any training is the start model at 0 pairs. ``accuracy`` is the first tested measure of each
benchmark: greedy, else avg@k, else lm-eval's. The absolute metrics are those of the largest budget, not of
the best one. marl-eval wants the same benchmarks, seeds and steps of every arm, so arms that lack any of them
are left out: ``left_out`` names them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lorr_bench.values import START, Measure, Point, Results, preferred

METRIC: Final = "accuracy"

Values = tuple[float, ...]


@dataclass(frozen=True)
class _Grid:
    """Accuracies by benchmark and model, and what a complete arm has."""

    table: Mapping[str, Mapping[Point, Values]]
    arms: tuple[str, ...]
    budgets: tuple[int, ...]
    seeds: tuple[int, ...]

    @property
    def has_start(self) -> bool:
        return all(START in models for models in self.table.values())

    def is_complete(self, arm: str) -> bool:
        wanted = [Point(arm, budget, seed) for budget in self.budgets for seed in self.seeds]
        return bool(wanted) and all(point in models for models in self.table.values() for point in wanted)


def marl_eval_json(results: Results) -> dict[str, Any]:
    """The curves of a suite, ready to be written as JSON.

    Args:
        results: Of the suite.

    Returns:
        marl-eval's form; empty if no arm is complete.
    """
    grid = _grid(results)
    arms = [arm for arm in grid.arms if grid.is_complete(arm)]
    if not arms:
        return {}
    tasks = {
        benchmark: {
            _name(arm): {f"seed_{seed}": _run(grid, models, arm, seed) for seed in grid.seeds} for arm in arms
        }
        for benchmark, models in grid.table.items()
    }
    return {results.suite: tasks}


def left_out(results: Results) -> tuple[str, ...]:
    """The arms that the curves lack, because they lack a benchmark, a seed or a budget."""
    grid = _grid(results)
    return tuple(arm for arm in grid.arms if not grid.is_complete(arm))


def _grid(results: Results) -> _Grid:
    measures = _measures(results)
    table: dict[str, dict[Point, Values]] = {measure.benchmark: {} for measure in measures}
    for score in results.scores:
        if score.measure in measures and not math.isnan(score.value):
            # The mean of the values is the score: where problems do not count alike, it alone is.
            table[score.benchmark][score.point] = (score.value,) if score.strata else score.per_problem
    points = {point for models in table.values() for point in models if point != START}
    return _Grid(
        table,
        arms=tuple(results.arms),
        budgets=tuple(sorted({point.unique_pairs for point in points})),
        seeds=tuple(sorted({point.seed for point in points})),
    )


def _measures(results: Results) -> list[Measure]:
    """The one that stands for each benchmark."""
    tested: dict[str, list[Measure]] = {}
    for score in results.scores:
        if score.measure.tested:
            tested.setdefault(score.benchmark, []).append(score.measure)
    return [preferred(measures) for measures in tested.values()]


def _run(grid: _Grid, models: Mapping[Point, Values], arm: str, seed: int) -> dict[str, Any]:
    curve = [(budget, models[Point(arm, budget, seed)]) for budget in grid.budgets]
    started = [(0, models[START])] if grid.has_start else []
    steps: dict[str, Any] = {
        f"step_{index}": {"step_count": budget, METRIC: list(values)}
        for index, (budget, values) in enumerate(started + curve)
    }
    return {**steps, "absolute_metrics": {METRIC: list(curve[-1][1])}}


def _name(arm: str) -> str:
    return arm.replace(",", ";")  # marl-eval refuses commas in names
