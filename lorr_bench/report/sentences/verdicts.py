"""The verdict: what came of the contrasts that were declared beforehand, and what the controls say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from lorr_bench.report.contrasts import PRIMARY, SECONDARY, SEQUENCE, difference_interval
from lorr_bench.report.formatting import (
    MINUS,
    START_MODEL,
    counted,
    listed,
    p_equation,
    percent,
    plural,
    points,
)
from lorr_bench.report.frames import rows_of
from lorr_bench.report.study import Study
from lorr_bench.values import START

MAX_SENTENCES: Final = 6
"""How many contrasts get a sentence of their own; of more, those of a plug-in share two."""
SIGNIFICANT, NOT_SHOWN, NOT_TESTED = "Significant", "Not shown", "Not tested"


def headlines(study: Study, contrasts: pd.DataFrame, comparison: pd.DataFrame) -> tuple[str, ...]:
    """The verdict on each primary contrast, then smaller budgets, controls and changes of what was declared.

    What is told was fixed before the numbers were seen, so no sentence can pick its result. Where a
    difference was not shown, it is said how large a one would have been: that none was found does not say
    that there is none.

    Args:
        study: The results.
        contrasts: Their frame of contrasts.
        comparison: Their frame of the comparison.

    Returns:
        At least one sentence; where nothing can be compared it says so.
    """
    measure = study.primary_measure
    if measure is None:
        return (_not_evaluated(study),)
    rows = rows_of(contrasts, measure)
    primary = rows[(rows["role"] == PRIMARY) & rows["difference"].notna()]
    if primary.empty:
        return (*_plain_headline(rows_of(comparison, measure), study), *study.analysis.changes)
    if len(primary) <= MAX_SENTENCES:
        told = [_sentence(row) for row in primary.itertuples()]
    else:
        told = [
            line for group in _groups(study, primary) for line in _group_sentences(group, study, len(primary))
        ]
    sequence = rows[rows["role"] == SEQUENCE]
    told += [*_smaller_budgets(primary, sequence), *_controls(rows, primary)]
    return (*told, *study.analysis.changes)


def verdict(row: Any) -> str:
    """What came of a tested difference, in words."""
    if math.isnan(row.p_holm):
        return NOT_TESTED
    return SIGNIFICANT if row.significant else NOT_SHOWN


def _not_evaluated(study: Study) -> str:
    analysis = study.results.analysis
    on = f" on {analysis.benchmark} {analysis.metric}".rstrip() if analysis and analysis.benchmark else ""
    return f"No model has been evaluated{on} yet."


def _sentence(row: Any) -> str:
    """The verdict on one contrast."""
    size = f"{percent(abs(row.difference))} points"
    against = {0: "the same as", 1: f"{size} above", -1: f"{size} below"}[_sign(row.difference)]
    known = not math.isnan(row.p_holm)
    alone = "" if known else " over problems only" if row.paired_seeds == 1 else ""
    facts = [f"95 % interval{alone} {_number(row.difference_low)} to {_number(row.difference_high)}"]
    facts += [f"corrected {p_equation(row.p_holm)}"] if known else []
    facts.append(_counts(row))
    return (
        f"{verdict(row)}: at {row.unique_pairs:,} pairs, {row.treatment} scored "
        f"{percent(row.treatment_mean)} %, {against} {row.reference}, on {row.benchmark} {row.metric} "
        f"({'; '.join(facts)}).{_missed(row)}"
    )


def _missed(row: Any) -> str:
    """How large a difference would have been found, where none was."""
    if verdict(row) != NOT_SHOWN or math.isnan(row.detectable):
        return ""
    if row.detectable > 1:
        return " With so few seeds and problems no difference could have been."
    return f" One of {percent(row.detectable)} points would be found in four of five such suites."


def _groups(study: Study, primary: pd.DataFrame) -> Iterator[list[Any]]:
    """The contrasts of each plug-in against each other one."""
    plugins = (primary[side].map(study.plugin_of) for side in ("treatment", "reference"))
    keys = pd.Series(list(zip(*plugins, strict=True)), index=primary.index)
    for _, rows in primary.groupby(keys, sort=False):
        yield list(rows.itertuples())


def _group_sentences(rows: list[Any], study: Study, tests: int) -> tuple[str, ...]:
    """One plug-in with several methods: how many gained and lost, the range, and what of it is certain."""
    if len(rows) == 1:
        return (_sentence(rows[0]),)
    table, first, plugin = pd.DataFrame(rows), rows[0], study.plugin_of(rows[0].treatment)
    differences = table.set_index("treatment")["difference"].sort_values(kind="stable")
    low, high = (
        f"{points(differences.iloc[end])} ({study.method_of(differences.index[end])})" for end in (0, -1)
    )
    signs = [_sign(difference) for difference in differences]
    same = f", the same with {signs.count(0)}" if 0 in signs else ""
    told = (
        f"At {first.unique_pairs:,} pairs, {plugin} scored above {_reference(rows, study)} with "
        f"{signs.count(1)} of {len(rows)} methods, below with {signs.count(-1)}{same}, on "
        f"{first.benchmark} {first.metric} ({_count_ranges(table)}): {points(differences.median())} points "
        f"at the median, from {low} to {high}."
    )
    return told, f"{plugin}: {_certainty(table, tests)}"


def _reference(rows: list[Any], study: Study) -> str:
    """What a group is compared with."""
    if all(study.results.baselines.get(row.treatment) == row.reference for row in rows):
        return study.baseline_name
    return f"its method's {study.plugin_of(rows[0].reference)} arm"


def _certainty(table: pd.DataFrame, tests: int) -> str:
    """Which differences of one plug-in are more than the luck that was measured."""
    above, below = int((table["difference_low"] > 0).sum()), int((table["difference_high"] < 0).sum())
    one_seed = (table["paired_seeds"] == 1).all()
    alone = " over problems only" if one_seed else ""
    told = f"the 95 % interval{alone} leaves out zero for {above} of those above and {below} of those below"
    if one_seed:
        return f"{told}; with one seed none is tested."
    significant, gained = table["significant"].astype(bool), table["difference"] > 0
    up, down = int((significant & gained).sum()), int((significant & ~gained).sum())
    return f"{told}; Holm's correction over the {tests} primary contrasts leaves {up} and {down}."


def _smaller_budgets(primary: pd.DataFrame, sequence: pd.DataFrame) -> Iterator[str]:
    """Budgets below the largest in fixed sequence, up to the first at which not all was found."""
    if sequence.empty or primary["p_holm"].isna().all() or len(primary) > MAX_SENTENCES:
        return
    above = primary
    for budget, rows in sequence.groupby("unique_pairs", sort=False):
        if not above.loc[above["p_holm"].notna(), "significant"].all():
            yield (
                "Smaller budgets were not tested: not every primary contrast was found at "
                f"{above['unique_pairs'].iloc[0]:,} pairs."
            )
            return
        told = [f"{_difference_text(row)}, {verdict(row).lower()}" for row in rows.itertuples()]
        yield f"At {budget:,} pairs: {'; '.join(told)}."
        above = rows


def _controls(rows: pd.DataFrame, primary: pd.DataFrame) -> Iterator[str]:
    """Secondary contrasts on the primary measure, at the budget of the primary ones."""
    budget = primary["unique_pairs"].iloc[0]
    others = rows[(rows["role"] == SECONDARY) & (rows["unique_pairs"] == budget)]
    others = others[others["difference"].notna()]
    if others.empty or len(others) > MAX_SENTENCES:
        return
    told = [
        f"{_difference_text(row)}{', significant in its family' if row.significant else ''}"
        for row in others.itertuples()
    ]
    yield f"Secondary, on the same measure and budget: {'; '.join(told)}."


def _difference_text(row: Any) -> str:
    """``dpo+lorr - dpo+plain +13.1 [9.8, 16.4]``, with a true minus."""
    return f"{_name(row)} {points(row.difference)} {difference_interval(row)}".strip()


def _sign(difference: float) -> int:
    """1 above, -1 below, 0 where the printed difference is zero."""
    return 0 if points(difference) == points(0.0) else int(math.copysign(1, difference))


def _number(share: float) -> str:
    return "unknown" if math.isnan(share) else percent(share).replace(f"{MINUS}0.0", "0.0")


def _counts(row: Any) -> str:
    problems, families = int(row.paired_problems), int(row.paired_families)
    known = f" × {plural(f'{problems:,}', 'problem')}" if problems else ""
    known += f" of {families:,} families" if 0 < families < problems else ""
    return plural(str(int(row.paired_seeds)), "seed") + known


def _count_ranges(table: pd.DataFrame) -> str:
    counts = counted(table["paired_seeds"], "seed"), counted(table["paired_problems"], "problem")
    return " × ".join(filter(None, counts))


def _plain_headline(rows: pd.DataFrame, study: Study) -> tuple[str, ...]:
    """The score of the last row, where no primary contrast has results."""
    row = rows.iloc[-1]
    model = (
        f"The {START_MODEL}" if row["arm"] == START.arm else f"At {row['unique_pairs']:,} pairs, {row['arm']}"
    )
    ends = f"{_number(row['low'])} to {_number(row['high'])}"
    contrasts = [_name(contrast) for contrast in study.analysis.primary[:MAX_SENTENCES]]
    wanted = listed(contrasts) if contrasts else "an arm and its baseline"
    return (
        f"{model} scored {percent(row['mean'])} % on {row['benchmark']} {row['metric']} "
        f"(95 % interval {ends}); no results yet to compare {wanted}.",
    )


def _name(contrast: Any) -> str:
    """``dpo+lorr - dpo+plain``, with a true minus; of a contrast or the row of one."""
    return f"{contrast.treatment} {MINUS} {contrast.reference}"
