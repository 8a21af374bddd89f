"""Every metric of every model."""

from __future__ import annotations

import math
from dataclasses import asdict

import pandas as pd

from lorr_bench.values import Results

COLUMNS = (
    "arm",
    "unique_pairs",
    "seed",
    "benchmark",
    "kind",
    "metric",
    "value",
    "n",
    "deviation",
    "reason",
)


def score_frame(results: Results) -> pd.DataFrame:
    """Every metric of every model, one a row.

    Returns:
        Columns ``arm, unique_pairs, seed, benchmark, kind, metric, value, n, deviation, reason``: ``n``
        counts problems with a value, ``deviation`` is that of single repeats, and ``reason`` says why a value
        is missing.
    """
    rows = [
        {
            **asdict(score.point),
            **asdict(score.measure),
            "value": score.value,
            "n": _counted(score.per_problem),
            "deviation": score.deviation,
            "reason": score.reason,
        }
        for score in results.scores
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _counted(per_problem: tuple[float, ...]) -> int:
    return sum(not math.isnan(value) for value in per_problem)
