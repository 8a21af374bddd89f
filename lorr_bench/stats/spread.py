"""How much training again would scatter, pooled over the arms of one budget.

Three seeds leave a contrast 2 degrees of freedom for its training part. Arms that are trained alike, on the
same data at the same budget, scatter alike as a rule: then the seed means (arms, seeds) are a two-way layout,

    mean[a, s] = arm[a] + seed[s] + rest[a, s]

whose residual mean square MS has (A - 1)(S - 1) degrees of freedom, and the training part of a contrast of
two arms is 2·MS/S. What a seed does to all arms alike is in seed[s] and drops out. With two arms this is the
contrast's own variance.

Where arms don't scatter alike, two rules keep the error of tests (``docs/statistics.md`` has the figures):

- An arm whose spread differs strongly from the others' is *unlike*: pooled out, its contrasts have their own
  variance. It is found by an F test of its deviation from the mean of the others against their own mean
  square, the most extreme arm first, until none is left or only three arms are.
- A contrast whose own variance exceeds the rest of the pool's has its own, at a level where that is no
  rarity: an arm that scatters more is overlooked by the first rule as often as not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Means = NDArray[np.float64]

ROUNDING = 1e-15  # a variance of scores between 0 and 1 that is left where they are all equal
MIN_ARMS = 3  # left in a pool that an arm was taken from
UNLIKE = 0.005  # on either side: one arm in a hundred, were all alike
EXCESS = 0.25  # of contrasts that have their own variance, were all arms alike


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """Variance over seeds of one arm's mean, pooled over arms.

    Attributes:
        variance: Of the mean of one trained model around its arm, without what a seed does to all arms alike.
            NaN where nothing could be pooled.
        freedom: Its degrees of freedom; 0 where nothing could be pooled.
        unlike: Numbers of the arms whose spread differs strongly from the others', too large or too small.
    """

    variance: float
    freedom: int
    unlike: tuple[int, ...]

    def between(self, treatment: int, reference: int) -> SeedSpread | None:
        """What a contrast of two of its arms is tested with.

        Args:
            treatment: Number of an arm, a row of the table that ``seed_spread`` was given.
            reference: Number of another.

        Returns:
            The spread itself; None, for the contrast's own variance, where an arm is unlike the others or
            nothing could be pooled.
        """
        return self if self.freedom and not {treatment, reference} & set(self.unlike) else None

    def training(self, own: float, seeds: int) -> tuple[float, int]:
        """The variance of a contrast's mean over its seeds, and its degrees of freedom.

        Args:
            own: The contrast's own: variance of its seeds' means, over their number.
            seeds: Of the contrast, two at least.

        Returns:
            Twice the pooled variance over the seeds with the pool's degrees of freedom; what was given with
            S - 1 where it exceeds the rest of the pool.
        """
        more = self.freedom - (seeds - 1)
        if more > 0:
            single = own * seeds / 2
            rest = max(self.freedom * self.variance - (seeds - 1) * single, 0.0)
            if single * more > rest * float(special.fdtri(seeds - 1, more, 1 - EXCESS)) + ROUNDING:
                return own, seeds - 1
        return 2 * self.variance / seeds, self.freedom


def seed_spread(means: ArrayLike) -> SeedSpread:
    """Means (arms, seeds) of all trained models of one budget to the variance that their seeds share.

    Args:
        means: The mean over problems of each trained model, over benchmarks where the tests are. Column s of
            all is the same seed. Arms that lack a seed are left out by the caller.

    Returns:
        The spread. Nothing is pooled with fewer than two arms or seeds, nor where fewer than three arms
        would be like each other.

    Raises:
        ValueError: If the means are not two-dimensional or one is NaN.
    """
    table = np.asarray(means, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"seed means must have the shape (arms, seeds), not {table.shape}")
    if np.isnan(table).any():
        raise ValueError("a mean is NaN: leave out arms that lack a seed")
    arms, seeds = table.shape
    if min(arms, seeds) < 2:
        return SeedSpread(math.nan, 0, ())
    like = list(range(arms))
    while len(like) >= MIN_ARMS and (strange := _most_unlike(table[like])) is not None:
        like.pop(strange)
    unlike = tuple(sorted(set(range(arms)) - set(like)))
    if unlike and len(like) < MIN_ARMS:
        return SeedSpread(math.nan, 0, unlike)
    return SeedSpread(_mean_square(table[like]), (len(like) - 1) * (seeds - 1), unlike)


def _most_unlike(table: Means) -> int | None:
    """Row of the arm whose spread differs most from the others'; None where none does strongly."""
    arms, seeds = table.shape
    squares = (_rest(table) ** 2).sum(axis=1)
    # Its deviation from the others' mean has the variance of one arm and a share of theirs: without it, the
    # others' rest is smaller by A/(A - 1) times its own.
    own = squares * arms / (arms - 1)
    others = np.maximum(squares.sum() - own, 0.0) / ((arms - 2) * (seeds - 1))
    chances = _chances(own / (seeds - 1), others, seeds - 1, (arms - 2) * (seeds - 1))
    return int(chances.argmin()) if chances.min() < UNLIKE else None


def _chances(own: Means, others: Means, freedom: int, more: int) -> Means:
    """For each arm the chance of a ratio as far off, on its side, were both variances of the same."""
    ratios = np.full(len(own), math.inf)
    np.divide(own, others, out=ratios, where=others > ROUNDING)
    chances = np.minimum(special.fdtr(freedom, more, ratios), special.fdtrc(freedom, more, ratios))
    return np.where(np.maximum(own, others) <= ROUNDING, 1.0, chances)


def _mean_square(table: Means) -> float:
    """Residual mean square of the two-way layout (arms, seeds)."""
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    rest = _rest(table)
    return float(np.vdot(rest, rest) / freedom)


def _rest(table: Means) -> Means:
    """What arm and seed leave of each mean."""
    return np.asarray(table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean())
