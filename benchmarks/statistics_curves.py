"""Whether data-efficiency ratios and aggregates keep their word, simulated: tables for docs/statistics.md.

Arms answer as in statistics_simulation.py, at four budgets; how accuracy goes with the data is the design. Of
equal arms no saving is true, so an interval of the ratio wholly below one is a false one.

    python benchmarks/statistics_curves.py                 two minutes on one core
    python benchmarks/statistics_curves.py --suites 100 --only equal
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statistics_simulation import (
    DIFFICULTY,
    LIKING,
    SEEDS,
    arm,
    head,
    percent,
    print_tables,
    row,
    seed_deviation,
    share_right,
)

from lorr_bench.stats import (
    area_under_curve,
    data_efficiency,
    interquartile_gain,
    probability_of_improvement,
)
from lorr_bench.stats.estimates import Efficiency

Array = NDArray[np.float64]

BUDGETS: Final = (1000.0, 2000.0, 4000.0, 8000.0)
STEP: Final = 0.35
"""Logits that a doubling of the data is worth on the rising curve."""
RISING: Final = np.arange(4) * STEP
DESIGNS: Final = {
    "flat": np.zeros(4),
    "falling": -RISING,
    "saturated": np.array([-2 * STEP, 0, 0, 0]),
    "rising, then falling": np.array([-2 * STEP, STEP, STEP / 2, 0]),
    "rising": RISING - 2 * STEP,
}
"""Logits at each budget."""
PROBLEMS: Final = 300
COUNTS: Final = (3, 5)
SPREADS: Final = (0.0, 3.0)


def equal(suites: int, seed: int) -> None:
    """How often equal arms show a saving, by design."""
    head(
        "Equal arms: savings shown (interval wholly below 1) and ratios not defined, in % of suites",
        *("curve", "seeds", "seed spread, points", "saving", "loss", "not defined"),
    )
    for place, (design, levels) in enumerate(DESIGNS.items()):
        for seeds in COUNTS:
            for points in SPREADS:
                rng = np.random.default_rng([seed, place, seeds, int(points)])
                found = [
                    data_efficiency(BUDGETS, *curves(rng, (levels, levels), seeds, points))
                    for _ in range(suites)
                ]
                shares = saves(found), percent(one.low > 1 for one in found), undefined(found)
                row(design, seeds, points, *shares)


def better(suites: int, seed: int) -> None:
    """Coverage of the ratio and of the area, the treatment being the baseline with more data."""
    head(
        "Rising curves of four budgets: coverage in % of suites, of the ratio where it is defined",
        *("seeds", "seed spread, points", "true ratio", "ratio covers", "saving", "not between two budgets"),
        *("not defined", "area covers"),
    )
    for seeds in SEEDS[:3]:
        for points in SPREADS:
            for ratio in (0.25, 0.5, 1.0):
                rng = np.random.default_rng([seed, seeds, int(points), int(100 * ratio)])
                row(seeds, points, ratio, *_better(suites, rng, seeds, points, ratio))


def _better(
    suites: int, rng: np.random.Generator, seeds: int, points: float, ratio: float
) -> tuple[str, ...]:
    levels = DESIGNS["rising"] - STEP * np.log2(ratio), DESIGNS["rising"]
    truth, found, areas = true_area(levels[0], points), [], []
    for _ in range(suites):
        treatment, baseline = curves(rng, levels, seeds, points)
        found.append(data_efficiency(BUDGETS, treatment, baseline))
        interval = area_under_curve(BUDGETS, treatment)
        areas.append(interval.low <= truth <= interval.high)
    defined = [one for one in found if one.baseline_needed > 0]
    return (
        percent(one.low <= ratio <= one.high for one in defined),
        saves(found),
        percent(not one.reached for one in defined),
        undefined(found),
        percent(areas),
    )


def curves(rng: np.random.Generator, levels: Sequence[Array], seeds: int, points: float) -> list[list[Array]]:
    """Answers (seeds, problems) at each budget of each arm, trained anew at every budget."""
    deviation = seed_deviation(points, 0.3)
    difficulty = DIFFICULTY * rng.standard_normal((1, PROBLEMS))
    return [
        [arm(rng, logit, deviation * rng.standard_normal((seeds, 1)), difficulty, LIKING) for logit in curve]
        for curve in levels
    ]


def true_area(levels: Array, points: float) -> float:
    """The area under the mean curve, straight between budgets."""
    heights = share_right(levels, float(np.hypot(seed_deviation(points, 0.3), DIFFICULTY)))
    return float(np.trapezoid(heights, np.log2(BUDGETS)) / np.log2(BUDGETS[-1] / BUDGETS[0]))


def saves(found: Sequence[Efficiency]) -> str:
    """Share of suites whose interval lies below one."""
    return percent(one.high < 1 for one in found)


def undefined(found: Sequence[Efficiency]) -> str:
    """Share of suites whose baseline does not rise."""
    return percent(np.isnan(one.baseline_needed) for one in found)


def aggregates(suites: int, seed: int) -> None:
    """Interquartile gain and probability of improvement, scores normal around each task's level."""
    head(
        "Aggregates over tasks: coverage in % of suites",
        *("runs", "tasks", "gain", "interquartile gain covers", "probability of improvement covers"),
    )
    for runs in (*SEEDS, 10):
        for tasks in (8, 12):
            designs = {
                "none": np.zeros(tasks),
                "12 points on one task": np.repeat([0.12, 0.0], [1, tasks - 1]),
                "0 to 8 points": np.linspace(0.0, 0.08, tasks),
            }
            for name, gains in designs.items():
                rng = np.random.default_rng([seed, runs, tasks])
                row(runs, tasks, name, *_aggregates(suites, rng, runs, gains))


def _aggregates(suites: int, rng: np.random.Generator, runs: int, gains: Array) -> tuple[str, str]:
    """Runs deviate by 2 points on all tasks together and by as many on each alone."""
    levels = np.linspace(0.2, 0.8, len(gains))
    shape = (suites, 2, runs)
    noise = rng.standard_normal((*shape, 1)) + rng.standard_normal((*shape, len(gains)))
    middle = float(stats.trim_mean(gains, 0.25))
    chance = float(stats.norm.cdf(gains / 0.04).mean())
    means, chances = [], []
    for treatment, baseline in levels + 0.02 * noise:
        interval = interquartile_gain(treatment + gains, baseline)
        means.append(interval.low <= middle <= interval.high)
        wins = probability_of_improvement(treatment + gains, baseline)
        chances.append(wins.low <= chance <= wins.high)
    return percent(means), percent(chances)


PARTS: Final = {part.__name__: part for part in (equal, better, aggregates)}


if __name__ == "__main__":
    print_tables(__doc__, PARTS, suites=500)
