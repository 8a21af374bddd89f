"""Pairs of the embedded task that need no model to be made; for the scripts beside this file."""

from __future__ import annotations

import random

from lorr_bench.data.nano import problems
from lorr_bench.values import Pair


def nano_pairs(count: int, seed: int) -> list[Pair]:
    """The worked solution of a generated problem, and one with a misread verb.

    Args:
        count: Number of pairs.
        seed: Of the problems.
    """
    rng = random.Random(0)
    pairs: list[Pair] = []
    for index, problem in enumerate(problems.problems("train", seed)):
        wrong = problems.misread_solution(problem, rng)
        if wrong != problem.solution():
            pairs.append(Pair(f"p{index}", problem.text, problem.solution(), wrong, index))
        if len(pairs) == count:
            break
    return pairs
