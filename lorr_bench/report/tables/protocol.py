"""How each benchmark was evaluated: everything that decides its numbers besides the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import MISSING, cut
from lorr_bench.report.table import Column, Table, text_cells
from lorr_bench.values import Results

COLUMNS = ("benchmark", "problems", "setting", "value")
MAX_LETTERS = 160
NOT_SET, NONE = "not set", "none"


def protocol_frame(results: Results) -> pd.DataFrame:
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
    return pd.DataFrame(rows, columns=list(COLUMNS))


def protocol_table(results: Results) -> Table:
    """Each benchmark in words, and the settings in which the benchmarks differ; long values are cut."""
    problems = problem_counts(results)
    own = {name: values for name, values in _by_setting(results).items() if len(set(values.values())) > 1}
    differing = ", and the settings in which the benchmarks differ" if own else ""
    return Table(
        section="protocol",
        heading="Protocol of each benchmark",
        caption=f"Problems of each benchmark{differing}.",
        columns=(
            Column("benchmark", "text"),
            Column("problems"),
            Column("in words", "text"),
            *(Column(_name_words(name), "text") for name in own),
        ),
        rows=tuple(
            text_cells(
                benchmark,
                f"{problems[benchmark]:,}" if problems.get(benchmark) else MISSING,
                _in_words(dict(settings(results.conditions[benchmark]))),
                *(values[benchmark] for values in own.values()),
            )
            for benchmark in results.conditions
        ),
        main=True,
    )


def shared_settings_table(results: Results) -> Table:
    """The settings that all benchmarks share, a row a setting; those that are not set share the last row."""
    shared = {
        name: next(iter(values.values()))
        for name, values in _by_setting(results).items()
        if len(set(values.values())) == 1
    }
    rows = [text_cells(_name_words(name), value) for name, value in shared.items() if value != NOT_SET]
    unset = [_name_words(name) for name, value in shared.items() if value == NOT_SET]
    if unset:
        rows.append(text_cells(NOT_SET, ", ".join(unset)))
    return Table(
        section="shared",
        part="settings",
        heading="Shared settings",
        caption="Settings that are the same for every benchmark.",
        columns=(Column("setting", "text"), Column("value", "text")),
        rows=tuple(rows),
        main=True,
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


def setting_words(value: Any) -> str:
    """A plain value in words: ``yes``, ``not set``, ``a, b``; texts and numbers as they are."""
    if value is None:
        return NOT_SET
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(setting_words, value)) or NONE
    return NONE if isinstance(value, Mapping) else str(value)


def problem_counts(results: Results) -> dict[str, int]:
    """Problems of each benchmark that was evaluated; 0 for scores known only as totals."""
    return {score.benchmark: len(score.per_problem) for score in results.scores}


def _by_setting(results: Results) -> dict[str, dict[str, str]]:
    """Value of each setting by benchmark; empty for a benchmark that does not have it."""
    tables = {
        benchmark: {name: cut(setting_words(value), MAX_LETTERS) for name, value in settings(conditions)}
        for benchmark, conditions in results.conditions.items()
    }
    names = dict.fromkeys(name for values in tables.values() for name in values)
    return {name: {benchmark: values.get(name, "") for benchmark, values in tables.items()} for name in names}


def _name_words(name: str) -> str:
    """The name of a setting in words: ``sampling.max_tokens`` is ``sampling: max tokens``."""
    return name.replace(".", ": ").replace("_", " ")


def _in_words(conditions: Mapping[str, Any]) -> str:
    """What decides most of a score, as one would say it."""
    found = {name.rpartition(".")[2]: value for name, value in conditions.items()}
    return ", ".join(_said(found)) or MISSING


def _said(found: Mapping[str, Any]) -> Iterator[str]:
    if found.get("greedy"):
        yield "one greedy answer"
    if found.get("repeats"):
        yield f"{found['repeats']} sampled answers at temperature {found.get('temperature', 'unknown')}"
    if found.get("max_tokens"):
        yield f"of at most {found['max_tokens']:,} tokens"
    if "num_fewshot" in found:
        shots = found["num_fewshot"]
        yield "as many examples as the task says" if shots is None else f"{shots} examples"
    templates = [found[name] for name in ("chat_template", "apply_chat_template") if name in found]
    if templates:
        yield f"{'with' if any(templates) else 'without'} a chat template"
