"""Where the seconds went; not a sheet, for the page draws bars."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from lorr_bench.report import cells
from lorr_bench.values import Results, StageTime


@dataclass(frozen=True, slots=True)
class TimeRow:
    """Seconds of all stages of a kind, or of a part of them."""

    kind: str
    part: str
    stages: str
    seconds: str
    share: float


def seconds_rows(results: Results) -> tuple[TimeRow, ...]:
    """Seconds by kind of stage, each followed by its named parts and what they leave."""
    total = sum(stage.seconds for stage in results.times) or math.nan
    kinds: dict[str, list[StageTime]] = defaultdict(list)
    for stage in results.times:
        kinds[stage.kind].append(stage)
    rows = []
    for kind, stages in kinds.items():
        spent = sum(stage.seconds for stage in stages)
        rows.append(TimeRow(kind, "", f"{len(stages)}", cells.seconds(spent), spent / total))
        parts: dict[str, float] = defaultdict(float)
        for stage in stages:
            for part, value in stage.parts.items():
                parts[part] += value
        rows += [
            TimeRow(kind, part, "", cells.seconds(value), value / total) for part, value in parts.items()
        ]
    return tuple(rows)
