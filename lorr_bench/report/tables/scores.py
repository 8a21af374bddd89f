"""Every metric of every model."""

from __future__ import annotations

import math

import pandas as pd

from lorr_bench.values import Results

SCORE_COLUMNS = (
    "arm", "unique_pairs", "seed", "benchmark", "kind", "metric", "value", "n", "deviation", "reason",
)  # fmt: skip


def score_table(results: Results) -> pd.DataFrame:
    """Every metric of every model, one a row.

    Returns:
        Columns ``arm, unique_pairs, seed, benchmark, kind, metric, value, n, deviation, reason``: ``n``
        counts problems with a value, ``deviation`` is that of single repeats, and ``reason`` says why a value
        is missing.
    """
    rows = [
        (
            score.point.arm, score.point.unique_pairs, score.point.seed, score.benchmark, score.kind,
            score.metric, score.value, _counted(score.per_problem), score.deviation, score.reason,
        )
        for score in results.scores
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _counted(per_problem: tuple[float, ...]) -> int:
    return sum(not math.isnan(value) for value in per_problem)
