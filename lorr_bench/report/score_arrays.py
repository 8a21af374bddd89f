"""Scores as arrays for the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lorr_bench.report.study import Study
from lorr_bench.stats import weighted_table
from lorr_bench.values import Measure, Score, Stratum


@dataclass(frozen=True)
class Points:
    """The scores of several models on one measure, on the seeds that all have.

    Attributes:
        scores: (models, seeds, problems), the parts of an average beside each other.
        benchmarks: Name of each column's benchmark.
        families: Name of each column's family within its benchmark; of a column without one its number.
        by_problem: Whether columns are problems, and no totals.
    """

    scores: NDArray[np.float64]
    benchmarks: tuple[str, ...]
    families: tuple[str, ...]
    by_problem: bool

    @property
    def seeds(self) -> int:
        """Seeds that all models have."""
        return int(self.scores.shape[1])

    @property
    def problems(self) -> int:
        """Problems; 0 where scores are known only as totals."""
        return int(self.scores.shape[2]) if self.by_problem else 0


def stack_models(study: Study, measure: Measure, models: Sequence[tuple[str, int]]) -> Points | None:
    """The scores of models, an arm at a budget each, on a measure; None where they share no seed."""
    parts = study.parts(measure)
    found = [[study.scores.get((part, *model), {}) for model in models] for part in parts]
    seeds = sorted(set.intersection(*(set(by_seed) for of_part in found for by_seed in of_part)))
    if not seeds:
        return None
    stacked = [stack([by_seed[seed] for by_seed in of_part for seed in seeds]) for of_part in found]
    by_problem = [known for _, known in stacked]
    columns = [
        _families(families, scores.shape[1])
        for families, (scores, _) in zip(study.families(measure, by_problem), stacked, strict=True)
    ]
    return Points(
        np.hstack([scores for scores, _ in stacked]).reshape(len(models), len(seeds), -1),
        tuple(part.benchmark for part, names in zip(parts, columns, strict=True) for _ in names),
        tuple(name for names in columns for name in names),
        all(by_problem),
    )


def _families(families: Sequence[str] | None, problems: int) -> Sequence[str]:
    """Family of each problem; each is its own where they are unknown, and a total is."""
    return [f"{number}" for number in range(problems)] if families is None else families


def stack(scores: Sequence[Score]) -> tuple[NDArray[np.float64], bool]:
    """Scores to an array (scores, problems), and whether its columns are problems.

    Scores without values for each problem, or with different numbers of them, can't be paired by problem:
    then the array is (scores, 1), their totals. Where problems do not count alike, the columns are their
    weighted cells (``weighted_table``).
    """
    sizes = {len(score.per_problem) for score in scores}
    if len(sizes) == 1 and sizes != {0}:
        table = np.array([score.per_problem for score in scores], dtype=np.float64)
        return _weighted(table, scores[0].strata), True
    return np.array([[score.value] for score in scores], dtype=np.float64).reshape(-1, 1), False


def _weighted(table: NDArray[np.float64], strata: Sequence[Stratum]) -> NDArray[np.float64]:
    if not strata:
        return table
    return weighted_table(table, [one.problems for one in strata], [one.weight for one in strata])
