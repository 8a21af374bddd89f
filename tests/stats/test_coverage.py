"""How often the interval holds the truth, simulated, and the reasons against the alternatives.

Binary answers from a logistic model with random seeds and problems; the truth is the model's mean, by
quadrature. 400 suites a case: the standard error of a coverage of 0.95 is 0.011.
"""

from __future__ import annotations

import numpy as np
import pytest

from lorr_bench.stats import crossed_interval, paired_difference

SUITES = 400
CASES = pytest.mark.parametrize(
    ("seeds", "problems", "seed_spread"),
    [(3, 300, 0.0), (3, 300, 0.1), (3, 300, 0.5), (3, 40, 0.5), (2, 300, 0.5), (5, 300, 0.2)],
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
    assert 0.92 <= hits / SUITES <= 0.995


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
    assert 0.92 <= hits / SUITES <= 0.99
    assert false_findings / SUITES <= 0.08


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
    for _ in range(SUITES):
        scores = simulate_arm(0.3, 1.0, 1.5 * rng.standard_normal((1, 300)), 3, rng)
        low, high = bootstrap_ends(scores, rng)
        bootstrap_hits += low <= truth <= high
        pooled = crossed_interval(scores.mean(axis=0, keepdims=True))
        problem_hits += pooled.low <= truth <= pooled.high
    assert bootstrap_hits / SUITES < 0.85
    assert problem_hits / SUITES < 0.6
