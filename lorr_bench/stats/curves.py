"""Accuracy against data or a setting: areas under curves, and the data needed for another arm's accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lorr_bench.stats.components import Table, observed
from lorr_bench.stats.crossed import stratified_difference, stratified_interval
from lorr_bench.stats.estimates import Difference, Efficiency, Interval
from lorr_bench.stats.families import family_table
from lorr_bench.stats.resampling import hierarchical_draws, point_means

Array = NDArray[np.float64]

DRAWS = 2000
FACTOR = 3.0  # of values of a setting: above it their logarithm is what is even
ROUNDING = 1e-9  # 3e-4 is not quite three times 1e-4
FLAT = "not defined: the baseline does not rise"


def area_under_curve(
    budgets: Sequence[float],
    tables: Sequence[ArrayLike],
    *,
    benchmarks: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    level: float = 0.95,
) -> Interval:
    """Mean accuracy between the smallest and the largest budget, over the logarithm of the data.

    The trapezoid rule over log2 of the budgets, divided by their range: so it is an accuracy, and two curves
    of the same budgets can be compared. It is linear in the scores, so its interval is that of a mean.

    Args:
        budgets: Pairs, prompts or tokens of each table, in any order; a budget of 0 is not used.
        tables: Scores (seeds, problems) at each budget; the same seeds and problems in all.
        benchmarks: Name of each column's benchmark; they get equal weight. Without it, all are of one.
        families: Name of each column's family within its benchmark; what is drawn is families. Without it,
            each problem is its own.
        level: Confidence level.

    Returns:
        The interval, families as its problems. All NaN with fewer than two budgets above 0, or where one has
        no scores.

    Raises:
        ValueError: If budgets and tables differ in number, tables in shape, or names in number from columns.
    """
    data, points = _curve(budgets, tables)
    seeds, problems = points.shape[1:]
    if len(set(data)) < 2:
        return Interval(math.nan, math.nan, math.nan, seeds, problems)
    (cells,) = _cells(_mean_scores(np.log2(data), points)[None], benchmarks, families)
    return stratified_interval(cells, level)


def spans_factors(values: Sequence[float]) -> bool:
    """Whether a setting is drawn and averaged over its logarithm: above 0, and over more than a factor of 3.

    Args:
        values: Of the setting, at least one.
    """
    return min(values) > 0 and max(values) > FACTOR * min(values) * (1 + ROUNDING)


def area_over_setting(
    values: Sequence[float],
    tables: Sequence[ArrayLike],
    *,
    benchmarks: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    level: float = 0.95,
) -> Interval:
    """Mean accuracy between the smallest and the largest value of a setting: what it gives untuned.

    The trapezoid rule, divided by the range: over the values' logarithm where ``spans_factors``, else over
    the values.

    Args:
        values: The setting's value of each table, in any order, no two alike.
        tables: Scores (seeds, problems) at each; the same seeds and problems in all.
        benchmarks: As in ``area_under_curve``.
        families: As there.
        level: Confidence level.

    Returns:
        The interval; all NaN with fewer than two values, or where one has no scores.

    Raises:
        ValueError: As ``area_under_curve``.
    """
    places, points = _along(values, tables)
    if len(places) < 2:
        return Interval(math.nan, math.nan, math.nan, *points.shape[1:])
    (cells,) = _cells(_mean_scores(places, points)[None], benchmarks, families)
    return stratified_interval(cells, level)


def area_difference(
    values: Sequence[float],
    treatment: Sequence[ArrayLike],
    baseline: Sequence[ArrayLike],
    *,
    benchmarks: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    level: float = 0.95,
) -> Difference:
    """The difference of two areas over the same values of a setting, paired by seed and problem.

    Args:
        values: Of the setting, in any order, two at least and no two alike.
        treatment: Scores (seeds, problems) at each; the same seeds and problems in all, and in the baseline.
        baseline: The same of the other line.
        benchmarks: As in ``area_under_curve``.
        families: As there.
        level: Confidence level.

    Returns:
        The difference, as that of ``stratified_difference``.

    Raises:
        ValueError: As ``area_under_curve``, or if there are fewer than two values.
    """
    if len(values) < 2:
        raise ValueError("an area lies over two values of a setting at least")
    scores = [_mean_scores(*_along(values, tables)) for tables in (treatment, baseline)]
    if scores[0].shape != scores[1].shape:
        raise ValueError(f"treatment {scores[0].shape} and baseline {scores[1].shape} must match")
    left, right = _cells(np.array(scores), benchmarks, families)
    return stratified_difference(list(zip(left, right, strict=True)), level)


def data_efficiency(
    budgets: Sequence[float],
    treatment: Sequence[ArrayLike],
    baseline: Sequence[ArrayLike],
    *,
    benchmarks: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    level: float = 0.95,
    unit: str = "pairs",
    seed: int = 0,
) -> Efficiency:
    """Data the treatment needs for the baseline's final accuracy, over the data the baseline needs for it.

    Both are read where the mean curve, straight between budgets over the logarithm of the data, first gets
    there: a baseline that has its final accuracy long before its largest budget needs no more than that. It
    must be shown to rise, by an interval of its final minus its first accuracy above zero; a curve that is
    flat is everywhere at its final accuracy, so it needs no amount that could be measured.

    The interval holds the middle of 2,000 draws of a hierarchical bootstrap, seeds first, then problems, of
    all points of both curves at once. Where a draw only bounds the ratio, its least value counts for the
    lower end and its largest for the upper one: it is between 0 and the smallest budget's if the treatment is
    there at once, without an upper bound if it never gets there or the baseline is there at once.

    Args:
        budgets: Pairs, prompts or tokens of each table, in any order; a budget of 0 is not used.
        treatment: Scores (seeds, problems) at each budget, all NaN where there are none; the same seeds and
            problems in all. Seeds without a score at any point are left out, and problems with a NaN.
        baseline: The same of the other arm; the largest budget with scores is its final one.
        benchmarks: Name of each column's benchmark; they get equal weight. Without it, all are of one.
        families: Name of each column's family within its benchmark; what is drawn is families. Without it,
            each problem is its own.
        level: Confidence level.
        unit: Of the budgets, for the reason in words.
        seed: Of the bootstrap.

    Returns:
        The ratio; NaN without scores, and where the baseline does not rise.

    Raises:
        ValueError: If budgets and tables differ in number, tables in shape, or names in number from columns.
    """
    curve, own = _curve(budgets, treatment), _curve(budgets, baseline)
    if curve[1].shape[1:] != own[1].shape[1:]:
        raise ValueError(f"treatment {curve[1].shape[1:]} and baseline {own[1].shape[1:]} must match")
    (data, points), (own_data, own_points) = _with_scores(*curve), _with_scores(*own)
    if not data.size or not own_data.size:
        return _undefined("no scores")
    cells = _cells(np.concatenate([points, own_points]), benchmarks, families)
    if any(table.size == 0 for table in cells[0]):
        return _undefined("no seed and problem has all scores")
    rises, judged = _rises(cells[len(data) :], level)
    if not rises:
        return _undefined(FLAT if len(own_data) > 1 else "not defined: the baseline has a single budget")
    low, high = _ends(data, own_data, cells, 1 - level, seed) if judged else (math.nan, math.nan)
    means = point_means(cells)[None]
    ratio, reason = _stated(*_ratios(data, own_data, means), data, unit)
    _, own_need = _needed(own_data, means[:, len(data) :], means[:, -1])
    return Efficiency(ratio, low, high, not reason, reason, float(own_need[0]))


def _undefined(reason: str) -> Efficiency:
    return Efficiency(math.nan, math.nan, math.nan, False, reason, math.nan)


def _rises(curve: Sequence[Sequence[Table]], level: float) -> tuple[bool, bool]:
    """Whether a curve ends above its first point, and whether there is an interval to judge that by.

    Where nothing varies, as with a single total, there is none, and the sign has to do.
    """
    rise = stratified_difference(list(zip(curve[-1], curve[0], strict=True)), level)
    judged = not math.isnan(rise.low)
    return (rise.low if judged else rise.mean) > 0, judged


def _stated(low: Array, high: Array, data: Array, unit: str) -> tuple[float, str]:
    """The least and the largest that the ratio (1,) may be to what can be said of it, with the reason."""
    if math.isinf(high[0]):
        return math.nan, f"not reached within {data[-1]:,.0f} {unit}"
    ratio = float(high[0])
    if low[0] == 0:
        return ratio, f"at most {ratio:.2g}: reached at the smallest budget, {data[0]:,.0f} {unit}"
    return ratio, ""


def _ends(
    data: Array, own_data: Array, cells: Sequence[Sequence[Table]], alpha: float, seed: int
) -> tuple[float, float]:
    """Ends of the interval of the ratio."""
    means, target = point_means(cells), cells[-1]
    nearest = int(np.argmin(np.abs(means[: len(data)] - means[-1])))
    contrast = [table - final for table, final in zip(cells[nearest], target, strict=True)]
    low, high = _ratios(data, own_data, hierarchical_draws(cells, contrast, alpha, DRAWS, seed))
    return (
        float(np.quantile(low, alpha / 2, method="inverted_cdf")),
        float(np.quantile(high, 1 - alpha / 2, method="inverted_cdf")),
    )


def _ratios(data: Array, own_data: Array, means: Array) -> tuple[Array, Array]:
    """Means (draws, points), treatment first, to the least and the largest (draws,) that the ratio may be.

    Both are the same where the two needs lie between budgets.
    """
    treatment, baseline = means[:, : len(data)], means[:, len(data) :]
    low, high = _needed(data, treatment, means[:, -1])
    own_low, own_high = _needed(own_data, baseline, means[:, -1])
    with np.errstate(divide="ignore"):
        return low / own_high, high / own_low


def _needed(data: Array, means: Array, target: Array) -> tuple[Array, Array]:
    """Means (draws, budgets) to the least and the largest data (draws,) at which they first reach the target.

    From 0 to the smallest budget where they are there from it on, from the largest to infinity where they
    never get there, and otherwise a single amount.
    """
    gap = means - target[:, None]
    there = gap >= 0
    after = there.argmax(axis=1)
    rows, before = np.arange(len(gap)), np.maximum(after - 1, 0)
    rise = gap[rows, after] - gap[rows, before]
    part = np.divide(-gap[rows, before], rise, out=np.zeros(len(gap)), where=rise > 0)
    logs = np.log(data)
    needed = np.exp(logs[before] + part * (logs[after] - logs[before]))
    never, at_once = ~there.any(axis=1), there[:, 0]
    low = np.where(never, data[-1], np.where(at_once, 0.0, needed))
    high = np.where(never, np.inf, np.where(at_once, data[0], needed))
    return low, high


def _along(values: Sequence[float], tables: Sequence[ArrayLike]) -> tuple[Array, Array]:
    """Where the values of a setting lie on its axis, rising, and their scores (values, seeds, problems)."""
    found, points = _checked(values, tables)
    order = np.argsort(found, kind="stable")
    log = len(found) > 0 and spans_factors([*found])
    return (np.log2(found[order]) if log else found[order]), points[order]


def _mean_scores(places: Array, points: Array) -> Array:
    """Points (points, seeds, problems) at rising places to their mean (seeds, problems) by trapezoids."""
    steps = np.diff(places)
    weights = (np.append(steps, 0) + np.append(0, steps)) / (2 * steps.sum())
    # Rounding may carry a mean of ones above one.
    return np.asarray(np.minimum(np.tensordot(weights, points, axes=1), 1.0))


def _curve(budgets: Sequence[float], tables: Sequence[ArrayLike]) -> tuple[Array, Array]:
    """Budgets above 0, rising, and their scores (budgets, seeds, problems)."""
    data, points = _checked(budgets, tables)
    order = [int(place) for place in np.argsort(data, kind="stable") if data[place] > 0]
    return data[order], points[order]


def _checked(budgets: Sequence[float], tables: Sequence[ArrayLike]) -> tuple[Array, Array]:
    """Budgets or other values, and their scores (budgets, seeds, problems), as they come."""
    data, scores = np.asarray(budgets, dtype=np.float64), [np.asarray(t, dtype=np.float64) for t in tables]
    if len(data) != len(scores):
        raise ValueError(f"{len(data)} budgets for {len(scores)} tables")
    if len({table.shape for table in scores}) > 1 or any(table.ndim != 2 for table in scores):
        shapes = [table.shape for table in scores]
        raise ValueError(f"tables of a curve must have one shape (seeds, problems), not {shapes}")
    shape = scores[0].shape if scores else (0, 0)
    return data, np.asarray(np.array(scores).reshape(len(scores), *shape))


def _with_scores(data: Array, points: Array) -> tuple[Array, Array]:
    """The budgets that have a score, and their points (budgets, seeds, problems)."""
    known = ~np.isnan(points).all(axis=(1, 2))
    return data[known], points[known]


def _cells(
    points: Array, benchmarks: Sequence[str] | None, families: Sequence[str] | None
) -> list[list[Table]]:
    """Points (points, seeds, problems) to tables (seeds, families) by benchmark, without NaN.

    Of the seeds and problems that have all scores. Without families, each problem is its own.
    """
    groups = _groups(points.shape[2], benchmarks)
    sums = points.sum(axis=0)
    rows, known = observed([sums[:, group] for group in groups])
    kept = [group[some] for group, some in zip(groups, known, strict=True)]
    found = [[point[rows][:, places] for places in kept] for point in points]
    if families is None:
        return found
    if len(families) != points.shape[2]:
        raise ValueError(f"{len(families)} names of families for {points.shape[2]} problems")
    names = [[families[place] for place in places] for places in kept]
    return [[family_table(*pair) for pair in zip(tables, names, strict=True)] for tables in found]


def _groups(problems: int, benchmarks: Sequence[str] | None) -> list[NDArray[np.intp]]:
    """The columns of each benchmark, in the order of their names."""
    if benchmarks is None:
        return [np.arange(problems)]
    if len(benchmarks) != problems:
        raise ValueError(f"{len(benchmarks)} names of benchmarks for {problems} problems")
    return [np.flatnonzero(np.asarray(benchmarks) == name) for name in sorted(set(benchmarks))]
