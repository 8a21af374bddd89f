"""Variance components of scores of several training seeds on the same problems.

Seeds and problems are *crossed*: every trained model answers the same problems, so

    score[s, p] = mean + seed[s] + problem[p] + residual[s, p]

and both the seeds and the problems are samples: another run would draw other seeds, another benchmark of the
same kind other problems. With mean squares A (seeds), B (problems) and E (residual) of the two-way table of
S seeds and P problems, two parts make up the variance of the overall mean:

    training    A / (S·P)        variance of the seed means, over S; S - 1 degrees of freedom
    problem     (B - E) / (S·P)  variance between problems, over P, residual taken off; P - 1

The training part of a contrast may be pooled over the arms of its budget (``spread``): then it has more
degrees of freedom. Benchmarks of equal weight are strata: each seed's mean is that over the benchmarks'
means, and the problem parts of K benchmarks add up, each over K².
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lorr_bench.stats.spread import ROUNDING, SeedSpread

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Components:
    """Mean of one or more seeds × problems tables and the two parts of its variance.

    Attributes:
        mean: Mean over the tables' means.
        training: Part of the variance from training. NaN where neither seeds nor problems are at least two.
        problem: Part from problems.
        freedom: Degrees of freedom of the problem part.
        seeds: Rows.
        sizes: Columns of each table.
        pooled_freedom: Degrees of freedom of a training part that was pooled over arms; 0 where it is the
            tables' own.
    """

    mean: float
    training: float
    problem: float
    freedom: float
    seeds: int
    sizes: tuple[int, ...]
    pooled_freedom: int = 0

    @property
    def seed_freedom(self) -> int:
        """Degrees of freedom of the training part: S - 1, or those of the pool."""
        return self.pooled_freedom or self.seeds - 1

    @property
    def problems(self) -> int:
        """Columns of all tables."""
        return sum(self.sizes)

    @property
    def variance(self) -> float:
        """Variance of the mean."""
        return self.training + self.problem


def complete(tables: Sequence[Table]) -> list[Table]:
    """The rows that have a value in each table, then of each table the columns that miss none.

    Args:
        tables: (seeds, problems) each; row s of all is the same trained model.

    Returns:
        The tables without NaN.

    Raises:
        ValueError: If a table is not two-dimensional or the numbers of rows differ.
    """
    rows, columns = observed(tables)
    return [table[rows][:, some] for table, some in zip(tables, columns, strict=True)]


def observed(tables: Sequence[Table]) -> tuple[NDArray[np.bool_], list[NDArray[np.bool_]]]:
    """The rows of all tables and the columns of each that ``complete`` takes.

    Args:
        tables: (seeds, problems) each; row s of all is the same trained model.

    Returns:
        (seeds,), and (problems,) for each table.

    Raises:
        ValueError: If a table is not two-dimensional or the numbers of rows differ.
    """
    for table in tables:
        if table.ndim != 2:
            raise ValueError(f"scores must have the shape (seeds, problems), not {table.shape}")
    if len({len(table) for table in tables}) > 1:
        raise ValueError(f"tables of the same seeds must have as many rows, not {[len(t) for t in tables]}")
    missing = [np.isnan(table) for table in tables]
    rows = ~np.any([gap.all(axis=1) for gap in missing], axis=0)
    return rows, [~gap[rows].any(axis=0) for gap in missing]


def components(tables: Sequence[Table], spread: SeedSpread | None = None) -> Components:
    """Tables (seeds, problems) without NaN to the mean of their means and its variance components.

    The parts are estimates, so two cases are mended. Where E exceeds B, by chance, the problem part is zero
    and (f - 1) / 2f of the excess is taken off the training part, f its degrees of freedom: all of it would
    make tests find too much, none of it too little. And the sum is at least a quarter of E / (S·P), which is
    what is left of it where neither seeds nor problems differ: two seeds may agree by chance.

    Args:
        tables: One a benchmark, of the same seeds.
        spread: What the training part is taken from, for differences of two arms; their own without it.

    Returns:
        The components; the mean is NaN too where a table is empty.
    """
    seeds, sizes, weight = len(tables[0]), tuple(table.shape[1] for table in tables), 1 / len(tables)
    if seeds * min(sizes) == 0:
        return Components(math.nan, math.nan, math.nan, math.nan, seeds, sizes)
    by_seed = np.mean([table.mean(axis=1) for table in tables], axis=0)
    mean = float(by_seed.mean())
    if seeds == 1 and max(sizes) == 1:
        return Components(mean, math.nan, math.nan, math.nan, seeds, sizes)
    training, freedom = _training(by_seed, spread)
    between, residual = weight**2 * np.transpose([_squares(table) for table in tables])
    training, problem = _mended(training, float((between - residual).sum()), float(residual.sum()), freedom)
    problem_freedom = _satterthwaite(between, np.array(sizes) - 1)
    pooled = freedom if freedom != seeds - 1 else 0
    return Components(mean, training, problem, problem_freedom, seeds, sizes, pooled)


def _training(by_seed: Table, spread: SeedSpread | None) -> tuple[float, int]:
    """The training part of seeds' means and its degrees of freedom; 0 with one seed."""
    seeds = len(by_seed)
    if seeds == 1:
        return 0.0, 0
    own = float(by_seed.var(ddof=1)) / seeds
    return spread.training(own, seeds) if spread else (own, seeds - 1)


def _mended(training: float, problem: float, residual: float, freedom: int) -> tuple[float, float]:
    """Both parts with the cases mended that ``components`` names."""
    if freedom > 0 and problem < 0:
        training += (freedom - 1) / (2 * freedom) * problem
    training = training if training > ROUNDING else 0.0
    problem = max(problem, residual / 4 - training)
    return training, problem if problem > ROUNDING else 0.0


def _squares(table: Table) -> tuple[float, float]:
    """B / (S·P) and E / (S·P); 0 without degrees of freedom."""
    seeds, problems = table.shape
    if problems == 1:
        return 0.0, 0.0
    by_problem = table.mean(axis=0)
    between = float(by_problem.var(ddof=1)) / problems
    if seeds == 1:
        return between, 0.0
    residual = table - table.mean(axis=1)[:, None] - (by_problem - by_problem.mean())
    return between, float(np.vdot(residual, residual)) / ((seeds - 1) * (problems - 1) * seeds * problems)


def _satterthwaite(parts: NDArray[np.float64], freedoms: NDArray[np.int_]) -> float:
    """Degrees of freedom of a sum of variances; the smallest positive ones if all are zero."""
    known = freedoms > 0
    if not known.any():
        return 0.0
    if not parts.any():
        return float(freedoms[known].min())
    shares = parts[known] / parts.sum()
    return float(1 / (shares**2 / freedoms[known]).sum())
