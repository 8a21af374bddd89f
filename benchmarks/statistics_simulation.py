"""Whether the statistics keep their word, simulated with known truth: tables for docs/statistics.md.

Answers are right or wrong by a logistic model: an arm's level, each problem's difficulty, shared by all arms,
each arm's own liking of each problem, and each training seed's shift. The truth is the model's mean over
seeds and problems, by quadrature.

    python benchmarks/statistics_simulation.py              six minutes on one core
    python benchmarks/statistics_simulation.py --suites 100 --only coverage,power
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from lorr_bench.stats import (
    area_under_curve,
    crossed_interval,
    data_efficiency,
    holm,
    interquartile_gain,
    paired_difference,
    permutation_test,
    stratified_difference,
    stratified_interval,
)
from lorr_bench.stats.components import Components, components
from lorr_bench.stats.hierarchy import half_width
from lorr_bench.stats.power import detectable

Array = NDArray[np.float64]

SEEDS: Final = (2, 3, 5, 8)
PROBLEMS: Final = (30, 100, 300, 1000)
SPREADS: Final = (0.0, 1.0, 3.0)
DIFFICULTY: Final = 1.5
LIKING: Final = 0.7
BUDGETS: Final = (1000.0, 2000.0, 4000.0, 8000.0)
SIX: Final = ((30, -3.5), (30, -2.5), (40, -0.5), (500, 1.0), (272, -0.5), (600, 0.0))
TWO: Final = ((30, -1.0), (300, 0.5))
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
WEIGHTS /= WEIGHTS.sum()


def share_right(logit: float | Array, deviation: float) -> Array:
    """Mean of logistic(logit + deviation · z) over a standard normal z."""
    return np.asarray(special.expit(np.add.outer(logit, deviation * NODES)) @ WEIGHTS)


@functools.lru_cache
def seed_deviation(points: float, logit: float) -> float:
    """Deviation in logits of seeds whose accuracies deviate by so many points."""
    if points == 0:
        return 0.0

    def excess(deviation: float) -> float:
        accuracy = share_right(logit + deviation * NODES, DIFFICULTY)
        return float(np.sqrt(WEIGHTS @ (accuracy - WEIGHTS @ accuracy) ** 2) - points / 100)

    return float(optimize.brentq(excess, 1e-4, 5.0))


def answer(rng: np.random.Generator, logits: Array) -> Array:
    """Right, 1, or wrong, 0."""
    return np.asarray(rng.random(logits.shape) < special.expit(logits), np.float64)


def arm(
    rng: np.random.Generator, logit: float, shift: Array, difficulty: Array, liking: float = 0.0
) -> Array:
    """Answers (seeds, problems) of an arm; the liking takes its share of the spread of difficulty."""
    own = liking * rng.standard_normal(difficulty.shape)
    shared = difficulty * np.sqrt(1 - (liking / DIFFICULTY) ** 2)
    return answer(rng, logit + shift + shared + own)


def level_of(accuracy: float, deviation: float) -> float:
    """Logit of an arm with this accuracy over all seeds and problems."""
    return float(optimize.brentq(lambda logit: float(share_right(logit, deviation)) - accuracy, -8, 8))


def pair(
    rng: np.random.Generator, shape: tuple[int, int], points: float, gain: float, liking: float
) -> tuple[Array, Array]:
    """Treatment, better by the gain in accuracy, and a baseline of 50 %, (seeds, problems) each."""
    seeds, problems = shape
    deviation = seed_deviation(points, 0.0)
    better = level_of(0.5 + gain, float(np.hypot(deviation, DIFFICULTY)))
    difficulty = DIFFICULTY * rng.standard_normal((1, problems))
    shifts = deviation * rng.standard_normal((2, seeds, 1))
    treatment, baseline = (
        arm(rng, logit, shift, difficulty, liking) for logit, shift in zip((better, 0.0), shifts, strict=True)
    )
    return treatment, baseline


def row(*cells: Any) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def head(title: str, *columns: str) -> None:
    """Print a heading and the head of a table."""
    print(f"\n### {title}\n")
    row(*columns)
    row(*["---"] * len(columns))


def print_tables(description: str, parts: Mapping[str, Callable[[int, int], None]], suites: int) -> None:
    """Print the tables that the command line names.

    Args:
        description: Of the script; its first line is shown.
        parts: What prints each table, from simulated suites a design and a seed.
        suites: How many, unless told.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--suites", type=int, default=suites, help="simulated suites a design")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(parts), help="tables, by comma: %(default)s")
    arguments = parser.parse_args()
    for name in arguments.only.split(","):
        parts[name](arguments.suites, arguments.seed)


