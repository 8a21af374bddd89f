"""How often intervals hold the truth and tests find what is not there, simulated, and why not otherwise.

Binary answers from a logistic model with random seeds and problems; the truth is the model's mean, by
quadrature. Each bar is 400 suites: the standard error of a share of 5 % is 1.1 points, and three of them are
allowed. ``benchmarks/statistics_simulation.py`` and ``statistics_curves.py`` have all designs.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lorr_bench.stats import (
    area_under_curve,
    crossed_interval,
    data_efficiency,
    interquartile_gain,
    paired_difference,
    probability_of_improvement,
    seed_spread,
    stratified_difference,
    stratified_interval,
)

pytestmark = pytest.mark.slow

SUITES = 400
CASES = pytest.mark.parametrize(
    ("seeds", "problems", "seed_spread"),
    [(3, 300, 0.0), (3, 300, 0.1), (3, 300, 0.3), (3, 40, 0.2), (2, 100, 0.1), (5, 300, 0.2), (8, 30, 0.0)],
)


def logistic(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def expected_share(logit: float, spread: float) -> float:
    """Mean of logistic(logit + spread · z) over a standard normal z."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    return float((weights / weights.sum()) @ logistic(logit + spread * nodes))


def simulate_arm(
    logit: float, seed_spread: float, difficulty: np.ndarray, seeds: int, rng: np.random.Generator
) -> np.ndarray:
    """Answers (seeds, problems), 0 or 1."""
    logits = logit + seed_spread * rng.standard_normal((seeds, 1)) + difficulty
    return (rng.random(logits.shape) < logistic(logits)).astype(float)


@CASES
def test_interval_covers(seeds: int, problems: int, seed_spread: float) -> None:
    rng = np.random.default_rng([seeds, problems, round(10 * seed_spread)])
    truth = expected_share(0.3, float(np.hypot(seed_spread, 1.5)))
    hits = 0
    for _ in range(SUITES):
        difficulty = 1.5 * rng.standard_normal((1, problems))
        found = crossed_interval(simulate_arm(0.3, seed_spread, difficulty, seeds, rng))
        hits += found.low <= truth <= found.high
    assert 0.917 <= hits / SUITES <= 0.983


@CASES
def test_difference_covers_and_keeps_its_error_rate(seeds: int, problems: int, seed_spread: float) -> None:
    rng = np.random.default_rng([seeds, problems, round(10 * seed_spread), 1])
    spread = float(np.sqrt(seed_spread**2 + 1.5**2 + 0.7**2))
    truth = expected_share(0.5, spread) - expected_share(0.0, spread)
    hits = false_findings = 0
    for _ in range(SUITES):
        shared = 1.5 * rng.standard_normal((1, problems))
        better, plain, same = (
            simulate_arm(logit, seed_spread, shared + 0.7 * rng.standard_normal((1, problems)), seeds, rng)
            for logit in (0.5, 0.0, 0.0)
        )
        found = paired_difference(better, plain)
        hits += found.low <= truth <= found.high
        false_findings += paired_difference(same, plain).p_value < 0.05
    assert 0.917 <= hits / SUITES <= 0.983
    assert 0.017 <= false_findings / SUITES <= 0.083


def test_mean_over_benchmarks_covers_and_keeps_its_error_rate() -> None:
    rng = np.random.default_rng(5)
    benchmarks = [(30, -2.5), (40, -0.5), (200, 1.0)]
    truth = np.mean([expected_share(logit, float(np.hypot(0.1, 1.5))) for _, logit in benchmarks])
    hits = false_findings = 0
    for _ in range(SUITES):
        shifts, pairs = 0.1 * rng.standard_normal((2, 3, 1)), []
        for problems, logit in benchmarks:
            difficulty = 1.5 * rng.standard_normal((1, problems))
            pairs.append(tuple(simulate_arm(logit, 0.0, difficulty + shift, 3, rng) for shift in shifts))
        found = stratified_interval([one for one, _ in pairs])
        hits += found.low <= truth <= found.high
        false_findings += stratified_difference(pairs).p_value < 0.05
    assert 0.917 <= hits / SUITES <= 0.983
    assert 0.017 <= false_findings / SUITES <= 0.083


