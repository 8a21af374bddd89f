"""The verdict in words: what came of the contrasts that were declared beforehand, the best arm first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from lorr_bench.report.contrasts import contrast_of_row, difference_interval
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
from lorr_bench.report.study import Study
from lorr_bench.values import START, Contrast

MAX_SENTENCES: Final = 6
"""How many contrasts get a sentence of their own; of more, those of a plug-in share two."""
SIGNIFICANT, NOT_SHOWN, NOT_TESTED = "Significant", "Not shown", "Not tested"


def verdict(row: Any) -> str:
    """What came of a tested difference, in words."""
    if math.isnan(row.p_holm):
        return NOT_TESTED
    within = f"within {margin_text(row.equivalence_margin)}"
    if row.significant:
        return f"{SIGNIFICANT}, but {within}" if row.equivalent else SIGNIFICANT
    return f"Equivalent {within}" if row.equivalent else NOT_SHOWN


def margin_text(margin: float) -> str:
    """``±2.0 points``."""
    return f"±{percent(margin)} points"


def best_arm(primary: pd.DataFrame) -> str:
    """The arm with the highest score among those of the primary contrasts; of equal ones the first named.

    With its budget, where the contrast names one.
    """
    means: dict[str, float] = {}
    rows: list[Any] = list(primary.itertuples())
    for row in rows:
        for side, mean in zip(sides(row), (row.treatment_mean, row.reference_mean), strict=True):
            means.setdefault(side, mean)
    return max(means, key=means.__getitem__)


def sides(row: Any) -> tuple[str, str]:
    """Treatment and reference of a row, each with its budget where the suite names it."""
    return contrast_of_row(row).sides


def contrast_of(primary: pd.DataFrame, arm: str, study: Study) -> Any:
    """The declared contrast that tells most of an arm: that with its baseline, else its first."""
    every: list[Any] = list(primary.itertuples())
    rows = [row for row in every if arm in sides(row)]
    baselines = study.results.baselines
    return next((row for row in rows if baselines.get(row.treatment) == row.reference), rows[0])


def won_sentence(row: Any, arms: int, scores: Mapping[str, float]) -> str:
    """The verdict on one contrast, the higher score first.

    Args:
        row: Its row in the frame of contrasts.
        arms: Among how many arms of the primary contrasts the higher one scores best.
        scores: Of arms in no primary contrast: none of them is beaten unseen.
    """
    best, other, means = _ordered(row)
    if best == other:
        return (
            f"{_lead(row)}{' and '.join(sides(row))} are level at {percent(means[0])} % {_on(row)}: "
            f"{_difference(row)}{_word(row)}.{_missed(row)}"
        )
    above = {arm: score for arm, score in scores.items() if score > means[0]}
    verb = "won" if row.significant and not above else "scored highest"
    among = " of what was declared" if above else ""
    return (
        f"{_lead(row)}{best} {verb}{among} {_on(row)}: from {percent(means[1])} % ({other}) to "
        f"{percent(means[0])} %, {_difference(row)}{_word(row)}.{_missed(row)}{_luck(arms)}{_above(above)}"
    )


def declared_sentence(row: Any) -> str:
    """A declared contrast beside the headline: from which score to which, and what came of it."""
    return (
        f"{contrast_name(row)}: from {percent(row.reference_mean)} % to {percent(row.treatment_mean)} %, "
        f"{points(row.difference)} points {outcome(row)}."
    )


def outcome(row: Any) -> str:
    """Interval, corrected p and verdict: ``[+10.4, +23.2], corrected p = 0.012, significant``."""
    known = [] if math.isnan(row.p_holm) else [f"corrected {p_equation(row.p_holm)}"]
    said = f"{verdict(row).lower()}{_equivalence(row)}"
    return ", ".join(filter(None, (difference_interval(row), *known, said)))


def counts(row: Any) -> str:
    """What a difference rests on: ``5 seeds × 1,000 problems``."""
    problems, families = int(row.paired_problems), int(row.paired_families)
    known = f" × {plural(f'{problems:,}', 'problem')}" if problems else ""
    known += f" of {families:,} families" if 0 < families < problems else ""
    return plural(str(int(row.paired_seeds)), "seed") + known


def contrast_name(row: Any) -> str:
    """``dpo+lorr - dpo+plain``, with a true minus, of the row of a contrast."""
    return name_of(contrast_of_row(row))


def name_of(contrast: Contrast) -> str:
    """``dpo+lorr - dpo+plain``, with a true minus."""
    return f" {MINUS} ".join(contrast.sides)


def difference_text(row: Any) -> str:
    """``dpo+lorr - dpo+plain +13.1 [9.8, 16.4]``, with a true minus."""
    return f"{contrast_name(row)} {points(row.difference)} {difference_interval(row)}".strip()


def group_lines(study: Study, primary: pd.DataFrame) -> Iterator[str]:
    """Two sentences for each plug-in against each other one, where there are many contrasts."""
    rows_of_all: list[Any] = list(primary.itertuples())
    keys = pd.Series([_plugins(row, study).sides for row in rows_of_all], index=primary.index)
    for _, rows in primary.groupby(keys, sort=False):
        yield from _group_sentences(list(rows.itertuples()), study, len(primary))


def smaller_budgets(primary: pd.DataFrame, sequence: pd.DataFrame) -> Iterator[str]:
    """Budgets below the largest in fixed sequence, up to the first at which not all was found."""
    if sequence.empty or primary["p_holm"].isna().all() or len(primary) > MAX_SENTENCES:
        return
    above = primary
    for budget, rows in sequence.groupby("unique_pairs", sort=False):
        tested = above[above["p_holm"].notna()]
        if not (tested["significant"].all() or tested["equivalent"].all()):
            named = above["named_budgets"].any()
            at = "" if named else f" at {above['unique_pairs'].iloc[0]:,} pairs"
            yield f"Smaller budgets were not tested: not every primary contrast was found{at}."
            return
        told = [f"{difference_text(row)}, {verdict(row).lower()}" for row in rows.itertuples()]
        yield f"At {budget:,} pairs: {'; '.join(told)}."
        above = rows


def plain_headline(rows: pd.DataFrame, study: Study) -> str:
    """The score of the last row, where no primary contrast has results."""
    row = rows.iloc[-1]
    model = (
        f"The {START_MODEL}" if row["arm"] == START.arm else f"At {row['unique_pairs']:,} pairs, {row['arm']}"
    )
    ends = f"{_number(row['low'])} to {_number(row['high'])}"
    contrasts = [name_of(contrast) for contrast in study.analysis.primary[:MAX_SENTENCES]]
    wanted = listed(contrasts) if contrasts else "an arm and its baseline"
    return (
        f"{model} scored {percent(row['mean'])} % on {row['benchmark']} {row['metric']} "
        f"(95 % interval {ends}); no results yet to compare {wanted}."
    )


def not_evaluated(study: Study) -> str:
    """What is said where no model has a score on the primary measure."""
    analysis = study.results.analysis
    on = f" on {analysis.benchmark} {analysis.metric}".rstrip() if analysis and analysis.benchmark else ""
    return f"No model has been evaluated{on} yet."


def _ordered(row: Any) -> tuple[str, str, tuple[float, float]]:
    """The higher arm, the lower arm and their means; the same name twice where the printed scores tie."""
    sign, (treatment, reference) = _sign(row.difference), sides(row)
    if sign == 0:
        return treatment, treatment, (row.treatment_mean, row.reference_mean)
    if sign > 0:
        return treatment, reference, (row.treatment_mean, row.reference_mean)
    return reference, treatment, (row.reference_mean, row.treatment_mean)


def _lead(row: Any) -> str:
    """What a reader must know first: that nothing was shown, or tested."""
    return "" if row.significant else f"{verdict(row)}: "


def _word(row: Any) -> str:
    """The verdict at the end of what was found."""
    if row.significant:
        return f": {verdict(row).lower()}{_equivalence(row)}"
    return f"; of equivalence, corrected {p_equation(row.p_equivalence_holm)}" if row.equivalent else ""


def _equivalence(row: Any) -> str:
    """The p-value of an equivalence that was shown."""
    return f" (corrected {p_equation(row.p_equivalence_holm)})" if row.equivalent else ""


def _on(row: Any) -> str:
    """On what, and with how much data, where the names of the arms don't say it."""
    at = "" if row.named_budgets else f" at {row.unique_pairs:,} pairs"
    return f"on {row.benchmark} {row.metric}{at}"


