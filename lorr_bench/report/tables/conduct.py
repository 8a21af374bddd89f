"""Length and completeness of the answers."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import decimals, percent
from lorr_bench.report.study import Study
from lorr_bench.report.table import BENCHMARK, MODEL, Cell, Column, Table, model_cells, text_cells
from lorr_bench.values import Conduct

COLUMNS = (
    "arm",
    "unique_pairs",
    "seeds",
    "benchmark",
    "answers",
    "mean_tokens",
    "truncated_share",
    "no_answer_share",
    "timeouts",
    "missing",
)
TITLES = ("answers", "tokens an answer", "truncated", "without an answer", "timeouts", "missing")


def conduct_frame(study: Study) -> pd.DataFrame:
    """Length and completeness of the answers of each arm at each budget to each benchmark.

    Returns:
        Columns ``arm, unique_pairs, seeds, benchmark, answers, mean_tokens, truncated_share,
        no_answer_share, timeouts, missing``: counts in all, the others weighted by answers over the seeds.
    """
    groups: dict[tuple[str, int, str], list[Conduct]] = {}
    for line in study.results.conduct:
        groups.setdefault((line.point.arm, line.point.unique_pairs, line.benchmark), []).append(line)
    place = {model: number for number, model in enumerate(study.models)}
    order = sorted(groups, key=lambda key: place.get(key[:2], len(place)))
    return pd.DataFrame([_row(groups[key]) for key in order], columns=list(COLUMNS))


def conduct_table(frame: pd.DataFrame) -> Table:
    """That frame for reading."""
    return Table(
        section="conduct",
        heading="Length and completeness of the answers",
        caption=(
            "All repeats of all problems. Truncated: ended by the token limit. Timeouts count as wrong. "
            "Missing: prompts that do not fit the context."
        ),
        columns=(*MODEL, BENCHMARK, *map(Column, TITLES)),
        rows=tuple(map(_cells, frame.itertuples())),
        file="conduct.csv",
    )


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *model_cells(row.arm, row.unique_pairs, f"{row.seeds}"),
        *text_cells(
            row.benchmark,
            f"{row.answers:,}",
            decimals(1)(row.mean_tokens),
            percent(row.truncated_share),
            percent(row.no_answer_share),
            f"{row.timeouts:,}",
            f"{row.missing:,}",
        ),
    )


def _row(lines: list[Conduct]) -> dict[str, Any]:
    """One row for the seeds of an arm at a budget on a benchmark."""
    answers = sum(line.answers for line in lines)

    def mean(name: str) -> float:
        weighted = [getattr(line, name) * line.answers for line in lines if line.answers]
        return sum(weighted) / answers if answers else math.nan

    return {
        "arm": lines[0].point.arm,
        "unique_pairs": lines[0].point.unique_pairs,
        "seeds": len(lines),
        "benchmark": lines[0].benchmark,
        "answers": answers,
        "mean_tokens": mean("mean_tokens"),
        "truncated_share": mean("truncated_share"),
        "no_answer_share": mean("no_answer_share"),
        "timeouts": sum(line.timeouts for line in lines),
        "missing": sum(line.missing for line in lines),
    }
