"""Scores lined up by what was measured, so that arms can be compared cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lorr_bench.values import GENERAL, MATH, START, Measure, Results, Score, measure_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = (  # the first four are values, and are looked for here by what compares scores
    "AVERAGE",
    "GENERAL",
    "MATH",
    "Cells",
    "Measure",
    "all_measures",
    "averages",
    "largest_points",
    "measure_of",
    "model_rows",
    "primary_measure",
    "primary_measures",
    "reported_measures",
    "rows_of",
    "score_cells",
    "shared_scores",
    "stack",
)

AVERAGE = "average"
"""What stands for the benchmark where several of a kind are averaged."""

Cells = Mapping[tuple["Measure", str, int], Mapping[int, Score]]
"""Scores by measure, arm and budget, then by training seed."""


def all_measures(results: Results) -> tuple[Measure, ...]:
    """Every measure that is tested: math first, each kind in the order of its scores."""
    found = dict.fromkeys(measure_of(score) for score in results.scores)
    tested = [measure for measure in found if measure.tested]
    return tuple(sorted(tested, key=lambda measure: measure.kind != MATH))


def averages(results: Results) -> dict[Measure, tuple[Measure, ...]]:
    """For each kind with two benchmarks or more: the average as a measure, and what it is the average of.

    That is one measure a benchmark, of equal weight: ``greedy`` where there is one, its first otherwise.
    """
    found = {}
    for kind in (MATH, GENERAL):
        measures = [measure for measure in all_measures(results) if measure.kind == kind]
        parts = tuple(_primary(group) for group in _by_benchmark(measures))
        if len(parts) > 1:
            metrics = dict.fromkeys(part.metric for part in parts)
            taken = any(part.benchmark == AVERAGE for part in parts)
            name = f"{AVERAGE} of {len(parts)}" if taken else AVERAGE
            found[Measure(name, kind, " / ".join(metrics))] = parts
    return found


def primary_measures(results: Results) -> tuple[Measure, ...]:
    """One measure a benchmark: ``greedy`` where there is one, its first otherwise."""
    return tuple(_primary(group) for group in _by_benchmark(all_measures(results)))


def largest_points(results: Results) -> list[tuple[str, int]]:
    """Each arm with the largest budget at which it was evaluated; arms in the order of the suite."""
    largest: dict[str, int] = {}
    for score in results.scores:
        largest[score.point.arm] = max(score.point.unique_pairs, largest.get(score.point.arm, 0))
    return [(arm, largest[arm]) for arm in (START.arm, *results.arms) if arm in largest]


def reported_measures(results: Results) -> tuple[Measure, ...]:
    """The columns of the comparison: every measure that is tested, those of a kind before their average."""
    found = (*all_measures(results), *averages(results))
    return tuple(sorted(found, key=lambda measure: measure.kind != MATH))


def primary_measure(results: Results) -> Measure | None:
    """The measure that was declared, else the first math measure, a greedy one if there is any.

    None where no model has been evaluated on it.
    """
    measures, analysis = all_measures(results), results.analysis
    if analysis is not None and analysis.benchmark:
        return next(
            (
                measure
                for measure in measures
                if measure.benchmark == analysis.benchmark and analysis.metric in ("", measure.metric)
            ),
            None,
        )
    if not measures:
        return None
    return _primary([measure for measure in measures if measure.kind == measures[0].kind])


def rows_of(table: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rows of one measure, of a table with ``benchmark``, ``kind`` and ``metric``."""
    same = (table["benchmark"] == measure.benchmark) & (table["metric"] == measure.metric)
    return table[same & (table["kind"] == measure.kind)]


def score_cells(results: Results) -> Cells:
    """The scores by measure, arm and budget, then by seed."""
    cells: dict[tuple[Measure, str, int], dict[int, Score]] = {}
    for score in sorted(results.scores, key=lambda score: score.point.seed):
        key = (measure_of(score), score.point.arm, score.point.unique_pairs)
        cells.setdefault(key, {})[score.point.seed] = score
    return cells


def shared_scores(cells: Cells, parts: Sequence[Measure], arm: str, budget: int) -> dict[int, list[Score]]:
    """Scores of an arm at a budget by seed, one for each part of a measure; of seeds that have all parts."""
    found = [cells.get((part, arm, budget), {}) for part in parts]
    seeds = sorted(set(found[0]).intersection(*found[1:]))
    return {seed: [by_seed[seed] for by_seed in found] for seed in seeds}


def model_rows(results: Results) -> list[tuple[str, int]]:
    """Arm and budget of each row of a table: the start model, then budget by budget in suite order."""
    evaluated = {(score.point.arm, score.point.unique_pairs) for score in results.scores}
    evaluated |= {(point.arm, point.unique_pairs) for point in results.spends}
    place = {arm: number for number, arm in enumerate((START.arm, *results.arms))}
    return sorted(evaluated, key=lambda row: (row[1], place.get(row[0], len(place)), row[0]))


def stack(scores: Sequence[Score]) -> tuple[NDArray[np.float64], bool]:
    """Scores to an array (scores, problems), and whether its columns are problems.

    Scores without values for each problem, or with different numbers of them, can't be paired by problem:
    then the array is (scores, 1), their totals.
    """
    import numpy as np

    sizes = {len(score.per_problem) for score in scores}
    if len(sizes) == 1 and sizes != {0}:
        return np.array([score.per_problem for score in scores], dtype=np.float64), True
    return np.array([[score.value] for score in scores], dtype=np.float64).reshape(-1, 1), False


def _primary(measures: Sequence[Measure]) -> Measure:
    """The greedy one, or the first where there is none."""
    return next((measure for measure in measures if measure.metric == "greedy"), measures[0])


def _by_benchmark(measures: Sequence[Measure]) -> list[list[Measure]]:
    groups: dict[str, list[Measure]] = {}
    for measure in measures:
        groups.setdefault(measure.benchmark, []).append(measure)
    return list(groups.values())
