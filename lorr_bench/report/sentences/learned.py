"""Whether anything was learned at all: where weights or scores did not move, no comparison says anything."""

from __future__ import annotations

import pandas as pd

from lorr_bench.report.formatting import percent
from lorr_bench.values import START

DISTANCE = "distance/"
"""Beginning of the names of diagnostics that say how far weights are from the start model's."""


def nothing_learned(comparison: pd.DataFrame, diagnostics: pd.DataFrame) -> str:
    """That nothing was learned, and from what it is seen; empty where something was.

    Args:
        comparison: The comparison on the primary measure, at the primary budget and of the start model.
        diagnostics: The frame of diagnostics.
    """
    distances = diagnostics.loc[diagnostics["name"].astype(str).str.startswith(DISTANCE), "value"]
    if len(distances) and (distances == 0).all():
        return "Nothing was learned: no weight of any arm moved away from the start model."
    start = comparison[comparison["arm"] == START.arm]
    trained = comparison[(comparison["arm"] != START.arm) & comparison["mean"].notna()]
    if start.empty or trained.empty or start["mean"].isna().all():
        return ""
    score = float(start["mean"].iloc[0])
    if (trained["mean"] == score).all():
        return f"Nothing was learned: every arm scores {percent(score)} %, as the start model does."
    within = (trained["low"] <= score) & (score <= trained["high"])
    if within.all():
        return (
            f"That anything was learned is not shown: the start model's {percent(score)} % lies in the "
            "95 % interval of every arm."
        )
    return ""
