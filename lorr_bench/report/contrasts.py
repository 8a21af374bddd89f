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

from lorr_bench.report.formatting import DAGGER, interval, points
from lorr_bench.report.score_arrays import stack
from lorr_bench.report.study import Study
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
from lorr_bench.values import Contrast, Measure, Score

SIGNIFICANCE: Final = 0.05
PRIMARY, SEQUENCE, SECONDARY = "primary", "sequence", "secondary"
"""Roles of a difference: declared and at the largest budget; declared, below it; everything else."""
DECLARED: Final = (PRIMARY, SEQUENCE)
WIDER_THAN_THE_SCALE: Final = "[wider than the scale]"
MIN_POOLED: Final = 3
"""Arms: with two, their own spread is that of all."""
COLUMNS: Final = (
    "treatment",
    "reference",
    "unique_pairs",
    "benchmark",
    "kind",
    "metric",
    "role",
    "family",
    "treatment_mean",
    "reference_mean",
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "paired_seeds",
    "paired_problems",
    "paired_families",
    "pooled",
    "p_permuted_seeds",
)

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]
"""Treatment and reference (seeds, problems), one pair a benchmark."""


def contrast_frame(study: Study) -> pd.DataFrame:
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
    found = sorted(_Differences(study).rows(), key=lambda row: _order(row[0]))
    frame = pd.DataFrame([row for row, _ in found], columns=list(COLUMNS))
    frame["tests"] = frame.groupby(["family", "role", _sequence_step(frame)])["p_value"].transform("count")
    frame["p_holm"] = _corrected(frame)
    frame["significant"] = frame["p_holm"] < SIGNIFICANCE
    frame["detectable"] = [
        _detectable(difference, tests) for (_, difference), tests in zip(found, frame["tests"], strict=True)
    ]
    return frame


def declared_rows(contrasts: pd.DataFrame) -> pd.DataFrame:
    """The differences that were declared beforehand, those at the largest budget first."""
    return contrasts[contrasts["role"].isin(DECLARED)]


def declared_mark(row: Any) -> str:
    """What marks a difference that was declared beforehand."""
    return DAGGER if row.role in DECLARED else ""


def difference_interval(row: Any) -> str:
    """The interval of a difference in points: ``[+9.8, +16.4]``; nothing where there is none.

    No difference of shares is larger than 100 points: an end beyond is said so, and an interval that holds
    the whole scale says in words that it tells nothing.
    """
    low, high = row.difference_low, row.difference_high
    if low <= -1 and high >= 1:
        return WIDER_THAN_THE_SCALE
    ends = f"< {points(-1)}" if low < -1 else points(low), f"> {points(1)}" if high > 1 else points(high)
    return interval(*ends)