def test_efficiency_and_area_cover() -> None:
    # The treatment is the baseline with twice the data: the ratio is one half.
    rng, budgets = np.random.default_rng(6), [1000, 2000, 4000, 8000]
    levels = 0.4 * np.log2(budgets) - 4.5
    area = np.trapezoid([expected_share(level + 0.4, np.hypot(0.1, 1.5)) for level in levels]) / 3
    ratio_hits = area_hits = 0
    for _ in range(SUITES):
        difficulty = 1.5 * rng.standard_normal((1, 300))
        treatment, baseline = (
            [simulate_arm(level + gain, 0.1, difficulty, 3, rng) for level in levels] for gain in (0.4, 0.0)
        )
        found = data_efficiency(budgets, treatment, baseline)
        ratio_hits += found.low <= 0.5 <= found.high
        under = area_under_curve(budgets, treatment)
        area_hits += under.low <= area <= under.high
    assert 0.917 <= ratio_hits / SUITES <= 0.983
    assert 0.917 <= area_hits / SUITES <= 0.983


@pytest.mark.parametrize("levels", [(-0.7, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)])
def test_equal_arms_show_no_saving_on_a_plateau(levels: tuple[float, ...]) -> None:
    rng, savings = np.random.default_rng(8), 0
    for _ in range(SUITES):
        difficulty = 1.5 * rng.standard_normal((1, 300))
        arms = [[simulate_arm(level, 0.1, difficulty, 5, rng) for level in levels] for _ in range(2)]
        savings += data_efficiency([1000, 2000, 4000, 8000], *arms).high < 1
    assert savings / SUITES <= 0.06


@pytest.mark.parametrize(("runs", "tasks"), [(3, 8), (5, 8), (10, 12)])
def test_aggregates_cover(runs: int, tasks: int) -> None:
    rng = np.random.default_rng([runs, tasks])
    truth = 0.7602499389065233  # Φ(1/√2): normal runs one deviation apart
    gains = np.full(tasks, 0.02)

    def scores(suites: int) -> np.ndarray:
        noise = rng.standard_normal((suites, runs, 1)) + rng.standard_normal((suites, runs, tasks))
        return np.linspace(0.2, 0.8, tasks) + 0.02 * noise / np.sqrt(2)

    gain_hits = chance_hits = 0
    for one, two in zip(scores(SUITES), scores(SUITES), strict=True):
        found = interquartile_gain(one + gains, two)
        gain_hits += found.low <= 0.02 <= found.high
        better = probability_of_improvement(one + gains, two)
        chance_hits += better.low <= truth <= better.high
    assert 0.917 <= gain_hits / SUITES <= 0.983
    assert chance_hits / SUITES >= 0.93  # on the safe side with few runs


def bootstrap_ends(scores: np.ndarray, rng: np.random.Generator, draws: int = 500) -> np.ndarray:
    """Crossed percentile bootstrap: seeds, and one set of problems for all of them, drawn with replacement."""
    seeds, problems = scores.shape
    seed_weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), draws) / seeds
    problem_weights = rng.multinomial(problems, np.full(problems, 1 / problems), draws) / problems
    means = ((seed_weights @ scores) * problem_weights).sum(axis=1)
    return np.quantile(means, [0.025, 0.975])


def test_why_not_the_bootstrap_nor_problems_alone() -> None:
    rng = np.random.default_rng(3)
    truth = expected_share(0.3, float(np.hypot(1.0, 1.5)))
    bootstrap_hits = problem_hits = 0
    suites = 150
    for _ in range(suites):
        scores = simulate_arm(0.3, 1.0, 1.5 * rng.standard_normal((1, 300)), 3, rng)
        low, high = bootstrap_ends(scores, rng)
        bootstrap_hits += low <= truth <= high
        pooled = crossed_interval(scores.mean(axis=0, keepdims=True))
        problem_hits += pooled.low <= truth <= pooled.high
    assert bootstrap_hits / suites < 0.85
    assert problem_hits / suites < 0.6