def percent(shares: Iterable[bool]) -> str:
    """Share of true values."""
    return f"{100 * np.mean(list(shares)):.1f}"


def coverage(suites: int, seed: int) -> None:
    """Intervals of a score and of a planted difference, and false findings, by design."""
    head(
        "Coverage of 95 % intervals and false findings, in % of suites",
        *("seeds", "problems", "seed spread, points", "score covers", "5-point difference covers"),
        *("equal arms: p < 0.05", "equal arms that like other problems: p < 0.05"),
    )
    for seeds in SEEDS:
        for problems in PROBLEMS:
            for points in SPREADS:
                rng = np.random.default_rng([seed, seeds, problems, int(points)])
                row(seeds, problems, points, *_coverage(suites, rng, seeds, problems, points))


def _coverage(suites: int, rng: np.random.Generator, seeds: int, problems: int, points: float) -> list[str]:
    score, difference, same, other = [], [], [], []
    for _ in range(suites):
        treatment, baseline = pair(rng, (seeds, problems), points, 0.05, LIKING)
        interval = crossed_interval(baseline)
        score.append(interval.low <= 0.5 <= interval.high)
        found = paired_difference(treatment, baseline)
        difference.append(found.low <= 0.05 <= found.high)
        same.append(paired_difference(*pair(rng, (seeds, problems), points, 0.0, 0.0)).p_value < 0.05)
        other.append(paired_difference(*pair(rng, (seeds, problems), points, 0.0, LIKING)).p_value < 0.05)
    return [percent(shares) for shares in (score, difference, same, other)]


def corners(suites: int, seed: int) -> None:
    """Low and high accuracy, where binary answers are least like normal ones."""
    head(
        "Low and high accuracy: coverage and false findings, in % of suites",
        *("accuracy", "seeds", "problems", "score covers", "equal arms: p < 0.05"),
    )
    for logit in (-4.0, -2.5, 2.5):
        truth = float(share_right(logit, DIFFICULTY))
        for seeds, problems in ((3, 30), (3, 300), (8, 30)):
            rng = np.random.default_rng([seed, seeds, problems, int(100 * truth)])
            covers, found = [], []
            for _ in range(suites):
                difficulty = DIFFICULTY * rng.standard_normal((1, problems))
                one, two = (arm(rng, logit, np.zeros((seeds, 1)), difficulty) for _ in range(2))
                interval = crossed_interval(one)
                covers.append(interval.low <= truth <= interval.high)
                found.append(paired_difference(one, two).p_value < 0.05)
            row(f"{truth:.3f}", seeds, problems, percent(covers), percent(found))


def strata(suites: int, seed: int) -> None:
    """Means over benchmarks of very different size and level."""
    head(
        "Mean over benchmarks: coverage and false findings, in % of suites",
        *("benchmarks", "seeds", "seed spread, points", "score covers", "equal arms: p < 0.05"),
    )
    for name, benchmarks in (("2 of 30 and 300", TWO), ("6 of 30 to 600", SIX)):
        for seeds in SEEDS:
            for points in SPREADS:
                rng = np.random.default_rng([seed, len(benchmarks), seeds, int(points)])
                row(name, seeds, points, *_strata(suites, rng, benchmarks, seeds, points))


def _strata(
    suites: int,
    rng: np.random.Generator,
    benchmarks: Sequence[tuple[int, float]],
    seeds: int,
    points: float,
) -> tuple[str, str]:
    deviation = seed_deviation(points, 0.0)
    spread = float(np.hypot(deviation, DIFFICULTY))
    truth = np.mean([share_right(logit, spread) for _, logit in benchmarks])
    covers, found = [], []
    for _ in range(suites):
        shifts, pairs = deviation * rng.standard_normal((2, seeds, 1)), []
        for problems, logit in benchmarks:
            difficulty = DIFFICULTY * rng.standard_normal((1, problems))
            first, second = (arm(rng, logit, shift, difficulty) for shift in shifts)
            pairs.append((first, second))
        interval = stratified_interval([one for one, _ in pairs])
        covers.append(bool(interval.low <= truth <= interval.high))
        found.append(stratified_difference(pairs).p_value < 0.05)
    return percent(covers), percent(found)