def _difference(row: Any) -> str:
    """Difference, interval and corrected p; named where the arm that was declared first is the lower one."""
    named = f"{contrast_name(row)} " if row.difference < 0 else ""
    known = [] if math.isnan(row.p_holm) else [f"corrected {p_equation(row.p_holm)}"]
    alone = "over problems only" if row.paired_seeds == 1 and not known else ""
    size = " ".join(
        filter(None, (f"{named}{points(row.difference)} points", difference_interval(row), alone))
    )
    return ", ".join([size, *known])


def _missed(row: Any) -> str:
    """How large a difference would have been found, where none was."""
    if verdict(row) != NOT_SHOWN or math.isnan(row.detectable):
        return ""
    if row.detectable > 1:
        return " With so few seeds and problems no difference could have been."
    return f" One of {percent(row.detectable)} points would be found in four of five such suites."


def _luck(arms: int) -> str:
    """What the best of many must be told with."""
    return f" Highest of {arms:,} arms: luck is among what put it first." if arms > MAX_SENTENCES else ""


def _above(scores: Mapping[str, float]) -> str:
    """Who scored higher without having been declared, the highest by name."""
    if not scores:
        return ""
    first = max(scores, key=lambda arm: scores[arm])
    others = f", and {len(scores) - 1} more" if len(scores) > 1 else ""
    return f" Above it, in no primary contrast: {first} at {percent(scores[first])} %{others}."


