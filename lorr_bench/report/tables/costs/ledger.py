"""What every arm used."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import TITLES, quantity, ratio
from lorr_bench.report.sentences.captions import truncated_line
from lorr_bench.report.sentences.plugin_parts import primed_line
from lorr_bench.report.study import Study
from lorr_bench.report.table import MODEL, Cell, Column, Table, breaks_between, text_cells
from lorr_bench.values import Spend

QUANTITIES = tuple(Spend().to_dict())


def ledger_frame(study: Study) -> pd.DataFrame:
    """Mean spend of each arm at each budget, and its ratio to its own baseline at the same budget.

    Returns:
        One row an arm and budget: ``arm, budget_pairs, seeds``, then each quantity of ``Spend`` and its
        ``_ratio``; NaN where the baseline has no spend or spent nothing.
    """
    lines = [
        {"arm": point.arm, "budget_pairs": point.unique_pairs, **spend.to_dict()}
        for point, spend in study.results.spends.items()
    ]
    spends = pd.DataFrame(lines, columns=["arm", "budget_pairs", *QUANTITIES])
    groups = spends.groupby(["arm", "budget_pairs"])
    means = groups.mean().astype(float)
    order = [row for row in study.models if row in means.index]
    means = means.reindex(pd.MultiIndex.from_tuples(order, names=["arm", "budget_pairs"])) if order else means
    for name in QUANTITIES:
        means[f"{name}_ratio"] = _ratios(means[name], study.results.baselines)
    means.insert(0, "seeds", groups.size().reindex(means.index))
    return means.reset_index()


def ledger_table(study: Study, frame: pd.DataFrame) -> Table:
    """That frame for reading, the rows of one budget together; baselines' own ratios are left out."""
    groups: dict[int, list[tuple[Cell, ...]]] = defaultdict(list)
    for _, row in frame.iterrows():
        groups[row["budget_pairs"]].append(_cells(row, with_ratios=not study.is_baseline(row["arm"])))
    return Table(
        section="ledger",
        heading="What every arm used",
        caption=" ".join(filter(None, _caption(study))),
        columns=(*MODEL, *(Column(TITLES[name]) for name in QUANTITIES)),
        rows=tuple(row for group in groups.values() for row in group),
        file="ledger.csv",
        breaks=breaks_between([*groups.values()]),
    )


def _caption(study: Study) -> Iterator[str]:
    yield (
        f"What each arm used, mean of its seeds; ×: ratio to {study.baseline_name} at the same budget. "
        "Evaluation is not part of it."
    )
    yield primed_line(study.results.suite_text)
    yield truncated_line(study.results)


def _cells(row: Any, *, with_ratios: bool) -> tuple[Cell, ...]:
    return (
        *text_cells(row["arm"], f"{row['budget_pairs']:,}", f"{row['seeds']}"),
        *(
            Cell(quantity(name, row[name]), ratio(row[f"{name}_ratio"]) if with_ratios else "")
            for name in QUANTITIES
        ),
    )


def _ratios(means: pd.Series[float], baselines: Mapping[str, str]) -> list[float]:
    """Mean spends by (arm, budget) to their ratios to the baseline's at the same budget."""
    references = [means.get((baselines.get(arm, ""), budget), math.nan) for arm, budget in means.index]
    return [
        value / reference if reference else math.nan
        for value, reference in zip(means, references, strict=True)
    ]
