"""The hierarchical bootstrap by draws, for what is no mean: seeds first, then problems.

For a mean, ``hierarchy`` has the same distribution without draws. Both levels are as there: seed effects are
drawn with the variance that training may have, given few seeds; problems are drawn with replacement, one set
for all seeds and curves, as all answer the same ones.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lorr_bench.stats.components import Components, Table, components
from lorr_bench.stats.hierarchy import matching

Array = NDArray[np.float64]


def hierarchical_draws(
    points: Sequence[Sequence[Table]], contrast: Sequence[Table], alpha: float, draws: int, seed: int
) -> Array:
    """Draws of several means, their seeds and problems resampled jointly.

    Args:
        points: The tables (seeds, problems) of each mean, one a benchmark, without NaN; the same seeds and
            problems in all.
        contrast: The tables that the draws will judge by, such as a difference of two points. Its variance
            components say how much doubt few seeds leave, and how much of the spread between problems is
            residual.
        alpha: 1 - the level of the interval that is made of them.
        draws: How many.
        seed: Of the random numbers.

    Returns:
        (draws, points).
    """
    parts, rng = components(contrast), np.random.default_rng(seed)
    by_seed = np.array([np.mean([table.mean(axis=1) for table in tables], axis=0) for tables in points])
    seed_level = _seed_level(by_seed, _variance_draws(parts, alpha, draws, rng), rng)
    problem_level = math.sqrt(_kept(contrast, parts)) * _problem_level(points, draws, seed)
    return point_means(points) + seed_level + problem_level


def point_means(points: Sequence[Sequence[Table]]) -> Array:
    """Mean over the benchmarks of each point.

    Args:
        points: The tables (seeds, problems) of each, one a benchmark, without NaN.

    Returns:
        (points,).
    """
    return np.array([np.mean([table.mean() for table in tables]) for tables in points])


def _seed_level(by_seed: Array, doubt: Array, rng: np.random.Generator) -> Array:
    """Means (points, seeds) to normal combinations of their deviations, times the doubt (draws,)."""
    points, seeds = by_seed.shape
    if seeds == 1:
        return np.zeros((len(doubt), points))
    deviations = (by_seed - by_seed.mean(axis=1, keepdims=True)) / math.sqrt(seeds * (seeds - 1))
    drawn = rng.standard_normal((len(doubt), seeds)) @ deviations.T
    return np.asarray(drawn * np.sqrt(doubt)[:, None])


def _kept(contrast: Sequence[Table], parts: Components) -> float:
    """Share of the spread between problems that is not residual."""
    sizes = np.array([table.shape[1] for table in contrast])
    spreads = np.array([table.mean(axis=0).var() for table in contrast]) / np.maximum(sizes - 1, 1)
    return parts.problem * len(contrast) ** 2 / float(spreads.sum()) if spreads.any() else 0.0


def _variance_draws(contrast: Components, alpha: float, draws: int, rng: np.random.Generator) -> Array:
    """Draws of a over its estimate: one inverse χ² under the prior 1/a, another under b/a²."""
    if contrast.seeds == 1:
        return np.ones(draws)
    freedom = contrast.seeds - 1
    second = matching(freedom, alpha) * contrast.problem
    whole = second + contrast.training
    more = 2.0 * (rng.random(draws) * whole < second)
    return freedom / rng.chisquare(freedom + more)


def _problem_level(points: Sequence[Sequence[Table]], draws: int, seed: int) -> Array:
    """Deviations from drawing the problems of each benchmark with replacement."""
    total = np.zeros((draws, len(points)))
    for place, benchmark in enumerate(zip(*points, strict=True)):
        by_problem = np.array([table.mean(axis=0) for table in benchmark])
        problems = by_problem.shape[1]
        deviations = by_problem - by_problem.mean(axis=1, keepdims=True)
        scaled = deviations.T / math.sqrt(problems * max(problems - 1, 1))
        counts = _extra_counts(problems, draws, seed, place).astype(np.float32)
        total += counts @ scaled.astype(np.float32)
    return total / len(points[0])


@functools.lru_cache(maxsize=8)
def _extra_counts(problems: int, draws: int, seed: int, place: int) -> NDArray[np.int8]:
    """(draws, problems): how often each is drawn, less one; other draws for each place of a benchmark."""
    rng = np.random.default_rng([seed, problems, place])
    return (rng.multinomial(problems, np.full(problems, 1 / problems), draws) - 1).astype(np.int8)