def _group_sentences(rows: list[Any], study: Study, tests: int) -> tuple[str, ...]:
    """One plug-in with several methods: how many gained and lost, the range, and what of it is certain."""
    if len(rows) == 1:
        return (declared_sentence(rows[0]),)
    table, first = pd.DataFrame(rows), rows[0]
    plugin = _plugins(first, study).sides[0]
    at = "Between budgets" if first.named_budgets else f"At {first.unique_pairs:,} pairs"
    differences = table.set_index("treatment")["difference"].sort_values(kind="stable")
    low, high = (
        f"{points(differences.iloc[end])} ({study.method_of(differences.index[end])})" for end in (0, -1)
    )
    signs = [_sign(difference) for difference in differences]
    same = f", the same with {signs.count(0)}" if 0 in signs else ""
    told = (
        f"{at}, {plugin} scored above {_reference(rows, study)} with "
        f"{signs.count(1)} of {len(rows)} methods, below with {signs.count(-1)}{same}, on "
        f"{first.benchmark} {first.metric} ({_count_ranges(table)}): {points(differences.median())} points "
        f"at the median, from {low} to {high}."
    )
    return told, f"{plugin}: {_certainty(table, tests)}"


def _reference(rows: list[Any], study: Study) -> str:
    """What a group is compared with."""
    own = all(study.results.baselines.get(row.treatment) == row.reference for row in rows)
    if own and not rows[0].named_budgets:
        return study.baseline_name
    return f"its method's {_plugins(rows[0], study).sides[1]} arm"


def _plugins(row: Any, study: Study) -> Contrast:
    """The plug-ins of the two arms, with the budgets that the suite names."""
    contrast = contrast_of_row(row)
    return replace(
        contrast,
        treatment=study.plugin_of(contrast.treatment),
        reference=study.plugin_of(contrast.reference),
    )


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
    told = f"{told}; Holm's correction over the {tests} primary contrasts leaves {up} and {down} significant"
    if table["equivalence_margin"].isna().all():
        return f"{told}."
    within = margin_text(float(table["equivalence_margin"].iloc[0]))
    return f"{told}, and shows {int(table['equivalent'].sum())} to be equivalent within {within}."


def _sign(difference: float) -> int:
    """1 above, -1 below, 0 where the printed difference is zero."""
    return 0 if points(difference) == points(0.0) else int(math.copysign(1, difference))


def _number(share: float) -> str:
    return "unknown" if math.isnan(share) else percent(share).replace(f"{MINUS}0.0", "0.0")


def _count_ranges(table: pd.DataFrame) -> str:
    known = counted(table["paired_seeds"], "seed"), counted(table["paired_problems"], "problem")
    return " × ".join(filter(None, known))
