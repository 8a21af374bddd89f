"""How each benchmark was evaluated: everything that decides its numbers besides the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from lorr_bench.report.cells import NONE
from lorr_bench.report.rows import ProtocolRow
from lorr_bench.values import Results

PROTOCOL_COLUMNS = ("benchmark", "problems", "setting", "value")
MOST_LETTERS = 160


def protocol_table(results: Results) -> pd.DataFrame:
    """Every setting of every benchmark, one a row.

    Returns:
        Columns ``benchmark, problems, setting, value``: nested settings have dotted names, values are text.
    """
    problems = problem_counts(results)
    rows = [
        (benchmark, problems.get(benchmark, 0), name, setting_text(value))
        for benchmark, conditions in results.conditions.items()
        for name, value in settings(conditions)
    ]
    return pd.DataFrame(rows, columns=list(PROTOCOL_COLUMNS))


def protocol_rows(results: Results) -> tuple[ProtocolRow, ...]:
    """The same, one row a benchmark; long values are cut."""
    problems = problem_counts(results)
    return tuple(
        ProtocolRow(
            benchmark,
            f"{problems[benchmark]:,}" if problems.get(benchmark) else NONE,
            tuple((name, _short(setting_text(value))) for name, value in settings(conditions)),
        )
        for benchmark, conditions in results.conditions.items()
    )


def settings(conditions: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested conditions as dotted names and plain values."""
    for name, value in conditions.items():
        if isinstance(value, Mapping) and value:
            yield from settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def setting_text(value: Any) -> str:
    """A plain value as text: texts as they are, everything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def problem_counts(results: Results) -> dict[str, int]:
    """Problems of each benchmark that was evaluated; 0 for scores known only as totals."""
    return {score.benchmark: len(score.per_problem) for score in results.scores}


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
