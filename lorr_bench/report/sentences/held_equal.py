"""What was held equal between the arms, and the ratios of what was not."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from lorr_bench.report.formatting import TITLES, first_of, percent, quantity, ratio, value_range
from lorr_bench.report.study import Study
from lorr_bench.values import Results

RATIOS_TOLD = (
    "prompts",
    "unique_pairs",
    "verifier_calls",
    "optimizer_steps",
    "train_tokens",
    "pair_visits",
    "wall_seconds",
)
MAX_BROKEN = 6
CUT_SHARE_WARNED_OF = 0.05


def held_equal_line(study: Study, ledger: pd.DataFrame) -> str:
    """What was held equal, with its values at each budget, and the ratios of what was not.

    A quantity that the suite holds equal but the ledger shows to differ is called out.

    Args:
        study: The results.
        ledger: Their ledger.

    Returns:
        One paragraph.
    """
    results = study.results
    references = ledger[ledger["arm"].isin(sorted(set(results.baselines.values())))]
    names = [name for name in results.equal_quantities if name in TITLES]
    values = [f"{TITLES[name]} {_values(references, name)}" for name in names]
    told = [f"Held equal at each budget (axis {results.held_equal}): {', '.join(values) or 'nothing'}."]
    unequal = [name for name in RATIOS_TOLD if name not in names]
    groups = _compared_groups(study, ledger)
    ratios = [f"{group} {', '.join(_ratio_texts(rows, unequal))}" for group, rows in groups.items()]
    if ratios:
        told.append(f"Not held equal, as ratios to {study.baseline_name}: {'; '.join(ratios)}.")
    told += _cut(results)
    broken = [text for rows in groups.values() for text in _broken(rows, names)]
    if broken:
        first = first_of(broken, MAX_BROKEN, more="more in the ledger")
        told.append(f"Different although it should be equal: {first}.")
    return " ".join(told)


def _cut(results: Results) -> Iterator[str]:
    """What max_length took away, of the training that lost the largest share; a warning above some share."""
    lost = {
        point: (spend.cut_responses / max(1, 2 * spend.unique_pairs), spend.left_out_pairs)
        for point, spend in results.spends.items()
        if spend.cut_responses or spend.left_out_pairs
    }
    if not lost:
        return
    point = max(lost, key=lost.__getitem__)
    spend, share = results.spends[point], lost[point][0]
    warning = "Warning: " if share > CUT_SHARE_WARNED_OF else ""
    yield (
        f"{warning}max_length cut responses or left pairs out in {len(lost)} of {len(results.spends)} "
        f"trainings; most in {point}: {spend.cut_responses:,} responses cut "
        f"({percent(share)} % of those of its pairs), {spend.left_out_pairs:,} pairs passed over."
    )


def _compared_groups(study: Study, ledger: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Lines of the ledger by compared arm; with several methods by plug-in."""
    several = len(study.methods) > 1
    groups: dict[str, list[str]] = {}
    for arm in study.compared_arms:
        groups.setdefault(study.plugin_of(arm) if several else arm, []).append(arm)
    lines = {name: ledger[ledger["arm"].isin(arms)] for name, arms in groups.items()}
    return {name: rows for name, rows in lines.items() if len(rows)}


def _values(references: pd.DataFrame, name: str) -> str:
    """The baselines' spend at each budget, a range where methods differ."""
    groups = references.groupby("budget_pairs")[name]
    ends = [(quantity(name, found.min()), quantity(name, found.max())) for _, found in groups]
    return " / ".join(value_range(low, high) for low, high in ends) or "unknown"


def _ratio_texts(rows: pd.DataFrame, names: list[str]) -> Iterator[str]:
    """``3.00× updates``, or the range over methods and budgets where it differs."""
    for name in names:
        known = rows[f"{name}_ratio"].dropna()
        ends = value_range(ratio(known.min()), ratio(known.max())) if len(known) else "unknown"
        yield f"{ends} {TITLES[name]}"


def _broken(rows: pd.DataFrame, names: list[str]) -> Iterator[str]:
    for _, row in rows.iterrows():
        for name in names:
            found = row[f"{name}_ratio"]
            if abs(found - 1) > 1e-9:
                yield f"{row['arm']} at {row['budget_pairs']:,} pairs {ratio(found)} {TITLES[name]}"