def power(suites: int, seed: int) -> None:
    """How often a planted gain of 5 points is found, and one as large as the power line states."""
    head(
        "Planted gains found at p < 0.05, in % of suites",
        *("seeds", "problems", "seed spread, points", "5 points: found", "in theory"),
        *("if the variances were known", "power line, points", "such a gain: found"),
    )
    for points in SPREADS:
        rng = np.random.default_rng([seed, int(points)])
        variances = cell_variances(np.subtract(*pair(rng, (2000, 2000), points, 0.05, LIKING)))
        for seeds in SEEDS[1:]:
            for problems in PROBLEMS[1:]:
                parts = expected_parts(variances, seeds, problems)
                line = detectable(parts)
                found, at_line = (
                    percent(
                        paired_difference(*pair(rng, (seeds, problems), points, gain, LIKING)).p_value < 0.05
                        for _ in range(suites)
                    )
                    for gain in (0.05, line)
                )
                known = stats.norm.sf(1.96 - 0.05 / np.sqrt(parts.variance))
                theory = theoretical_power(parts, 0.05)
                row(
                    *(seeds, problems, points, found, f"{100 * theory:.1f}", f"{100 * known:.1f}"),
                    *(f"{100 * line:.1f}", at_line),
                )


def cell_variances(table: Array) -> tuple[float, float, float]:
    """Variances of seeds, problems and residual from a table with very many of both."""
    seeds, problems = table.shape
    by_seed, by_problem = float(table.mean(axis=1).var()), float(table.mean(axis=0).var())
    residual = float(table.var()) - by_seed - by_problem
    return max(by_seed - residual / problems, 0.0), max(by_problem - residual / seeds, 0.0), residual


def expected_parts(variances: tuple[float, float, float], seeds: int, problems: int) -> Components:
    """The parts of the variance of a mean over so many seeds and problems."""
    of_seeds, of_problems, residual = variances
    training = of_seeds / seeds + residual / (seeds * problems)
    return Components(0.0, training, of_problems / problems, problems - 1.0, seeds, (problems,))


def theoretical_power(parts: Components, gain: float) -> float:
    """Normal theory: the mean normal, the training part χ² with seeds - 1, the problem part as expected."""
    freedom, deviation = parts.seeds - 1, np.sqrt(parts.variance)
    scatter = stats.chi2.ppf((np.arange(400) + 0.5) / 400, freedom) / freedom
    total = 0.0
    for factor in scatter:
        seen = Components(
            0.0, parts.training * factor, parts.problem, parts.freedom, parts.seeds, parts.sizes
        )
        half = half_width(seen, 0.05)
        total += stats.norm.sf((half - gain) / deviation) + stats.norm.cdf((-half - gain) / deviation)
    return float(total) / len(scatter)


