"""Metrics of repeated sampling: avg@k, pass@k and maj@k, each from what the grader found.

All take ``correct`` with the shape (problems, repeats): 1 for a right answer, 0 for a wrong one, NaN for one
that is missing. A problem without enough answers gets NaN and never a guess from fewer.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def average_at_k(correct: ArrayLike) -> NDArray[np.float64]:
    """avg@k: the share of right answers, k being the number of repeats.

    Args:
        correct: Verdicts (problems, repeats).

    Returns:
        Share between 0 and 1, shape (problems,); NaN for a problem that lacks an answer.

    Raises:
        ValueError: ``correct`` does not have two dimensions.
    """
    table = _verdicts(correct)
    shares: NDArray[np.float64] = table.sum(axis=1) / table.shape[1]
    return shares


def pass_at_k(correct: ArrayLike, k: int) -> NDArray[np.float64]:
    """pass@k: the chance that k answers drawn from those given hold a right one, without putting back.

    The unbiased estimator 1 - C(n - c, k) / C(n, k) of n answers with c right ones (Chen et al. 2021,
    arXiv 2107.03374, equation 1), as a product of k ratios, so that no factorial overflows.

    Args:
        correct: Verdicts (problems, repeats).
        k: Answers drawn, at least 1.

    Returns:
        Chance between 0 and 1, shape (problems,); NaN for a problem with fewer than k answers.

    Raises:
        ValueError: ``correct`` does not have two dimensions, or k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    table = _verdicts(correct)
    drawn = np.count_nonzero(~np.isnan(table), axis=1)
    wrong = np.count_nonzero(table == 0, axis=1)
    none_right = np.ones(len(table))
    for j in range(k):
        none_right *= np.clip(wrong - j, 0, None) / np.maximum(drawn - j, 1)
    return np.where(drawn < k, np.nan, 1 - none_right)


def majority_at_k(extracted: Sequence[Sequence[str | None]], correct: ArrayLike) -> NDArray[np.float64]:
    """maj@k: whether the most frequent answer is right.

    This is self-consistency (Wang et al. 2023, arXiv 2203.11171). Answers that the grader found right are
    one class, whatever their form; the others are told apart by their normalised text. Answers without a
    final answer do not vote. Classes that tie for the most votes share: the value is the expectation when
    one of them is drawn.

    Args:
        extracted: The final answers (problems, repeats), None where there is none.
        correct: Verdicts (problems, repeats).

    Returns:
        Value between 0 and 1, shape (problems,); 0 where nobody votes, NaN for a problem that lacks an
        answer.

    Raises:
        ValueError: ``correct`` does not have two dimensions, or ``extracted`` has another shape.
    """
    table = _verdicts(correct)
    if [len(row) for row in extracted] != [table.shape[1]] * len(table):
        raise ValueError(f"extracted answers must have the shape of the verdicts, {table.shape}")
    return np.array(
        [_majority(answers, verdicts) for answers, verdicts in zip(extracted, table, strict=True)],
        dtype=np.float64,
    )


def repeat_deviation(correct: ArrayLike) -> float:
    """How much the accuracy of one repeat over all problems scatters.

    Args:
        correct: Verdicts (problems, repeats).

    Returns:
        Sample standard deviation of the accuracies of the repeats that answer every problem; NaN with
        fewer than two such repeats.

    Raises:
        ValueError: ``correct`` does not have two dimensions.
    """
    accuracies = _verdicts(correct).mean(axis=0)
    complete = accuracies[~np.isnan(accuracies)]
    return float(complete.std(ddof=1)) if len(complete) > 1 else math.nan


def missing_reason(correct: ArrayLike, metric: str, needed: int) -> str:
    """Why a metric has no value.

    Args:
        correct: Verdicts (problems, repeats).
        metric: Name of the metric, such as ``pass@8``.
        needed: How many answers to each problem it needs.

    Returns:
        One clause, or nothing if every problem has enough answers.

    Raises:
        ValueError: ``correct`` does not have two dimensions.
    """
    table = _verdicts(correct)
    drawn = np.count_nonzero(~np.isnan(table), axis=1)
    short = drawn[drawn < needed]
    if not len(short):
        return ""
    low, high = int(short.min()), int(short.max())
    count = f"{low} to {high} were" if low < high else f"{low} {'was' if low == 1 else 'were'}"
    lack = "problem lacks" if len(table) == 1 else "problems lack"
    return f"{len(short)} of {len(table)} {lack} answers: {metric} needs {needed}, {count} drawn"


def _verdicts(correct: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(correct, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError(f"verdicts must have the shape (problems, repeats), not {table.shape}")
    return table


def _majority(answers: Sequence[str | None], verdicts: NDArray[np.float64]) -> float:
    if np.isnan(verdicts).any():
        return math.nan
    votes = Counter(
        (True, "") if verdict else (False, _normal(answer))
        for answer, verdict in zip(answers, verdicts, strict=True)
        if answer is not None
    )
    most = max(votes.values(), default=0)
    winners = [choice for choice, count in votes.items() if count == most]
    return 1 / len(winners) if (True, "") in winners else 0.0


def _normal(answer: str) -> str:
    """The text of an answer without what changes its look only."""
    text = unicodedata.normalize("NFKC", answer)
    text = re.sub(r"\\[dt]frac(?![a-zA-Z])", r"\\frac", text)
    text = re.sub(r"\\(?:left|right)(?![a-zA-Z])|\\[,;:! ]|\$", " ", text)
    text = re.sub(r"(?<!\w)\s+|\s+(?!\w)", "", text)  # "(1, 2)" is "(1,2)", but "1 2" is not "12"
    return " ".join(text.removesuffix(".").split())
