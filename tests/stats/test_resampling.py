"""Draws of the hierarchical bootstrap against the distribution that means have without draws."""

from __future__ import annotations

import numpy as np
import pytest

from lorr_bench.stats.components import components
from lorr_bench.stats.hierarchy import half_width
from lorr_bench.stats.resampling import hierarchical_draws


def answers(seeds: int, problems: int, logit: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng([seeds, problems])
    logits = logit + 0.1 * rng.standard_normal((seeds, 1)) + 1.5 * rng.standard_normal((1, problems))
    return (rng.random((seeds, problems)) < 1 / (1 + np.exp(-logits))).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize(
    "tables", [[answers(3, 100)], [answers(5, 40)], [answers(4, 30), answers(4, 90, 1.0)]]
)
def test_draws_have_the_width_of_the_closed_form(tables: list[np.ndarray]) -> None:
    drawn = hierarchical_draws([tables], tables, 0.1, 20_000, 0)[:, 0]
    parts = components(tables)
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert (high - low) / 2 == pytest.approx(half_width(parts, 0.1), rel=0.03)
    assert np.median(drawn) == pytest.approx(parts.mean, abs=0.02 * (high - low))


def test_points_share_their_seeds_and_problems() -> None:
    one = answers(3, 50)
    drawn = hierarchical_draws([[one], [one]], [one], 0.05, 500, 0)
    assert drawn[:, 0] == pytest.approx(drawn[:, 1])


def test_benchmarks_of_one_size_are_drawn_apart() -> None:
    # The second is the first mirrored: drawn alike, their sum would not move.
    one = np.repeat([[1.0, 0.0]], 50, axis=1)
    drawn = hierarchical_draws([[one, 1 - one]], [one, 1 - one], 0.05, 2000, 0)
    assert drawn.std() == pytest.approx(np.sqrt(0.25 / 99 / 2), rel=0.1)


def test_one_seed_moves_with_its_problems_only() -> None:
    table = np.repeat([[1.0, 0.0]], [30, 70], axis=1)
    drawn = hierarchical_draws([[table]], [table], 0.05, 5000, 0)
    assert drawn.std() == pytest.approx(np.sqrt(0.21 / 99), rel=0.05)


def test_equal_scores_do_not_move() -> None:
    drawn = hierarchical_draws([[np.ones((3, 4))]], [np.ones((3, 4))], 0.05, 10, 0)
    assert (drawn == 1.0).all()
