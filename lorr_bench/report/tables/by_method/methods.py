"""The plug-ins of each method beside each other, at the largest budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import MISSING, START_MODEL
from lorr_bench.report.study import Study
from lorr_bench.report.table import Cell, Column, Table
from lorr_bench.report.tables.comparison import Comparison, difference_cell, measure_heading, score_text
from lorr_bench.values import START, Measure

MAX_PLUGINS = 8
"""Plug-ins that fit beside each other."""
COLUMNS = ("benchmark", "kind", "metric", "unique_pairs", "method")
PLUGIN_COLUMNS = ("mean", "difference", "difference_low", "difference_high", "role", "p_holm", "significant")


def method_frame(study: Study, comparison: Comparison) -> pd.DataFrame:
    """The comparison at the largest budget with the plug-ins of each method beside each other.

    Args:
        study: The results.
        comparison: Their comparison.

    Returns:
        One row a measure and method: ``benchmark, kind, metric, unique_pairs, method``, then for each plug-in
        its ``_mean`` and, where it is compared with another one, its ``_difference`` with ``_low`` and
        ``_high``, ``_role``, ``_p_holm`` and ``_significant``. Cells of arms that the suite does not have, or
        that have no result, are empty.
    """
    names = _plugins(study)
    rows = []
    for measure in study.reported_measures:
        for method in study.methods:
            row = {**asdict(measure), "unique_pairs": comparison.largest_budget, "method": method}
            for plugin in names:
                row |= _plugin_columns(plugin, _row(study, comparison, method, plugin, measure))
            rows.append(row)
    columns = [
        f"{plugin}_{name}"
        for plugin, compared in names.items()
        for name in (PLUGIN_COLUMNS if compared else PLUGIN_COLUMNS[:1])
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS, *columns])


def method_table(
    section: str,
    heading: str,
    study: Study,
    comparison: Comparison,
    measures: Sequence[Measure],
    *,
    caption: str,
    notes: tuple[str, ...],
) -> Table:
    """The comparison at the largest budget restricted to these measures, the start model first.

    Args:
        section: Where it stands.
        heading: What it is called.
        study: The results.
        comparison: Their comparison.
        measures: What is shown.
        caption: How to read it.
        notes: What stands below it.

    Returns:
        One row a method; none where the suite has a single method, or too many plug-ins to stand beside each
        other.
    """
    names = _plugins(study)
    columns = [Column("method", "text")]
    for group in (measure_heading(measure, comparison) for measure in measures):
        for plugin, compared in names.items():
            columns.append(Column(plugin, group=group))
            columns += [Column("Δ", group=group)] if compared else []
    return Table(
        section=section,
        part="methods",
        heading=heading,
        caption=f"At {comparison.largest_budget:,} unique pairs. {caption}",
        columns=tuple(columns),
        rows=tuple(_rows(study, comparison, measures)),
        notes=notes,
        file="methods.csv",
        main=True,
        breaks=frozenset({1}),
    )


def _rows(study: Study, comparison: Comparison, measures: Sequence[Measure]) -> Iterator[tuple[Cell, ...]]:
    names = _plugins(study)
    several = len(study.methods) > 1 and comparison.largest_budget > 0
    if not several or len(names) > MAX_PLUGINS:
        return
    # The start model has one score a measure, under the first plug-in; nothing under the others.
    blanks = [Cell("")] * (len(names) + sum(names.values()) - 1)
    starts = (Cell(score_text(comparison.at_largest_budget.get((START.arm, each)))) for each in measures)
    yield Cell(START_MODEL), *(cell for start in starts for cell in (start, *blanks))
    for method in study.methods:
        yield (
            Cell(method),
            *(
                cell
                for measure in measures
                for plugin, compared in names.items()
                for cell in _plugin_cells(_row(study, comparison, method, plugin, measure), compared=compared)
            ),
        )


def _plugin_cells(row: Any, *, compared: bool) -> Iterator[Cell]:
    """The score without its interval, for which there is no space, and the difference with its own."""
    yield Cell(score_text(row))
    if compared:
        yield difference_cell(row, MISSING)


def _plugins(study: Study) -> dict[str, bool]:
    """Each plug-in, and whether it is compared with another one."""
    compared = {study.plugin_of(arm) for arm in study.compared_arms}
    return {plugin: plugin in compared for plugin in study.plugins}


def _row(study: Study, comparison: Comparison, method: str, plugin: str, measure: Measure) -> Any:
    """The row of the comparison; None where the suite has no such arm, or the arm no score."""
    arm = study.arm(method, plugin)
    return None if arm is None else comparison.at_largest_budget.get((arm, measure))


def _plugin_columns(plugin: str, row: Any) -> dict[str, Any]:
    """The columns of one plug-in from its row of the comparison."""
    return {} if row is None else {f"{plugin}_{name}": getattr(row, name) for name in PLUGIN_COLUMNS}
