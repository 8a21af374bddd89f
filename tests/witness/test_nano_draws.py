"""Another draw of the embedded problems differs from this one as independent problems do.

Readers who know some verbs and misread the others, and nothing of the package but the problems and the
interval: so the interval of a score is held against what redrawing the benchmark really does.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from lorr_bench.data.nano.families import problem_family
from lorr_bench.data.nano.problems import VERBS, Problem, problems
from lorr_bench.stats import crossed_interval, paired_difference

DRAWS, PROBLEMS = 120, 200


@pytest.fixture(scope="module")
def draws() -> list[list[Problem]]:
    stream = problems("easy", 4321)
    return [list(itertools.islice(stream, PROBLEMS)) for _ in range(DRAWS)]


def reader(share: float, seed: int) -> set[str]:
    """The verbs that a reader reads right."""
    words = [verb.word for verb in VERBS]
    return set(random.Random(seed).sample(words, round(share * len(words))))


def right(reader: set[str], drawn: list[Problem]) -> np.ndarray:
    """(1, problems): a problem is right if all its verbs are read right."""
    return np.array(
        [[all(verb.word in reader for verb, _ in problem.steps) for problem in drawn]], dtype=float
    )


def names(drawn: list[Problem]) -> list[str]:
    return [problem_family(problem) for problem in drawn]


@pytest.mark.slow
def test_scores_of_other_draws_lie_where_independent_problems_would_put_them(
    draws: list[list[Problem]],
) -> None:
    tables = [right(reader(0.75, seed=1), drawn) for drawn in draws]
    truth = np.mean(tables)
    spread = np.std([table.mean() for table in tables], ddof=1)
    assert spread == pytest.approx(np.sqrt(truth * (1 - truth) / PROBLEMS), rel=0.2)
    found = [crossed_interval(table) for table in tables]
    assert 0.9 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99


@pytest.mark.slow
def test_gains_do_too_and_families_by_verbs_would_say_more_than_there_is(
    draws: list[list[Problem]],
) -> None:
    before, after = reader(0.6, seed=2), reader(0.6, seed=2) | reader(0.6, seed=3)
    pairs = [(right(after, drawn), right(before, drawn)) for drawn in draws]
    gains = [left.mean() - other.mean() for left, other in pairs]
    widths, family_widths = (
        np.mean([(one.high - one.low) / 2 for one in found])
        for found in (
            [paired_difference(left, other) for left, other in pairs],
            [
                paired_difference(left, other, families=names(drawn))
                for (left, other), drawn in zip(pairs, draws, strict=True)
            ],
        )
    )
    true_width = 1.97 * np.std(gains, ddof=1)
    assert widths == pytest.approx(true_width, rel=0.2)
    assert family_widths > 1.15 * true_width
