"""The settings that were chosen before a test problem was touched, and what choosing them cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from lorr_bench.report.formatting import MISSING, TITLES, percent, quantity
from lorr_bench.report.table import ARM, PAIRS_TITLE, Cell, Column, Table, text_cells
from lorr_bench.values import DIVERGED, Results, Spend, Tuned, Tuning

QUANTITIES: Final = ("pair_visits", "train_tokens", "optimizer_steps", "flops", "wall_seconds")
"""What tries have each of their own; pairs are collected once a seed for all of them."""
COLUMNS: Final = (
    "arm",
    "unique_pairs",
    "used_at",
    "try",
    "settings",
    "benchmark",
    "metric",
    "seeds",
    "score",
    "reason",
    "chosen",
    *QUANTITIES,
)


def tuning_frame(results: Results) -> pd.DataFrame:
    """Every try, in the order of the grids.

    Returns:
        Columns ``arm, unique_pairs, used_at, try, settings, benchmark, metric, seeds, score, reason,
        chosen``, then what the training of all its seeds used. ``used_at`` has data budgets with spaces
        between, ``settings`` is JSON, ``seeds`` how many have a score, ``score`` their mean between 0 and 1;
        NaN where there is none, for the reason that stands beside it.
    """
    tuning = results.tuning
    rows = [] if tuning is None else [row for tuned in tuning.arms for row in _rows(tuning, tuned)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(tuning: Tuning, tuned: Tuned) -> Iterator[dict[str, Any]]:
    for place, each in enumerate(tuned.tries):
        spend = each.spend.to_dict()
        yield {
            "arm": tuned.arm,
            "unique_pairs": tuned.unique_pairs,
            "used_at": " ".join(map(str, tuned.used_at)),
            "try": place + 1,
            "settings": json.dumps(each.settings),
            "benchmark": tuning.benchmark,
            "metric": tuning.metric,
            "seeds": len(each.values),
            "score": each.score,
            "reason": each.reason,
            "chosen": place == tuned.chosen,
            **{name: spend[name] for name in QUANTITIES},
        }


def tuning_table(results: Results) -> Table:
    """What was chosen for each arm and data budget, and how far the next try was behind."""
    tuning = results.tuning
    arms = () if tuning is None else tuning.arms
    measured = "" if tuning is None else f"{tuning.benchmark} {tuning.metric}"
    return Table(
        section="tuning",
        part="settings",
        heading="Settings that were chosen",
        caption=(
            f"The best of the tries of each arm by {measured}, mean of the tuning seeds, per cent. A chosen "
            "value at the edge of its grid may have a better one beyond."
        ),
        columns=(
            ARM,
            Column(PAIRS_TITLE, choice=True),
            Column("used at", "text"),
            Column("tries"),
            Column("settings", "text"),
            Column("score"),
            Column("runner-up"),
            Column("at the edge", "text"),
        ),
        rows=tuple(map(_settings_cells, arms)),
        file="tuning.csv",
        main=True,
    )


def _settings_cells(tuned: Tuned) -> tuple[Cell, ...]:
    scored, second = tuned.measured and tuned.chosen is not None, tuned.runner_up
    diverged = sum(each.reason == DIVERGED for each in tuned.tries)
    return (
        Cell(tuned.arm),
        Cell(f"{tuned.unique_pairs:,}"),
        Cell(", ".join(f"{pairs:,}" for pairs in tuned.used_at)),
        Cell(f"{len(tuned.tries):,}", f"{diverged:,} diverged" if diverged else ""),
        Cell("not chosen" if tuned.chosen is None else str(tuned.tries[tuned.chosen])),
        Cell(percent(tuned.tries[tuned.chosen].score) if scored and tuned.chosen is not None else MISSING),
        Cell(MISSING if second is None or not scored else percent(second.score)),
        Cell(edges_text(tuned)),
    )


def edges_text(tuned: Tuned) -> str:
    """``beta is the largest tried``; nothing where every chosen value has others on both sides.

    Args:
        tuned: What was chosen for an arm.
    """
    return ", ".join(f"{name} is the {side} tried" for name, side in tuned.edges.items())


def tuning_cost_table(results: Results) -> Table:
    """What the tries of each arm used, beside the ledger: no arm is charged for them."""
    arms = () if results.tuning is None else [tuned for tuned in results.tuning.arms if tuned.measured]
    return Table(
        section="ledger",
        part="tuning",
        heading="What choosing the settings used",
        caption=(
            "All tries of each arm together, with all their seeds; not charged to the arms. The pairs of the "
            "tuning seeds are collected once for all of them."
        ),
        columns=(
            ARM,
            Column(PAIRS_TITLE, choice=True),
            Column("tries"),
            *(Column(TITLES[name]) for name in QUANTITIES),
        ),
        rows=tuple(_cost_cells(tuned, tuned.spend) for tuned in arms),
        file="tuning.csv",
    )


def _cost_cells(tuned: Tuned, spend: Spend) -> tuple[Cell, ...]:
    used = (quantity(name, getattr(spend, name)) for name in QUANTITIES)
    return text_cells(tuned.arm, f"{tuned.unique_pairs:,}", f"{len(tuned.tries):,}", *used)
