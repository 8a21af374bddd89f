"""Every paired difference of a report: which were declared beforehand, and what came of them.

Primary contrasts are tested on one measure: Holm's correction over them at the largest budget, or at those
that they name, then smaller budgets in fixed sequence. Where a margin is declared, their equivalence is
tested in the same way, apart. Everything else is secondary, in families of its own: the measures of math,
those of general reasoning, and the average of each, which never stands in a family with its parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import SimpleNamespace
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
    permuted_equivalence,
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
CORRECTED: Final = ("tests", "p_holm", "significant", "detectable")
LATER: Final = (
    "reference_pairs",
    "named_budgets",
    "equivalence_margin",
    "p_equivalence",
    "p_equivalence_holm",
    "equivalent",
    "p_equivalence_permuted_seeds",
)
"""Columns that came later, and so stand last."""

NO_EQUIVALENCE: Final = {"p_equivalence": math.nan, "p_equivalence_permuted_seeds": math.nan}

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]
"""Treatment and reference (seeds, problems), one pair a benchmark."""
Budgets = tuple[int, int]
"""Unique pairs of treatment and reference."""


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

        ``unique_pairs`` is the budget of the treatment, ``reference_pairs`` that of the reference, another
        only where ``named_budgets``: where the suite says at which budgets the two are compared.
        ``p_equivalence`` is that of two one-sided tests against the margin, of declared differences where a
        margin was; ``p_equivalence_holm`` is corrected as ``p_holm`` is, ``equivalent`` where it is below
        0.05.
    """
    places = {contrast: number for number, contrast in enumerate(study.analysis.primary)}
    found = sorted(_Differences(study).rows(), key=lambda row: _order(row[0], places))
    frame = pd.DataFrame([row for row, _ in found], columns=[*COLUMNS, *LATER])
    frame["tests"] = frame.groupby(["family", "role", _sequence_step(frame)])["p_value"].transform("count")
    frame["p_holm"] = _corrected(frame)
    frame["significant"] = frame["p_holm"] < SIGNIFICANCE
    frame["detectable"] = [
        _detectable(difference, tests) for (_, difference), tests in zip(found, frame["tests"], strict=True)
    ]
    frame["p_equivalence_holm"] = _in_sequence(frame, "p_equivalence")
    frame["equivalent"] = frame["p_equivalence_holm"] < SIGNIFICANCE
    return frame[[*COLUMNS, *CORRECTED, *LATER]]


def declared_rows(contrasts: pd.DataFrame) -> pd.DataFrame:
    """The differences that were declared beforehand, those at the largest budget first."""
    return contrasts[contrasts["role"].isin(DECLARED)]


def contrast_of_row(row: Any) -> Contrast:
    """The contrast that a row is of, with its budgets where the suite names them."""
    pairs = (int(row.unique_pairs), int(row.reference_pairs)) if row.named_budgets else (None, None)
    return Contrast(row.treatment, row.reference, *pairs)


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
            for contrast, budgets in self._places():
                found = self._difference(contrast, budgets, measure)
                if found is not None:
                    named = self._named(contrast, budgets, measure)
                    yield named | _columns(*found, named["equivalence_margin"]), found[0]

    def _places(self) -> Iterator[tuple[Contrast, Budgets]]:
        """Each contrast at every budget of the results, or at those that it names; each place once."""
        contrasts = self.study.contrasts
        for budget in self.study.evaluated_budgets:
            for contrast in contrasts:
                at_once = replace(contrast, treatment_pairs=budget, reference_pairs=budget)
                if not contrast.names_budgets and at_once not in contrasts:
                    yield contrast, (budget, budget)
        for contrast in contrasts:
            if contrast.treatment_pairs is not None and contrast.reference_pairs is not None:
                yield contrast, (contrast.treatment_pairs, contrast.reference_pairs)

    def _named(self, contrast: Contrast, budgets: Budgets, measure: Measure) -> dict[str, Any]:
        """What a difference is of, whether it was declared, and what it is corrected with."""
        declared = measure == self.study.primary_measure and contrast in self.declared
        first = contrast.names_budgets or budgets[0] == self.study.primary_budget
        role = (PRIMARY if first else SEQUENCE) if declared else SECONDARY
        family = f"average of {measure.kind}" if measure in self.study.averages else measure.kind
        margin = self.study.analysis.equivalence_margin if declared else None
        return {
            "treatment": contrast.treatment,
            "reference": contrast.reference,
            "unique_pairs": budgets[0],
            "reference_pairs": budgets[1],
            "named_budgets": contrast.names_budgets,
            **asdict(measure),
            "role": role,
            "family": PRIMARY if declared else family,
            "equivalence_margin": math.nan if margin is None else margin,
        }

    def _difference(
        self, contrast: Contrast, budgets: Budgets, measure: Measure
    ) -> tuple[Difference, Pairs, bool] | None:
        """The paired difference over the seeds that both arms have, its arrays, and whether by problem.

        None where there is no such seed.
        """
        left, right = (
            self.study.scores_by_seed(measure, arm, budget)
            for arm, budget in zip((contrast.treatment, contrast.reference), budgets, strict=True)
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
            spread=self._spread(contrast, measure, budgets, seeds),
        )
        return found, pairs, all(by_problem)

    def _spread(
        self, contrast: Contrast, measure: Measure, budgets: Budgets, seeds: tuple[int, ...]
    ) -> SeedSpread | None:
        """How seeds scatter over the arms of a budget, for two of them; None where nothing is pooled.

        Models of different budgets share less of their data, so their difference has its own spread.
        """
        budget, other = budgets
        if budget != other:
            return None
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


