"""Every paired difference of a report: which were declared beforehand, and what came of them.

Primary contrasts are tested on one measure: Holm's correction over them at the largest budget, then smaller
budgets in fixed sequence. Everything else is secondary, in families of its own: the measures of math, those
of general reasoning, and the average of each, which never stands in a family with its parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd

from lorr_bench.report.declared import all_contrasts, analysis_of, primary_budget
from lorr_bench.report.measures import (
    Measure,
    averages,
    primary_measure,
    reported_measures,
    score_cells,
    shared_scores,
    stack,
)
from lorr_bench.stats import (
    Difference,
    SeedSpread,
    fixed_sequence,
    holm,
    permutation_test,
    seed_spread,
    stratified_difference,
)
from lorr_bench.stats.components import observed
from lorr_bench.values import Contrast, Results, Score

SIGNIFICANCE: Final = 0.05
PRIMARY, SEQUENCE, SECONDARY = "primary", "sequence", "secondary"
"""Roles of a difference: declared and at the largest budget; declared, below it; everything else."""
DECLARED: Final = (PRIMARY, SEQUENCE)
MIN_POOLED: Final = 3
"""Arms: with two, their own spread is that of all."""
CONTRAST_COLUMNS: Final = (
    "treatment", "reference", "unique_pairs", "benchmark", "kind", "metric", "role", "family",
    "treatment_mean", "reference_mean", "difference", "difference_low", "difference_high", "p_value",
    "paired_seeds", "paired_problems", "paired_families", "pooled", "p_permuted_seeds",
)  # fmt: skip

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]
"""Treatment and reference (seeds, problems), one pair a benchmark."""
Strata = Mapping[int, Sequence[Score]]
"""Scores of one arm at one budget by seed, one for each part of a measure."""


def contrast_table(results: Results) -> pd.DataFrame:
    """Every contrast at each budget on each measure where both arms have a seed in common.

    Returns:
        One row a difference, the declared ones first, as shares. ``role`` is ``primary``, ``sequence`` (below
        the largest budget) or ``secondary``, ``family`` names the differences that it is corrected with and
        ``tests`` counts them. ``p_holm`` is the corrected p-value, ``significant`` where it is below 0.05.
        ``detectable`` is the difference that a test at the level of Holm's first step, 0.05 over ``tests``,
        finds in four of five suites. ``pooled`` says whether the variance between seeds is that of all arms
        of the budget. ``p_permuted_seeds`` is that of the permutation test over seeds, which assumes no
        distribution. ``paired_problems`` is 0 for scores known only as totals.
    """
    found = sorted(_Differences(results).rows(), key=lambda row: _order(row[0]))
    table = pd.DataFrame([row for row, _ in found], columns=list(CONTRAST_COLUMNS))
    table["tests"] = table.groupby(["family", "role", _sequence_step(table)])["p_value"].transform("count")
    table["p_holm"] = _corrected(table)
    table["significant"] = table["p_holm"] < SIGNIFICANCE
    table["detectable"] = [
        _detectable(difference, tests) for (_, difference), tests in zip(found, table["tests"], strict=True)
    ]
    return table


def declared_rows(contrasts: pd.DataFrame) -> pd.DataFrame:
    """The differences that were declared beforehand, those at the largest budget first."""
    return contrasts[contrasts["role"].isin(DECLARED)]


class _Differences:
    """The differences of one report, with what is computed once.

    Args:
        results: The results.
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self.cells = score_cells(results)
        self.averages = averages(results)
        self.declared = frozenset(analysis_of(results).primary)
        self.measure, self.largest = primary_measure(results), primary_budget(results)
        self.spreads: dict[tuple[Any, ...], tuple[SeedSpread, tuple[str, ...]] | None] = {}

    def rows(self) -> Iterator[tuple[dict[str, Any], Difference]]:
        """The columns of each difference, and the difference itself."""
        budgets = sorted({score.point.unique_pairs for score in self.results.scores})
        contrasts = all_contrasts(self.results)
        for measure in reported_measures(self.results):
            for budget in budgets:
                for contrast in contrasts:
                    found = self._difference(contrast, budget, self.averages.get(measure, (measure,)))
                    if found is not None:
                        named = self._named(contrast, budget, measure)
                        yield named | _columns(*found), found[0]

    def _named(self, contrast: Contrast, budget: int, measure: Measure) -> dict[str, Any]:
        """What a difference is of, whether it was declared, and what it is corrected with."""
        declared = measure == self.measure and contrast in self.declared
        role = (PRIMARY if budget == self.largest else SEQUENCE) if declared else SECONDARY
        family = f"average of {measure.kind}" if measure in self.averages else measure.kind
        return {
            **asdict(contrast), "unique_pairs": budget, **asdict(measure), "role": role,
            "family": PRIMARY if declared else family,
        }  # fmt: skip

    def _difference(
        self, contrast: Contrast, budget: int, parts: Sequence[Measure]
    ) -> tuple[Difference, Pairs, bool] | None:
        """The paired difference over the seeds that both arms have, its tables, and whether by problem.

        None where there is no such seed.
        """
        left, right = (
            shared_scores(self.cells, parts, arm, budget) for arm in (contrast.treatment, contrast.reference)
        )
        seeds = tuple(sorted(left.keys() & right.keys()))
        if not seeds:
            return None
        stacked = [
            stack([*of_left, *of_right])
            for of_left, of_right in zip(_by_part(left, seeds), _by_part(right, seeds), strict=True)
        ]
        by_problem = [known for _, known in stacked]
        pairs = [(table[: len(seeds)], table[len(seeds) :]) for table, _ in stacked]
        found = stratified_difference(
            pairs,
            families=problem_families(self.results, parts, by_problem),
            spread=self._spread(contrast, parts, budget, seeds),
        )
        return found, pairs, all(by_problem)

    def _spread(
        self, contrast: Contrast, parts: Sequence[Measure], budget: int, seeds: tuple[int, ...]
    ) -> SeedSpread | None:
        """How seeds scatter over the arms of a budget, for two of them; None where nothing is pooled."""
        key = (*parts, budget, seeds)
        if key not in self.spreads:
            means = self._means(parts, budget, seeds)
            arms, enough = tuple(means), len(means) >= MIN_POOLED and len(seeds) > 1
            self.spreads[key] = (seed_spread(np.array([*means.values()])), arms) if enough else None
        found = self.spreads[key]
        if found is None or not {contrast.treatment, contrast.reference} <= set(found[1]):
            return None
        spread, arms = found
        return spread.between(arms.index(contrast.treatment), arms.index(contrast.reference))

    def _means(
        self, parts: Sequence[Measure], budget: int, seeds: tuple[int, ...]
    ) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Mean of each trained model (seeds,) by arm, of arms that have all these seeds."""
        means = {}
        for arm in self.results.arms:
            strata = shared_scores(self.cells, parts, arm, budget)
            if set(seeds) <= strata.keys():
                tables = [stack(scores)[0] for scores in _by_part(strata, seeds)]
                complete = [table[:, ~np.isnan(table).any(axis=0)] for table in tables]
                if all(table.size for table in complete):
                    means[arm] = np.mean([table.mean(axis=1) for table in complete], axis=0)
        return means


def problem_families(
    results: Results, parts: Sequence[Measure], by_problem: Sequence[bool]
) -> list[tuple[str, ...] | None]:
    """Family of each problem of each part of a measure; None where they have nothing in common."""
    return [
        results.families.get(part.benchmark) if known else None
        for part, known in zip(parts, by_problem, strict=True)
    ]


def _by_part(strata: Strata, seeds: Sequence[int]) -> list[list[Score]]:
    """The scores of these seeds, part by part."""
    return [list(scores) for scores in zip(*(strata[seed] for seed in seeds), strict=True)]


def _columns(found: Difference, pairs: Pairs, by_problem: bool) -> dict[str, Any]:
    treatment, reference = _means_of(pairs)
    return {
        "treatment_mean": treatment, "reference_mean": reference,
        "difference": found.mean, "difference_low": found.low, "difference_high": found.high,
        "p_value": found.p_value, "paired_seeds": found.seeds,
        "paired_problems": found.problems if by_problem else 0,
        "paired_families": found.families if by_problem else 0,
        "pooled": found.parts.pooled_freedom > 0,
        "p_permuted_seeds": _permuted_seeds(pairs) if found.seeds > 1 else math.nan,
    }  # fmt: skip


def _means_of(pairs: Pairs) -> tuple[float, float]:
    """Mean of both arms over the seeds and problems of their difference; NaN without any."""
    rows, columns = observed([left - right for left, right in pairs])
    if not rows.any() or not all(some.any() for some in columns):
        return math.nan, math.nan
    left, right = (
        float(np.mean([part[rows][:, some].mean() for part, some in zip(side, columns, strict=True)]))
        for side in zip(*pairs, strict=True)
    )
    return left, right


def _permuted_seeds(pairs: Pairs) -> float:
    """The check of a difference that assumes no distribution: one mean a seed and benchmark."""
    means = [[part.mean(axis=1) for part in side] for side in zip(*pairs, strict=True)]
    treatment, baseline = map(np.column_stack, means)
    return permutation_test(treatment, baseline, over="seeds")


def _order(row: Mapping[str, Any]) -> tuple[int, int]:
    """Declared differences first, of these the largest budget first; others as they come."""
    role = (PRIMARY, SEQUENCE, SECONDARY).index(row["role"])
    return role, -row["unique_pairs"] if role < 2 else 0


def _sequence_step(table: pd.DataFrame) -> pd.Series[Any]:
    """What sets the families of the fixed sequence apart: their budget."""
    return table["unique_pairs"].where(table["role"] == SEQUENCE, 0)


def _corrected(table: pd.DataFrame) -> pd.Series[float]:
    """Corrected p-values: the declared ones in fixed sequence, every other family by Holm."""
    corrected = pd.Series(math.nan, index=table.index)
    declared = declared_rows(table)
    if not declared.loc[declared["role"] == PRIMARY, "p_value"].notna().any():
        declared = declared[:0]  # nothing at the largest budget yet, so nothing to go on from
    steps = [rows.index for _, rows in declared.groupby("unique_pairs", sort=False)]
    values = fixed_sequence([table.loc[index, "p_value"].to_numpy(dtype=float) for index in steps])
    for index, adjusted in zip(steps, values, strict=True):
        corrected[index] = adjusted
    for _, rows in table[table["role"] == SECONDARY].groupby("family", sort=False):
        corrected[rows.index] = holm(rows["p_value"].to_numpy(dtype=float))
    return corrected


def _detectable(difference: Difference, tests: int) -> float:
    return difference.detectable_at(SIGNIFICANCE / tests) if tests else math.nan
