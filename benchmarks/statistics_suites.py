"""Whether whole suites keep their word, simulated with known truth: tables for docs/statistics.md.

Declared contrasts with Holm's correction, the variance of seeds pooled over arms, one arm that scatters more
than the others, problems in families, and equivalence. Answers as in ``statistics_simulation``.

    python benchmarks/statistics_suites.py
    python benchmarks/statistics_suites.py --suites 100 --only noisy
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from statistics_simulation import (
    DIFFICULTY,
    LIKING,
    Array,
    answer,
    arm,
    head,
    level_of,
    percent,
    print_tables,
    row,
    seed_deviation,
)

from lorr_bench.stats import (
    SeedSpread,
    crossed_interval,
    fixed_sequence,
    holm,
    paired_difference,
    seed_spread,
)

PROBLEMS: Final = 300
MORE_PROBLEMS: Final = 1000  # of the quickstart
SEEDS: Final = (3, 5)
GAIN: Final = 0.10
MARGIN: Final = 0.02
MARGIN_SEEDS: Final = (3, 5, 10, 20)
ARMS: Final = (4, 8, 12)
CHOSEN: Final = ((0, 1), (0, 2), (0, 3), (1, 2), (2, 3), (3, 1))
FAMILY: Final = 10
FAMILIES: Final = tuple(f"{place // FAMILY:02d}" for place in range(PROBLEMS))
PLAIN, LORR, NO_RESET, CONTROL = range(4)
MEASURED: Final = ((2.6, 4.6), (2.3, 2.8), (4.2, 2.4, 1.8, 1.1))
BUDGETS: Final = {
    "1": ((1.0,) * 2, (1.0,) * 2, (1.0,) * 4),
    "3": ((3.0,) * 2, (3.0,) * 2, (3.0,) * 4),
    "0.5, 1, 3 with the budget": ((0.5,) * 2, (1.0,) * 2, (3.0,) * 4),
    "as in the quickstart, 1.1 to 4.6": MEASURED,
}
"""Seed spread of the arms at each budget: plain and lorr, at the largest the controls too."""


def budget_arms(
    rng: np.random.Generator, difficulty: Array, points: Sequence[float], seeds: int, gains: Sequence[float]
) -> list[Array]:
    """Answers (seeds, problems) of arms of one budget, each with its seed spread and gain over 50 %."""
    arms = []
    for spread, gain in zip(points, gains, strict=True):
        deviation = seed_deviation(spread, 0.0)
        level = level_of(0.5 + gain, float(np.hypot(deviation, DIFFICULTY))) if gain else 0.0
        arms.append(arm(rng, level, deviation * rng.standard_normal((seeds, 1)), difficulty, LIKING))
    return arms


def problems_of(rng: np.random.Generator, count: int = PROBLEMS) -> Array:
    """Difficulty (1, problems) of a benchmark."""
    return DIFFICULTY * rng.standard_normal((1, count))


def spread_of(arms: Sequence[Array]) -> SeedSpread:
    """What the arms of a budget share."""
    return seed_spread([table.mean(axis=1) for table in arms])


def contrast(arms: Sequence[Array], one: int, two: int, spread: SeedSpread | None) -> float:
    """The p-value of two arms of a budget."""
    shared = spread.between(one, two) if spread else None
    return paired_difference(arms[one], arms[two], spread=shared).p_value


def quickstart(suites: int, seed: int) -> None:
    """One method, two controls and three budgets: what a whole suite finds."""
    head(
        "One method and two controls, three budgets: findings in % of suites",
        *("problems", "seeds", "seed spread, points", "all equal: any false finding"),
        *("one contrast of equal arms", "10 points: found", "with its own variance"),
        "as one of 36 comparisons",
    )
    for problems, seeds in itertools.product((PROBLEMS, MORE_PROBLEMS), SEEDS):
        for name, spreads in BUDGETS.items():
            tenths = (int(10 * points) for budget in spreads for points in budget)
            rng = np.random.default_rng([seed, 1, problems, seeds, *tenths])
            flat = [_flat_suite(rng, problems_of(rng, problems), seeds, spreads) for _ in range(suites)]
            planted = [
                _planted_suite(rng, problems_of(rng, problems), seeds, spreads[-1]) for _ in range(suites)
            ]
            row(
                *(problems, seeds, name, percent(found for found, _ in flat)),
                percent(one for _, one in flat),
                *(percent(found) for found in zip(*planted, strict=True)),
            )


def _flat_suite(
    rng: np.random.Generator, difficulty: Array, seeds: int, spreads: Sequence[Sequence[float]]
) -> tuple[bool, bool]:
    """Whether any primary contrast of equal arms is found, and one of them alone."""
    families = []
    arms = budget_arms(rng, difficulty, spreads[-1], seeds, [0.0] * 4)
    spread = spread_of(arms)
    primary = [contrast(arms, LORR, other, spread) for other in (PLAIN, NO_RESET)]
    families.append(primary)
    for points in reversed(spreads[:-1]):
        two = budget_arms(rng, difficulty, points, seeds, [0.0] * 2)
        families.append([contrast(two, LORR, PLAIN, None)])
    adjusted = np.concatenate(fixed_sequence(families))
    return bool((adjusted < 0.05).any()), primary[0] < 0.05


def _planted_suite(
    rng: np.random.Generator, difficulty: Array, seeds: int, points: Sequence[float]
) -> tuple[bool, bool, bool]:
    """Whether the gain over plain is found: as declared, with its own variance, and among 36 comparisons."""
    arms = budget_arms(rng, difficulty, points, seeds, [0.0, GAIN, 0.0, 0.0])
    pooled, own = (
        [contrast(arms, LORR, other, spread) for other in (PLAIN, NO_RESET)]
        for spread in (spread_of(arms), None)
    )
    return holm(pooled)[0] < 0.05, holm(own)[0] < 0.05, 36 * own[0] < 0.05


def pooling(suites: int, seed: int) -> None:
    """Eight arms: the pooled variance against each contrast's own."""
    head(
        "7 arms against one baseline, 300 problems: findings in % of suites",
        *("seeds", "seed spread, points", "equal arms: p < 0.05, pooled", "own"),
        *("any of 6 after Holm, pooled", "own", "10 points: found after Holm, pooled", "own"),
    )
    for seeds in SEEDS:
        for points in (0.0, 1.0, 3.0):
            rng = np.random.default_rng([seed, 2, seeds, int(points)])
            gains = [0.0, GAIN, *[0.0] * 6]
            found: list[list[Any]] = []
            for _ in range(suites if seeds == SEEDS[0] else suites // 2):
                arms = budget_arms(rng, problems_of(rng), [points] * 8, seeds, gains)
                found.append(_against_baseline(arms))
            row(seeds, points, *(f"{100 * share:.1f}" for share in np.mean(found, axis=0)))


def _against_baseline(arms: Sequence[Array]) -> list[float]:
    """Of arms of which the second is better: share of the equal found, any after Holm, the better one."""
    ways = []
    for spread in (spread_of(arms), None):
        p_values = np.array([contrast(arms, other, 0, spread) for other in range(1, len(arms))])
        equal = p_values[1:]
        ways.append((np.mean(equal < 0.05), bool((holm(equal) < 0.05).any()), bool(holm(p_values)[0] < 0.05)))
    return [float(share) for pair in zip(*ways, strict=True) for share in pair]


def noisy(suites: int, seed: int) -> None:
    """One arm that scatters more than the others."""
    head(
        "Equal arms of which one scatters more, 300 problems: p < 0.05, in % of contrasts",
        *("arms", "seeds", "seed spread, points", "of one arm", "seeds are", "contrasts with it"),
        *("among the others", "all", "it is unlike, % of suites", "another is"),
    )
    for arms in ARMS:
        for seeds, draw, spreads in NOISY:
            rng = np.random.default_rng([seed, 3, arms, seeds, *map(int, spreads), draw is heavy])
            shape = "t, 3 df" if draw is heavy else "normal"
            row(arms, seeds, *spreads, shape, *_noisy(suites, rng, arms, (seeds, draw, spreads)))


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Standard normal."""
    return rng.standard_normal(shape)


def heavy(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Student's t with 3 degrees of freedom, scaled to a variance of 1."""
    return np.asarray(rng.standard_t(3, shape) / np.sqrt(3))


Noisy = tuple[int, Callable[[np.random.Generator, tuple[int, int]], Array], tuple[float, float]]
POINTS: Final = ((1.0, 1.0), (1.0, 5.0), (3.0, 3.0), (3.0, 9.0), (3.0, 15.0))
NOISY: Final[tuple[Noisy, ...]] = (
    *((seeds, normal, points) for seeds in SEEDS for points in POINTS),
    (3, heavy, (3.0, 3.0)),
    (3, heavy, (3.0, 9.0)),
)


def _noisy(suites: int, rng: np.random.Generator, arms: int, design: Noisy) -> list[str]:
    """Three contrasts with the first arm and three among the others, weighted by how many there are."""
    seeds, draw, points = design
    usual, strange = (seed_deviation(spread, 0.0) for spread in points)
    found, unlike = [], []
    for _ in range(suites):
        difficulty = problems_of(rng)
        tables = [
            arm(rng, 0.0, (usual if place else strange) * draw(rng, (seeds, 1)), difficulty, LIKING)
            for place in range(arms)
        ]
        spread = spread_of(tables)
        found.append([contrast(tables, *two, spread) < 0.05 for two in CHOSEN])
        unlike.append((0 in spread.unlike, bool(set(spread.unlike) - {0})))
    kinds = np.reshape(found, (suites, 2, 3)).mean(axis=(0, 2))
    overall = np.array([2.0, arms - 2.0]) @ kinds / arms
    return [f"{100 * share:.1f}" for share in (*kinds, overall, *np.mean(unlike, axis=0))]


def families(suites: int, seed: int) -> None:
    """Thirty families of ten, as different between families as within."""
    head(
        "30 families of 10 problems: coverage and false findings, in % of suites",
        *("seeds", "seed spread, points", "score covers", "families ignored"),
        *("equal arms: p < 0.05", "families ignored"),
    )
    for seeds in SEEDS:
        for points in (0.0, 1.0, 3.0):
            rng = np.random.default_rng([seed, 4, seeds, int(points)])
            found = [_in_families(rng, seeds, seed_deviation(points, 0.0)) for _ in range(suites)]
            row(seeds, points, *(percent(shares) for shares in zip(*found, strict=True)))


def _in_families(rng: np.random.Generator, seeds: int, deviation: float) -> list[bool]:
    """Whether the score's interval covers and equal arms differ, with families and without."""

    def halves(size: float) -> Array:
        of_families = np.repeat(rng.standard_normal((1, PROBLEMS // FAMILY)), FAMILY, axis=1)
        return np.asarray(size * np.sqrt(0.5) * (of_families + rng.standard_normal((1, PROBLEMS))))

    shared = halves(np.sqrt(DIFFICULTY**2 - LIKING**2))
    one, two = (
        answer(rng, shared + halves(LIKING) + deviation * rng.standard_normal((seeds, 1))) for _ in range(2)
    )
    intervals = [crossed_interval(one, families=names) for names in (FAMILIES, None)]
    differences = [paired_difference(one, two, families=names) for names in (FAMILIES, None)]
    covers = [interval.low <= 0.5 <= interval.high for interval in intervals]
    return [*covers, *(difference.p_value < 0.05 for difference in differences)]


def equivalence(suites: int, seed: int) -> None:
    """Arms that differ by just the margin and by nothing: how often they are called equivalent."""
    head(
        "1,000 problems, a margin of 2 points: called equivalent, in % of suites",
        *("seeds", "seed spread, points", "2 points apart: one contrast", "any of 3 after Holm"),
        *("1 point apart: one contrast", "equal: one contrast", "one of 3 after Holm"),
    )
    for seeds, points in itertools.product(MARGIN_SEEDS, (0.0, 1.0, 3.0)):
        count = suites if seeds <= SEEDS[-1] else suites // 5
        rng = np.random.default_rng([seed, 5, seeds, int(points)])
        apart, near, equal = (
            [_p_equivalent(rng, seeds, points, gain) for _ in range(count)]
            for gain in (MARGIN, MARGIN / 2, 0.0)
        )
        row(
            *(seeds, points, percent(values[0] < 0.05 for values in apart)),
            percent(holm(values).min() < 0.05 for values in apart),
            percent(values[0] < 0.05 for values in near),
            percent(values[0] < 0.05 for values in equal),
            percent(holm(values)[0] < 0.05 for values in equal),
        )


def _p_equivalent(rng: np.random.Generator, seeds: int, points: float, gain: float) -> list[float]:
    """p-values of the equivalence of three arms to a fourth, each better by a gain, seeds pooled."""
    difficulty = problems_of(rng, MORE_PROBLEMS)
    arms = budget_arms(rng, difficulty, [points] * 4, seeds, [0.0, *[gain] * 3])
    spread = spread_of(arms)
    return [
        paired_difference(arms[other], arms[0], spread=spread.between(other, 0)).equivalence_p(MARGIN)
        for other in (1, 2, 3)
    ]


PARTS: Final = {part.__name__: part for part in (quickstart, pooling, noisy, families, equivalence)}


if __name__ == "__main__":
    print_tables(__doc__, PARTS, suites=1000)