def _columns(found: Difference, pairs: Pairs, by_problem: bool, margin: float) -> dict[str, Any]:
    treatment, reference = _means_of(pairs)
    tested = found.seeds > 1
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
        "p_permuted_seeds": permutation_test(*_seed_means(pairs), over="seeds") if tested else math.nan,
        **(_equivalence(found, pairs, margin) if tested and not math.isnan(margin) else NO_EQUIVALENCE),
    }


def _equivalence(found: Difference, pairs: Pairs, margin: float) -> dict[str, float]:
    return {
        "p_equivalence": found.equivalence_p(margin),
        "p_equivalence_permuted_seeds": permuted_equivalence(*_seed_means(pairs), margin),
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


def _seed_means(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Of both arms one mean a seed and benchmark, for the check that assumes no distribution."""
    means = [[part.mean(axis=1) for part in side] for side in zip(*pairs, strict=True)]
    treatment, baseline = map(np.column_stack, means)
    return treatment, baseline


def _order(row: Mapping[str, Any], places: Mapping[Contrast, int]) -> tuple[int, int]:
    """Primary ones as they are declared, then smaller budgets from large to small; others as they come."""
    if row["role"] == PRIMARY:
        return 0, places[contrast_of_row(SimpleNamespace(**row))]
    return (1, -row["unique_pairs"]) if row["role"] == SEQUENCE else (2, 0)


def _sequence_step(frame: pd.DataFrame) -> pd.Series[Any]:
    """What sets the families of the fixed sequence apart: their budget."""
    return frame["unique_pairs"].where(frame["role"] == SEQUENCE, 0)


def _corrected(frame: pd.DataFrame) -> pd.Series[float]:
    """Corrected p-values: the declared ones in fixed sequence, every other family by Holm."""
    corrected = _in_sequence(frame, "p_value")
    for _, rows in frame[frame["role"] == SECONDARY].groupby("family", sort=False):
        corrected[rows.index] = holm(rows["p_value"].to_numpy(dtype=float))
    return corrected


def _in_sequence(frame: pd.DataFrame, name: str) -> pd.Series[float]:
    """Declared p-values of a column in fixed sequence, corrected by Holm within each step; NaN elsewhere."""
    corrected = pd.Series(math.nan, index=frame.index)
    declared = declared_rows(frame)
    if not declared.loc[declared["role"] == PRIMARY, name].notna().any():
        return corrected  # nothing at the largest budget yet, so nothing to go on from
    # The fixed sequence goes from the largest budget down, the order in which the rows stand.
    steps = [rows.index for _, rows in declared.groupby(_sequence_step(declared), sort=False)]
    values = fixed_sequence([frame.loc[index, name].to_numpy(dtype=float) for index in steps])
    for index, adjusted in zip(steps, values, strict=True):
        corrected[index] = adjusted
    return corrected


def _detectable(difference: Difference, tests: int) -> float:
    return difference.detectable_at(SIGNIFICANCE / tests) if tests else math.nan
