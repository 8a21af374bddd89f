"""Length and completeness of the answers."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lorr_bench.report.cells import decimals, percent
from lorr_bench.report.measures import model_rows
from lorr_bench.report.sheets import BENCHMARK, MODEL, Cell, Column, Sheet, model_cells, text_cells
from lorr_bench.values import Conduct, Results

CONDUCT_COLUMNS = (
    "arm", "unique_pairs", "seeds", "benchmark", "answers", "mean_tokens", "truncated_share",
    "no_answer_share", "timeouts", "missing",
)  # fmt: skip
CONDUCT_TITLES = ("answers", "tokens an answer", "truncated", "without an answer", "timeouts", "missing")


def conduct_table(results: Results) -> pd.DataFrame:
    """Length and completeness of the answers of each arm at each budget to each benchmark.

    Returns:
        Columns ``arm, unique_pairs, seeds, benchmark, answers, mean_tokens, truncated_share,
        no_answer_share, timeouts, missing``: counts in all, the others weighted by answers over the seeds.
    """
    groups: dict[tuple[str, int, str], list[Conduct]] = {}
    for line in results.conduct:
        groups.setdefault((line.point.arm, line.point.unique_pairs, line.benchmark), []).append(line)
    place = {row: number for number, row in enumerate(model_rows(results))}
    order = sorted(groups, key=lambda key: place.get(key[:2], len(place)))
    rows = [(*key[:2], len(groups[key]), key[2], *_conduct(groups[key])) for key in order]
    return pd.DataFrame(rows, columns=list(CONDUCT_COLUMNS))


def conduct_sheet(table: pd.DataFrame) -> Sheet:
    """That table for reading."""
    columns = (*MODEL, BENCHMARK, *map(Column, CONDUCT_TITLES))
    caption = (
        "All repeats of all problems. Truncated: ended by the token limit. Timeouts count as wrong. Missing: "
        "prompts that do not fit the context."
    )
    label = "Length and completeness of the answers"
    return Sheet("conduct", label, caption, columns, tuple(map(_cells, table.itertuples())), "conduct.csv")


def _cells(row: Any) -> tuple[Cell, ...]:
    return (
        *model_cells(row.arm, row.unique_pairs, f"{row.seeds}"),
        *text_cells(
            row.benchmark, f"{row.answers:,}", decimals(1)(row.mean_tokens), percent(row.truncated_share),
            percent(row.no_answer_share), f"{row.timeouts:,}", f"{row.missing:,}",
        ),
    )  # fmt: skip


def _conduct(lines: list[Conduct]) -> tuple[float, ...]:
    answers = sum(line.answers for line in lines)

    def mean(name: str) -> float:
        found = [(getattr(line, name), line.answers) for line in lines if line.answers]
        return sum(value * weight for value, weight in found) / answers if answers else math.nan

    return (
        answers, mean("mean_tokens"), mean("truncated_share"), mean("no_answer_share"),
        sum(line.timeouts for line in lines), sum(line.missing for line in lines),
    )  # fmt: skip
