"""Accuracy against data: the area under the curve, and the data that an arm needs for another's accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lorr_bench.stats.components import Table, observed
from lorr_bench.stats.crossed import stratified_interval
from lorr_bench.stats.estimates import Efficiency, Interval
from lorr_bench.stats.resampling import hierarchical_draws, point_means

Array = NDArray[np.float64]

DRAWS = 2000


def area_under_curve(
    budgets: Sequence[float],
    tables: Sequence[ArrayLike],
    *,
    benchmarks: Sequence[str] | None = None,
    level: float = 0.95,
) -> Interval:
    """Mean accuracy between the smallest and the largest budget, over the logarithm of the data.

    The trapezoid rule over log2 of the budgets, divided by their range: so it is an accuracy, and two curves
    of the same budgets can be compared. It is linear in the scores, so its interval is that of a mean.

    Args:
        budgets: Pairs, prompts or tokens of each table, in any order; a budget of 0 is not used.
        tables: Scores (seeds, problems) at each budget; the same seeds and problems in all.
        benchmarks: Name of each column's benchmark; they get equal weight. Without it, all are of one.
        level: Confidence level.

    Returns:
        The interval. All NaN with fewer than two budgets above 0, or where one has no scores.

    Raises:
        ValueError: If budgets and tables differ in number, tables in shape, or names in number from columns.
    """
    data, points = _curve(budgets, tables)
    seeds, problems = points.shape[1:]
    if len(set(data)) < 2:
        return Interval(math.nan, math.nan, math.nan, seeds, problems)
    steps = np.diff(np.log2(data))
    weights = (np.append(steps, 0) + np.append(0, steps)) / (2 * steps.sum())
    mean_scores = np.tensordot(weights, points, axes=1)
    # Rounding may carry a mean of ones above one.
    return stratified_interval(_by_benchmark(np.minimum(mean_scores, 1.0), benchmarks), level)


def data_efficiency(
    budgets: Sequence[float],
    treatment: Sequence[ArrayLike],
    baseline: Sequence[ArrayLike],
    *,
    benchmarks: Sequence[str] | None = None,
    level: float = 0.95,
    unit: str = "pairs",
    seed: int = 0,
) -> Efficiency:
    """Share of the baseline's largest budget at which the treatment has the accuracy the baseline has there.

    Where the treatment's mean curve, straight between budgets over the logarithm of the data, first gets
    there. The interval holds the middle of 2,000 draws of a hierarchical bootstrap, seeds first, then
    problems, of all points at once; a draw whose curve is there at its smallest budget counts as 0, one that
    never gets there as infinite.

    Args:
        budgets: Pairs, prompts or tokens of each table, in any order; a budget of 0 is not used.
        treatment: Scores (seeds, problems) at each budget, all NaN where there are none; the same seeds and
            problems in all. Seeds without a score at any point are left out, and problems with a NaN.
        baseline: The same of the other arm; the largest budget with scores is its final one.
        benchmarks: Name of each column's benchmark; they get equal weight. Without it, all are of one.
        level: Confidence level.
        unit: Of the budgets, for the reason in words.
        seed: Of the bootstrap.

    Returns:
        The ratio; NaN without scores.

    Raises:
        ValueError: If budgets and tables differ in number, tables in shape, or names in number from columns.
    """
    data, points = _curve(budgets, treatment)
    baseline_data, baseline_points = _curve(budgets, baseline)
    if points.shape[1:] != baseline_points.shape[1:]:
        raise ValueError(f"treatment {points.shape[1:]} and baseline {baseline_points.shape[1:]} must match")
    known, final = _with_scores(points), np.flatnonzero(_with_scores(baseline_points))
    if not known.any() or not final.size:
        return Efficiency(math.nan, math.nan, math.nan, False, "no scores")
    data, whole = data[known], float(baseline_data[final[-1]])
    cells = _complete_cells(np.concatenate([points[known], baseline_points[final[-1:]]]), benchmarks)
    if any(table.size == 0 for table in cells[0]):
        return Efficiency(math.nan, math.nan, math.nan, False, "no seed and problem has all scores")
    means = point_means(cells)
    low, high = _ends(data, cells, means, 1 - level, seed)
    needed = float(_needed(data, means[None])[0])
    ratio, reason = _bound(needed / whole, data, whole, unit)
    return Efficiency(ratio, low / whole, high / whole, not reason, reason)


def _bound(ratio: float, data: Array, whole: float, unit: str) -> tuple[float, str]:
    """A ratio that lies outside of the budgets to what can be said of it, with the reason; others as is."""
    if math.isinf(ratio):
        return math.nan, f"not reached within {data[-1]:,.0f} {unit}"
    if ratio == 0:
        least = float(data[0]) / whole
        return least, f"at most {least:.2g}: reached at the smallest budget, {data[0]:,.0f} {unit}"
    return ratio, ""


def _ends(
    data: Array, cells: Sequence[Sequence[Table]], means: Array, alpha: float, seed: int
) -> tuple[float, float]:
    """Ends of the interval of the data needed; NaN where nothing can be resampled."""
    target = cells[-1]
    if sum(table.size for table in target) <= len(target):
        return math.nan, math.nan
    nearest = int(np.argmin(np.abs(means[:-1] - means[-1])))
    contrast = [table - final for table, final in zip(cells[nearest], target, strict=True)]
    drawn = _needed(data, hierarchical_draws(cells, contrast, alpha, DRAWS, seed))
    low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], method="inverted_cdf")
    return min(float(low), float(data[-1])), max(float(high), float(data[0]))


def _needed(data: Array, means: Array) -> Array:
    """Means (draws, budgets + 1), the last the target, to the data (draws,) at which it is first reached.

    0 where the curve is there from its smallest budget on, infinite where it never gets there.
    """
    gap = means[:, :-1] - means[:, -1:]
    there = gap >= 0
    after = there.argmax(axis=1)
    rows, before = np.arange(len(gap)), np.maximum(after - 1, 0)
    rise = gap[rows, after] - gap[rows, before]
    part = np.divide(-gap[rows, before], rise, out=np.zeros(len(gap)), where=rise > 0)
    logs = np.log(data)
    needed: Array = np.exp(logs[before] + part * (logs[after] - logs[before]))
    needed[there[:, 0]] = 0.0
    needed[~there.any(axis=1)] = np.inf
    return needed


def _curve(budgets: Sequence[float], tables: Sequence[ArrayLike]) -> tuple[Array, Array]:
    """Budgets above 0, rising, and their scores (budgets, seeds, problems)."""
    data, scores = np.asarray(budgets, dtype=np.float64), [np.asarray(t, dtype=np.float64) for t in tables]
    if len(data) != len(scores):
        raise ValueError(f"{len(data)} budgets for {len(scores)} tables")
    if len({table.shape for table in scores}) > 1 or any(table.ndim != 2 for table in scores):
        shapes = [table.shape for table in scores]
        raise ValueError(f"tables of a curve must have one shape (seeds, problems), not {shapes}")
    order = [int(place) for place in np.argsort(data, kind="stable") if data[place] > 0]
    shape = scores[0].shape if scores else (0, 0)
    points = np.array([scores[place] for place in order]).reshape(len(order), *shape)
    return data[order], np.asarray(points)


def _with_scores(points: Array) -> NDArray[np.bool_]:
    """(budgets, seeds, problems) to whether each budget has a score."""
    return np.asarray(~np.isnan(points).all(axis=(1, 2)))


def _complete_cells(points: Array, benchmarks: Sequence[str] | None) -> list[list[Table]]:
    """Points (points, seeds, problems) to tables by benchmark, of the seeds and problems with all scores."""
    rows, columns = observed(_by_benchmark(points.sum(axis=0), benchmarks))
    return [
        [table[rows][:, some] for table, some in zip(_by_benchmark(point, benchmarks), columns, strict=True)]
        for point in points
    ]


def _by_benchmark(table: Array, benchmarks: Sequence[str] | None) -> list[Table]:
    """The columns (seeds, problems) of each benchmark, in the order of their names."""
    if benchmarks is None:
        return [table]
    names = np.asarray(benchmarks)
    if len(names) != table.shape[1]:
        raise ValueError(f"{len(names)} names of benchmarks for {table.shape[1]} problems")
    return [table[:, names == name] for name in sorted(set(benchmarks))]