def family(suites: int, seed: int) -> None:
    """Holm over twenty arms that are all equal to their baselines."""
    head(
        "Tables of 20 equal arms with any p below 0.05 after Holm, in % of tables",
        *("seeds", "problems", "seed spread, points", "tables"),
    )
    for seeds in SEEDS:
        for points in SPREADS:
            rng = np.random.default_rng([seed, 20, seeds, int(points)])
            tables = [
                [paired_difference(*pair(rng, (seeds, 300), points, 0.0, LIKING)).p_value for _ in range(20)]
                for _ in range(suites // 2)
            ]
            row(seeds, 300, points, percent(bool((holm(values) < 0.05).any()) for values in tables))


def tails(suites: int, seed: int) -> None:  # noqa: ARG001 - exact, so neither is needed
    """Error at small levels in normal theory, by quadrature, at the best and worst share of training."""
    head(
        "Equal arms below small levels, normal theory: lowest to highest over all shares of training",
        *("seeds", "below 5 %", "below 1 %", "below 0.25 %"),
    )
    for seeds in SEEDS:
        ranges = [normal_errors(seeds, alpha) for alpha in (0.05, 0.01, 0.0025)]
        row(seeds, *(f"{100 * low:.2f} to {100 * high:.2f} %" for low, high in ranges))


def normal_errors(seeds: int, alpha: float) -> tuple[float, float]:
    """Lowest and highest chance that the interval misses, the problem part known."""
    shares = 1 / (1 + np.exp(-np.linspace(-9, 9, 121)))
    widths = [half_width(Components(0.0, share, 1 - share, 1e4, seeds, (10_001,)), alpha) for share in shares]
    scatter = stats.chi2.ppf((np.arange(20_000) + 0.5) / 20_000, seeds - 1) / (seeds - 1)
    training = shares[:, None] * scatter
    variance = training + 1 - shares[:, None]
    half = np.sqrt(variance) * np.interp(training / variance, shares, widths)
    errors = 2 * stats.norm.sf(half).mean(axis=1)
    return float(errors.min()), float(errors.max())


def alternatives(suites: int, seed: int) -> None:
    """What else could be done with three seeds."""
    methods: dict[str, Callable[[Array, np.random.Generator], bool]] = {
        "this package": lambda table, _: paired_difference(table, 0 * table).p_value < 0.05,
        "both levels drawn with replacement, percentiles": bootstrap_finds,
        "t test over seed means": lambda table, _: student_finds(table.mean(axis=1)),
        "t test over problem means": lambda table, _: student_finds(table.mean(axis=0)),
        "each part with its Student quantile (MOVER)": lambda table, _: mover_finds(table),
        "one t test, Satterthwaite's degrees of freedom": lambda table, _: satterthwaite_finds(table),
        "signs of seeds permuted": lambda table, _: permutation_test(table, 0 * table, "seeds") < 0.05,
        "signs of problems permuted": lambda table, _: (
            permutation_test(table, 0 * table, "problems", draws=1000) < 0.05
        ),
    }
    designs = [(problems, points) for problems in (300, 1000) for points in (0.0, 3.0)]
    columns = [f"{problems} problems, spread {points:g} points" for problems, points in designs]
    head("Equal arms, 3 seeds, tested in other ways: p < 0.05, in % of suites", "test", *columns)
    found: dict[str, list[str]] = {name: [] for name in methods}
    for problems, points in designs:
        rng = np.random.default_rng([seed, 4, problems, int(points)])
        suite = [np.subtract(*pair(rng, (3, problems), points, 0.0, LIKING)) for _ in range(suites)]
        for name, finds in methods.items():
            found[name].append(percent(bool(finds(table, rng)) for table in suite))
    for name, shares in found.items():
        row(name, *shares)


def student_finds(means: Array) -> bool:
    """Whether Student's test of a mean of zero finds a difference."""
    freedom = means.size - 1
    return bool(means.mean() ** 2 > stats.t.isf(0.025, freedom) ** 2 * means.var(ddof=1) / means.size)


def bootstrap_finds(table: Array, rng: np.random.Generator, draws: int = 500) -> bool:
    """Whether the percentile interval of the plain crossed bootstrap leaves out zero."""
    seeds, problems = table.shape
    seed_weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), draws) / seeds
    problem_weights = rng.multinomial(problems, np.full(problems, 1 / problems), draws) / problems
    means = ((seed_weights @ table) * problem_weights).sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return not low <= 0 <= high


def mover_finds(table: Array) -> bool:
    """Whether Zou & Donner's (2008) recovered variance leaves out zero."""
    parts = components([table])
    widths = [stats.t.isf(0.025, parts.seeds - 1) ** 2 * parts.training]
    widths.append(stats.t.isf(0.025, parts.freedom) ** 2 * parts.problem)
    return bool(parts.mean**2 > sum(widths))


def satterthwaite_finds(table: Array) -> bool:
    """Whether one Student quantile with matched degrees of freedom leaves out zero."""
    parts = components([table])
    scatter = parts.training**2 / (parts.seeds - 1) + parts.problem**2 / parts.freedom
    freedom = parts.variance**2 / scatter
    return bool(abs(parts.mean) > stats.t.isf(0.025, freedom) * np.sqrt(parts.variance))


def speed(suites: int, seed: int) -> None:
    """Time of one call on 3 seeds and 300 problems, caches warm."""
    head("Time of a call, 3 seeds and 300 problems, caches warm", "call", "milliseconds")
    rng = np.random.default_rng(seed)
    pairs = [pair(rng, (3, 300), 1.0, 0.05, LIKING) for _ in range(max(suites // 10, 2))]
    calls: dict[str, Callable[[Array, Array], object]] = {
        "crossed_interval": lambda one, _: crossed_interval(one),
        "paired_difference": paired_difference,
        "data_efficiency, 4 budgets": lambda one, two: data_efficiency(
            BUDGETS, [two, two, one, one], [0 * two, two, two, two]
        ),
        "area_under_curve, 4 budgets": lambda one, two: area_under_curve(BUDGETS, [two, two, one, one]),
        "permutation_test over problems": lambda one, two: permutation_test(one, two, "problems"),
        "interquartile_gain, 8 tasks": lambda one, two: interquartile_gain(one[:, :8], two[:, :8]),
    }
    for name, call in calls.items():
        call(*pairs[0])
        started = time.perf_counter()
        for one, two in pairs:
            call(one, two)
        row(name, f"{1000 * (time.perf_counter() - started) / len(pairs):.2f}")


PARTS: Final = {
    part.__name__: part for part in (coverage, corners, strata, power, family, tails, alternatives, speed)
}


if __name__ == "__main__":
    print_tables(__doc__, PARTS, suites=1000)
