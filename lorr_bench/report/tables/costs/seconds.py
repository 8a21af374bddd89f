"""Where the seconds went; a frame alone, for the page draws bars."""

from __future__ import annotations

import math
from collections import defaultdict

import pandas as pd

from lorr_bench.values import Results, StageTime

COLUMNS = ("kind", "part", "stages", "seconds", "share")


def seconds_frame(results: Results) -> pd.DataFrame:
    """Seconds by kind of stage, each followed by its named parts.

    Returns:
        Columns ``kind, part, stages, seconds, share``: ``part`` is empty in the row of all stages of a kind,
        whose number is ``stages``, else 0; ``share`` is that of all seconds.
    """
    total = sum(stage.seconds for stage in results.times) or math.nan
    kinds: dict[str, list[StageTime]] = defaultdict(list)
    for stage in results.times:
        kinds[stage.kind].append(stage)
    rows: list[tuple[str, str, int, float]] = []
    for kind, stages in kinds.items():
        rows.append((kind, "", len(stages), sum(stage.seconds for stage in stages)))
        parts: dict[str, float] = defaultdict(float)
        for stage in stages:
            for part, seconds in stage.parts.items():
                parts[part] += seconds
        rows += [(kind, part, 0, seconds) for part, seconds in parts.items()]
    return pd.DataFrame([(*row, row[-1] / total) for row in rows], columns=list(COLUMNS))
