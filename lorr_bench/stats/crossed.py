"""Intervals and paired differences of scores of several training seeds on the same problems.

Both noises are kept apart (``components``), and the width is that of a hierarchical bootstrap, seeds first,
then problems (``hierarchy``). Several benchmarks are strata of equal weight. Problems may come in families
(``families``), and the arms of one budget may share what is known of their seeds (``spread``).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from lorr_bench.stats.components import Components, Table, components
from lorr_bench.stats.estimates import Difference, Interval
from lorr_bench.stats.families import Names, complete_families
from lorr_bench.stats.hierarchy import half_width, p_value
from lorr_bench.stats.spread import SeedSpread
from lorr_bench.stats.wilson import wilson_ends


def crossed_interval(scores: ArrayLike, level: float = 0.95, families: Names | None = None) -> Interval:
    """Scores (seeds, problems), each between 0 and 1, to their mean and its interval.

    The width is laid around the mean as Wilson's interval lays a binomial one, with the binomial sample size
    that would give the same width: so it stays between 0 and 1 and is not empty when every answer is wrong.
    With equal rows and 0/1 scores it is Wilson's interval for the number of problems, up to Student's
    quantile and the P - 1 of the sample variance.

    Args:
        scores: One row a trained model, one column a problem. Rows of NaN only are left out, then columns
            with a NaN. A single column stands for scores known only as a total: then the interval covers
            the seeds only.
        level: Confidence level.
        families: Name of each problem's family, where problems come in families: what is drawn is families
            then (``family_table``). One family alone is like a single column.

    Returns:
        The interval; NaN ends where neither seeds nor problems are at least two or totals of all seeds are
        the same, all NaN without scores.

    Raises:
        ValueError: If the scores are not two-dimensional, or there are not as many names as problems.
    """
    return stratified_interval([scores], level, [families])


def stratified_interval(
    tables: Sequence[ArrayLike], level: float = 0.95, families: Sequence[Names | None] | None = None
) -> Interval:
    """Tables (seeds, problems) of several benchmarks to the mean of their means and its interval.

    Args:
        tables: One a benchmark, each as in ``crossed_interval``; row s of all is the same trained model. A
            row without a score in one benchmark is left out of all.
        level: Confidence level.
        families: For each benchmark as in ``crossed_interval``, or None.

    Returns:
        The interval; all NaN if a benchmark has no scores.

    Raises:
        ValueError: If there is no table, one is not two-dimensional, the numbers of rows differ, or those of
            names and problems.
    """
    scores, problems = complete_families(_arrays(tables), families)
    parts = components(scores)
    ratio = _relative_width(parts, scores, 1 - level)
    low, high = (math.nan, math.nan) if math.isnan(ratio) else wilson_ends(parts.mean, ratio)
    return Interval(parts.mean, low, high, parts.seeds, problems, parts.problems)


def paired_difference(
    treatment: ArrayLike,
    baseline: ArrayLike,
    level: float = 0.95,
    *,
    families: Names | None = None,
    spread: SeedSpread | None = None,
) -> Difference:
    """Scores (seeds, problems) of two arms to their mean paired difference, interval and p-value.

    Row s of both was trained with the same seed and column p is the same problem, so the difference of each
    cell is free of the problem's difficulty. The p-value is the one at which the interval touches zero. Arms
    that disagree on less than one of P problems get the variance of one, 1/(P·(P + 2)), in proportion
    (compare Agresti & Min 2005): thirty problems without a disagreement don't prove that there is none.

    Args:
        treatment: Scores between 0 and 1 of the arm in question; NaN and single columns as in
            ``crossed_interval``.
        baseline: Scores of the arm it is compared with, in the same shape.
        level: Confidence level.
        families: Name of each problem's family, as in ``crossed_interval``.
        spread: How much the arms of this budget scatter over seeds, ``SeedSpread.between`` of these two. It
            gives the training part more degrees of freedom than the S - 1 of the difference itself.

    Returns:
        The difference; NaN where it can't be estimated.

    Raises:
        ValueError: If the shapes differ or are not two-dimensional, or the numbers of names and problems do.
    """
    return stratified_difference([(treatment, baseline)], level, families=[families], spread=spread)


def stratified_difference(
    pairs: Sequence[tuple[ArrayLike, ArrayLike]],
    level: float = 0.95,
    *,
    families: Sequence[Names | None] | None = None,
    spread: SeedSpread | None = None,
) -> Difference:
    """Pairs of tables (seeds, problems) of several benchmarks to the mean of their mean differences.

    Args:
        pairs: Treatment and baseline, one pair a benchmark, each as in ``paired_difference``; row s of all
            is the same seed. A seed without a score in one benchmark is left out of all.
        level: Confidence level.
        families: For each benchmark as in ``crossed_interval``, or None.
        spread: As in ``paired_difference``, of the means over these benchmarks.

    Returns:
        The difference; all NaN if a benchmark has no scores.

    Raises:
        ValueError: If there is no pair, the shapes of a pair differ, the numbers of rows do, or those of
            names and problems.
    """
    differences = []
    for treatment, baseline in pairs:
        left, right = _arrays([treatment, baseline])
        if left.shape != right.shape:
            raise ValueError(f"treatment {left.shape} and baseline {right.shape} must have the same shape")
        differences.append(left - right)
    cells, problems = complete_families(_arrays(differences), families)
    parts = _with_one_disagreement(components(cells, spread), cells)
    half, p = half_width(parts, 1 - level), p_value(parts)
    low, high = parts.mean - half, parts.mean + half
    return Difference(parts.mean, low, high, p, parts.seeds, problems, parts.problems, parts)


def _arrays(tables: Sequence[ArrayLike]) -> list[Table]:
    if not tables:
        raise ValueError("a mean over benchmarks needs at least one table of scores")
    return [np.asarray(table, dtype=np.float64) for table in tables]


def _with_one_disagreement(parts: Components, tables: Sequence[Table]) -> Components:
    """The parts, with what a benchmark lacks to one problem unlike the rest added to the problem part.

    One problem on which all seeds differ by one from the rest has about the variance 1/(P·(P + 2)). In a
    table of families, P are families.
    """
    more = 0.0
    for table in tables:
        problems = table.shape[1]
        if table.size and problems > 1:
            unlike = problems * float(np.abs(table - table.mean()).mean()) / 2
            more += max(1 - unlike, 0.0) / (problems * (problems + 2))
    return dataclasses.replace(parts, problem=parts.problem + more / len(tables) ** 2) if more else parts


def _relative_width(parts: Components, scores: Sequence[Table], alpha: float) -> float:
    """Squared half width over mean · (1 - mean); NaN where the variance is unknown.

    Where a benchmark has nearly equal scores, it is widened as a difference's is, up to the width for one
    answer to each problem.
    """
    alone = _relative_width_alone(parts, alpha)
    spread = parts.mean * (1 - parts.mean)
    if spread == 0:
        return alone
    mended = _with_one_disagreement(parts, scores)
    ratio = half_width(mended, alpha) ** 2 / spread
    if mended is parts:
        return ratio
    plain = half_width(parts, alpha) ** 2 / spread if parts.variance > 0 else 0.0
    return max(plain, min(ratio, alone))


def _relative_width_alone(parts: Components, alpha: float) -> float:
    """Squared half width over mean · (1 - mean), with one answer to each problem."""
    if not parts.freedom > 0:
        return math.nan
    share = sum(1 / size for size in parts.sizes if size > 1) / len(parts.sizes) ** 2
    return float(special.stdtrit(parts.freedom, 1 - alpha / 2)) ** 2 * share
