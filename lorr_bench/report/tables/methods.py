"""The plug-ins of each method beside each other, at the largest budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

import pandas as pd

from lorr_bench.report.arms import compared_arms, methods, plugin_of, plugins
from lorr_bench.report.cells import NONE
from lorr_bench.report.measures import Measure, reported_measures
from lorr_bench.report.sheets import Cell, Column, Sheet
from lorr_bench.report.tables.comparison import (
    difference_cell,
    largest_budget,
    largest_rows,
    measure_heading,
    score_text,
)
from lorr_bench.values import START, Results

MAX_PLUGINS = 8
"""Plug-ins that fit beside each other."""
METHOD_COLUMNS = ("benchmark", "kind", "metric", "unique_pairs", "method")
PLUGIN_COLUMNS = ("mean", "difference", "difference_low", "difference_high", "role", "p_holm", "significant")


def method_table(results: Results, comparison: pd.DataFrame) -> pd.DataFrame:
    """The comparison at the largest budget with the plug-ins of each method beside each other.

    Args:
        results: The results.
        comparison: Their comparison table.

    Returns:
        One row a measure and method: ``benchmark, kind, metric, unique_pairs, method``, then for each plug-in
        its ``_mean`` and, where it is compared with another one, its ``_difference`` with ``_low`` and
        ``_high``, ``_role``, ``_p_holm`` and ``_significant``. Cells of arms that the suite does not have, or
        that have no result, are empty.
    """
    found, budget = largest_rows(comparison), largest_budget(comparison)
    names = _plugins(results)
    rows = []
    for measure in reported_measures(results):
        for method in methods(results):
            row = dict(zip(METHOD_COLUMNS, (*astuple(measure), budget, method), strict=True))
            for plugin, _ in names:
                row |= _plugin_columns(plugin, found.get((f"{method}+{plugin}", measure)))
            rows.append(row)
    columns = [
        f"{plugin}_{name}"
        for plugin, compared in names
        for name in (PLUGIN_COLUMNS if compared else PLUGIN_COLUMNS[:1])
    ]
    return pd.DataFrame(rows, columns=[*METHOD_COLUMNS, *columns])


def methods_sheet(
    name: str,
    label: str,
    results: Results,
    comparison: pd.DataFrame,
    measures: Sequence[Measure],
    *,
    caption: str,
) -> Sheet:
    """The comparison at the largest budget restricted to these measures, the start model first.

    Args:
        name: Of the sheet.
        label: What it is called.
        results: The results.
        comparison: Their comparison table.
        measures: What is shown.
        caption: How to read it.

    Returns:
        One row a method; none where the suite has a single method, or too many plug-ins to stand beside each
        other.
    """
    columns = [Column("method", "text")]
    for heading in (measure_heading(measure, comparison) for measure in measures):
        for plugin, compared in _plugins(results):
            columns.append(Column(plugin, group=heading))
            columns += [Column("Δ", group=heading)] if compared else []
    text = f"At {largest_budget(comparison):,} unique pairs. {caption}"
    rows = tuple(_rows(results, comparison, measures))
    return Sheet(name, label, text, tuple(columns), rows, "methods.csv", True, frozenset({1}))


def _rows(
    results: Results, comparison: pd.DataFrame, measures: Sequence[Measure]
) -> Iterator[tuple[Cell, ...]]:
    names, found = _plugins(results), largest_rows(comparison)
    several = len(methods(results)) > 1 and largest_budget(comparison) > 0
    if not several or len(names) > MAX_PLUGINS:
        return
    blanks = [Cell("")] * (len(names) + sum(compared for _, compared in names) - 1)
    starts = (Cell(score_text(found.get((START.arm, measure)))) for measure in measures)
    yield Cell("start model"), *(cell for start in starts for cell in (start, *blanks))
    for method in methods(results):
        yield (
            Cell(method),
            *(
                cell
                for measure in measures
                for plugin, compared in names
                for cell in _plugin_cells(found.get((f"{method}+{plugin}", measure)), compared=compared)
            ),
        )


def _plugin_cells(row: Any, *, compared: bool) -> Iterator[Cell]:
    """The score without its interval, for which there is no room, and the difference with its own."""
    yield Cell(score_text(row))
    if compared:
        yield difference_cell(row, NONE)


def _plugins(results: Results) -> list[tuple[str, bool]]:
    """Each plug-in, and whether it is compared with another one."""
    compared = {plugin_of(arm) for arm in compared_arms(results)}
    return [(plugin, plugin in compared) for plugin in plugins(results)]


def _plugin_columns(plugin: str, row: Any) -> dict[str, Any]:
    """The columns of one plug-in from its row of the comparison."""
    return {} if row is None else {f"{plugin}_{name}": getattr(row, name) for name in PLUGIN_COLUMNS}