@pytest.mark.parametrize(("seeds", "shift"), [(3, 0.0), (3, 0.1), (3, 0.3), (5, 0.2)])
@pytest.mark.parametrize("liking", [0.0, 0.7])
def test_pooled_seeds_keep_the_error_rate(seeds: int, shift: float, liking: float) -> None:
    rng = np.random.default_rng([seeds, round(10 * shift), round(10 * liking), 7])
    false_findings = []
    for _ in range(SUITES):
        shared = 1.5 * rng.standard_normal((1, 200))
        arms = [
            simulate_arm(0.0, shift, shared + liking * rng.standard_normal((1, 200)), seeds, rng)
            for _ in range(5)
        ]
        spread = seed_spread([arm.mean(axis=1) for arm in arms])
        found = paired_difference(arms[0], arms[1], spread=spread.between(0, 1))
        false_findings.append(found.p_value < 0.05)
    assert 0.017 <= np.mean(false_findings) <= 0.083


def test_pooled_seeds_find_more() -> None:
    rng, pooled, own = np.random.default_rng(8), 0, 0
    for _ in range(150):
        shared = 1.5 * rng.standard_normal((1, 300))
        arms = [simulate_arm(0.7 * (arm == 0), 0.1, shared, 3, rng) for arm in range(8)]
        spread = seed_spread([arm.mean(axis=1) for arm in arms])
        pooled += paired_difference(arms[0], arms[1], spread=spread.between(0, 1)).p_value < 0.01
        own += paired_difference(arms[0], arms[1]).p_value < 0.01
    assert pooled > 1.5 * own


def test_an_arm_that_scatters_more_leaves_the_rest_their_error_rate() -> None:
    # Six equal arms, the first with four times the seed spread of the others: all 15 contrasts.
    rng, false_findings = np.random.default_rng(9), []
    for _ in range(60):
        shared = 1.5 * rng.standard_normal((1, 300))
        arms = [simulate_arm(0.0, 0.8 if arm == 0 else 0.2, shared, 3, rng) for arm in range(6)]
        spread = seed_spread([arm.mean(axis=1) for arm in arms])
        false_findings += [
            paired_difference(arms[one], arms[two], spread=spread.between(one, two)).p_value < 0.05
            for one, two in itertools.combinations(range(6), 2)
        ]
    assert 0.02 <= np.mean(false_findings) <= 0.08


@pytest.mark.parametrize("seeds", [3, 5])
def test_families_of_problems_cover_and_keep_the_error_rate(seeds: int) -> None:
    rng, names = np.random.default_rng([seeds, 10]), np.repeat(np.arange(30), 10).astype(str).tolist()
    truth = expected_share(0.3, float(np.sqrt(0.1**2 + 2 * 1.0**2 + 0.7**2)))
    hits = ignoring = false_findings = 0
    for _ in range(SUITES):
        shared = np.repeat(rng.standard_normal((1, 30)), 10, axis=1) + rng.standard_normal((1, 300))
        one, two = (
            simulate_arm(
                0.3, 0.1, shared + np.repeat(0.7 * rng.standard_normal((1, 30)), 10, axis=1), seeds, rng
            )
            for _ in range(2)
        )
        found, plain = crossed_interval(one, families=names), crossed_interval(one)
        hits += found.low <= truth <= found.high
        ignoring += plain.low <= truth <= plain.high
        false_findings += paired_difference(one, two, families=names).p_value < 0.05
    assert 0.917 <= hits / SUITES <= 0.983
    assert ignoring / SUITES < 0.85
    assert 0.017 <= false_findings / SUITES <= 0.083