class _Differences:
    """The differences of a suite; how seeds scatter is computed once for all that share it.

    Args:
        study: The results.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.declared = frozenset(study.analysis.primary)
        self.spreads: dict[tuple[Any, ...], tuple[SeedSpread, Mapping[str, int]] | None] = {}

    def rows(self) -> Iterator[tuple[dict[str, Any], Difference]]:
        """The columns of each difference, and the difference itself."""
        for measure in self.study.reported_measures:
            for budget in self.study.evaluated_budgets:
                for contrast in self.study.contrasts:
                    found = self._difference(contrast, budget, measure)
                    if found is not None:
                        named = self._named(contrast, budget, measure)
                        yield named | _columns(*found), found[0]

    def _named(self, contrast: Contrast, budget: int, measure: Measure) -> dict[str, Any]:
        """What a difference is of, whether it was declared, and what it is corrected with."""
        declared = measure == self.study.primary_measure and contrast in self.declared
        role = (PRIMARY if budget == self.study.primary_budget else SEQUENCE) if declared else SECONDARY
        family = f"average of {measure.kind}" if measure in self.study.averages else measure.kind
        return {
            **asdict(contrast),
            "unique_pairs": budget,
            **asdict(measure),
            "role": role,
            "family": PRIMARY if declared else family,
        }

    def _difference(
        self, contrast: Contrast, budget: int, measure: Measure
    ) -> tuple[Difference, Pairs, bool] | None:
        """The paired difference over the seeds that both arms have, its arrays, and whether by problem.

        None where there is no such seed.
        """
        left, right = (
            self.study.scores_by_seed(measure, arm, budget)
            for arm in (contrast.treatment, contrast.reference)
        )
        seeds = tuple(sorted(left.keys() & right.keys()))
        if not seeds:
            return None
        stacked = [
            stack([*of_left, *of_right])
            for of_left, of_right in zip(_by_part(left, seeds), _by_part(right, seeds), strict=True)
        ]
        by_problem = [known for _, known in stacked]
        pairs = [(scores[: len(seeds)], scores[len(seeds) :]) for scores, _ in stacked]
        found = stratified_difference(
            pairs,
            families=self.study.families(measure, by_problem),
            spread=self._spread(contrast, measure, budget, seeds),
        )
        return found, pairs, all(by_problem)

    def _spread(
        self, contrast: Contrast, measure: Measure, budget: int, seeds: tuple[int, ...]
    ) -> SeedSpread | None:
        """How seeds scatter over the arms of a budget, for two of them; None where nothing is pooled."""
        key = (measure, budget, seeds)
        if key not in self.spreads:
            means = self._means(measure, budget, seeds)
            enough = len(means) >= MIN_POOLED and len(seeds) > 1
            numbers = {arm: number for number, arm in enumerate(means)}
            self.spreads[key] = (seed_spread(np.array([*means.values()])), numbers) if enough else None
        found = self.spreads[key]
        if found is None or not {contrast.treatment, contrast.reference} <= found[1].keys():
            return None
        spread, number_of = found
        return spread.between(number_of[contrast.treatment], number_of[contrast.reference])

    def _means(
        self, measure: Measure, budget: int, seeds: tuple[int, ...]
    ) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Mean of each trained model (seeds,) by arm, of arms that have all these seeds."""
        means = {}
        for arm in self.study.results.arms:
            by_seed = self.study.scores_by_seed(measure, arm, budget)
            if set(seeds) <= by_seed.keys():
                arrays = [stack(scores)[0] for scores in _by_part(by_seed, seeds)]
                complete = [scores[:, ~np.isnan(scores).any(axis=0)] for scores in arrays]
                if all(scores.size for scores in complete):
                    means[arm] = np.mean([scores.mean(axis=1) for scores in complete], axis=0)
        return means


def _by_part(by_seed: Mapping[int, Sequence[Score]], seeds: Sequence[int]) -> list[list[Score]]:
    """The scores of these seeds, part by part of a measure."""
    return [list(scores) for scores in zip(*(by_seed[seed] for seed in seeds), strict=True)]


def _columns(found: Difference, pairs: Pairs, by_problem: bool) -> dict[str, Any]:
    treatment, reference = _means_of(pairs)
    return {
        "treatment_mean": treatment,
        "reference_mean": reference,
        "difference": found.mean,
        "difference_low": found.low,
        "difference_high": found.high,
        "p_value": found.p_value,
        "paired_seeds": found.seeds,
        "paired_problems": found.problems if by_problem else 0,
        "paired_families": found.families if by_problem else 0,
        "pooled": found.parts.pooled_freedom > 0,
        "p_permuted_seeds": _permuted_seeds(pairs) if found.seeds > 1 else math.nan,
    }


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


def _sequence_step(frame: pd.DataFrame) -> pd.Series[Any]:
    """What sets the families of the fixed sequence apart: their budget."""
    return frame["unique_pairs"].where(frame["role"] == SEQUENCE, 0)


def _corrected(frame: pd.DataFrame) -> pd.Series[float]:
    """Corrected p-values: the declared ones in fixed sequence, every other family by Holm."""
    corrected = pd.Series(math.nan, index=frame.index)
    declared = declared_rows(frame)
    if not declared.loc[declared["role"] == PRIMARY, "p_value"].notna().any():
        declared = declared[:0]  # nothing at the largest budget yet, so nothing to go on from
    # The fixed sequence goes from the largest budget down, the order in which the rows stand.
    steps = [rows.index for _, rows in declared.groupby("unique_pairs", sort=False)]
    values = fixed_sequence([frame.loc[index, "p_value"].to_numpy(dtype=float) for index in steps])
    for index, adjusted in zip(steps, values, strict=True):
        corrected[index] = adjusted
    for _, rows in frame[frame["role"] == SECONDARY].groupby("family", sort=False):
        corrected[rows.index] = holm(rows["p_value"].to_numpy(dtype=float))
    return corrected


def _detectable(difference: Difference, tests: int) -> float:
    return difference.detectable_at(SIGNIFICANCE / tests) if tests else math.nan
