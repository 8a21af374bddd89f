"""What the numbers say, in sentences computed from them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lorr_bench.report.arms import (
    baseline_name,
    method_of,
    methods,
    plugin_of,
    plugins,
)
from lorr_bench.report.cells import MINUS, NONE, count_range, either, percent, plural, points
from lorr_bench.report.measures import all_measures, primary_measure, rows_of
from lorr_bench.report.views import point_label
from lorr_bench.values import START, Point, Results

MOST_SENTENCES = 6
"""How many arms get a sentence of their own; of more, those of a plug-in share one."""

MOST_FOOTNOTES = 12
MOST_POINTS = 3
"""How many models a footnote names."""


def headlines(results: Results, comparison: pd.DataFrame) -> tuple[str, ...]:
    """One sentence for each arm that can be compared with its baseline, in the order of the suite.

    Many arms get two sentences a plug-in instead. The measure is the suite's first (math before general,
    greedy before others) and the budget the largest that both arms reached: fixed before the numbers are
    seen, so that the sentence can't pick its result.

    Args:
        results: The results.
        comparison: Their comparison table.

    Returns:
        At least one sentence; where nothing can be compared it says so.
    """
    measure = primary_measure(results)
    if measure is None:
        return ("No model has been evaluated yet.",)
    rows = rows_of(comparison, measure)
    compared = dict(list(rows[rows["difference"].notna()].groupby("arm", sort=False)))
    last = [compared[arm].iloc[-1] for arm in results.arms if arm in compared]
    if len(last) <= MOST_SENTENCES:
        sentences = tuple(_difference_sentence(row, results.baselines[row["arm"]]) for row in last)
        return sentences or _plain_headline(rows, results)
    tests = int(comparison["p_value"].notna().sum())
    groups = [[row for row in last if plugin_of(row["arm"]) == name] for name in plugins(results)]
    return tuple(line for group in groups if group for line in _group_sentences(group, results, tests))


def compared_line(results: Results) -> str:
    """What was compared: arms, budgets, seeds, benchmarks."""
    trained = [score.point for score in results.scores if score.point.arm != START.arm]
    budgets = sorted({point.unique_pairs for point in trained})
    seeds = {point.seed for point in trained}
    benchmarks = dict.fromkeys(measure.benchmark for measure in all_measures(results))
    if not trained:
        return "No trained arm has a result."
    return (
        f"{_arms(results)}, at {_listed([f'{budget:,}' for budget in budgets])} unique pairs, "
        f"{plural(str(len(seeds)), 'training seed')}, on {_listed(list(benchmarks))}."
    )


def comparison_caption(results: Results, comparison: pd.DataFrame) -> str:
    """How to read a table of scores and differences."""
    tests = int(comparison["p_value"].notna().sum())
    trained = comparison[comparison["arm"] != START.arm]
    over = "seeds and problems" if (trained["seeds"] > 1).any() else "problems only"
    seeds = count_range([int(count) for count in trained["seeds"]])
    counts = "" if seeds == NONE else f", over {plural(seeds, 'seed')} and n problems"
    return (
        f"Score in %{counts}; Δ: difference in points to {baseline_name(results)} at the same budget, paired "
        f"by seed and problem. In brackets 95 % intervals over {over}. "
        + (
            f"Bold: Holm-adjusted p < 0.05 over the {tests} differences tested in this report."
            if tests
            else "No difference could be tested."
        )
    )


def power_line(comparison: pd.DataFrame, kind: str) -> str:
    """The smallest difference that the seeds and problems of a table could have shown.

    Args:
        comparison: The comparison table.
        kind: ``math`` or ``general``.

    Returns:
        One sentence; empty where nothing is compared.
    """
    rows = comparison[(comparison["kind"] == kind) & comparison["difference"].notna()]
    if rows.empty:
        return ""
    known = rows["detectable"].dropna()
    if known.empty:
        return "Power: with one seed no difference is tested, so none could have been shown."
    seeds, problems = (
        count_range([int(count) for count in rows.loc[known.index, name]])
        for name in ("paired_seeds", "paired_problems")
    )
    # What could only be shown beyond 100 points could not be shown at all.
    size = either(*("over 100" if end > 1 else percent(end) for end in (known.min(), known.max())))
    on = "" if problems == NONE else f" and {plural(problems, 'problem')}"
    return (
        f"Power: with {plural(seeds, 'seed')}{on}, a test at 5 % finds a true difference of {size} points in "
        "four of five such suites; smaller ones are missed more often, and Holm's correction asks for more."
    )


def footnotes(results: Results) -> tuple[str, ...]:
    """Why scores are missing, one line a reason, benchmark and metric."""
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for score in results.scores:
        if math.isnan(score.value) and score.reason:
            groups.setdefault((score.benchmark, score.metric, score.reason), []).append(score.point)
    lines = [
        f"{NONE} {benchmark} {metric} of {_first_points(points)}: {reason}"
        for (benchmark, metric, reason), points in groups.items()
    ]
    more = len(lines) - MOST_FOOTNOTES
    return (*lines[:MOST_FOOTNOTES], *([f"{more} more reasons are in scores.csv."] if more > 0 else []))


def seed_caution(comparison: pd.DataFrame) -> str:
    """A caution where trained rows rest on a single seed; empty otherwise."""
    trained = comparison[(comparison["arm"] != START.arm) & (comparison["seeds"] == 1)]
    if trained.empty:
        return ""
    return (
        "Rows with one seed: one training run can't tell the effect of a plug-in from training noise. Their "
        "intervals cover the choice of problems only, not another training run, so no difference of theirs "
        "is tested."
    )


def _difference_sentence(row: Any, baseline: str) -> str:
    size = percent(abs(row["difference"]))
    direction = "above" if row["difference"] > 0 else "below"
    verdict = "the same as" if size == "0.0" else f"{size} points {direction}"
    ends = f"{_number(row['difference_low'])} to {_number(row['difference_high'])}"
    alone = " over problems only" if row["paired_seeds"] == 1 else ""
    counts = _counts(row["paired_seeds"], row["paired_problems"])
    zero = "; it includes zero" if row["difference_low"] <= 0 <= row["difference_high"] else ""
    return (
        f"At {row['unique_pairs']:,} pairs, {row['arm']} scored {verdict} {baseline} on {row['benchmark']} "
        f"{row['metric']} (95 % interval{alone} {ends}{zero}; {counts})."
    )


def _group_sentences(rows: list[Any], results: Results, tests: int) -> tuple[str, ...]:
    """One plug-in with several methods: how many gained and lost, the range, and what of it is certain."""
    if len(rows) == 1:
        return (_difference_sentence(rows[0], results.baselines[rows[0]["arm"]]),)
    table, first = pd.DataFrame(rows), rows[0]
    differences = table.set_index("arm")["difference"].sort_values(kind="stable")
    low, high = (f"{points(differences.iloc[end])} ({method_of(differences.index[end])})" for end in (0, -1))
    sides = [_side(difference) for difference in differences]
    same = f", the same with {sides.count(0)}" if 0 in sides else ""
    told = (
        f"{_at_pairs(table)}, {plugin_of(first['arm'])} scored above {baseline_name(results)} with "
        f"{sides.count(1)} of {len(rows)} methods, below with {sides.count(-1)}{same}, on "
        f"{first['benchmark']} {first['metric']} ({_count_ranges(table)}): {points(differences.median())} "
        f"points at the median, from {low} to {high}."
    )
    return told, f"{plugin_of(first['arm'])}: {_certainty(table, tests)}"


def _certainty(table: pd.DataFrame, tests: int) -> str:
    """Which differences of one plug-in are more than the luck that was measured."""
    above, below = int((table["difference_low"] > 0).sum()), int((table["difference_high"] < 0).sum())
    one_seed = (table["paired_seeds"] == 1).all()
    alone = " over problems only" if one_seed else ""
    told = f"the 95 % interval{alone} leaves out zero for {above} of those above and {below} of those below"
    if one_seed:
        return f"{told}; with one seed none is tested."
    up = int((table["significant"] & (table["difference"] > 0)).sum())
    down = int((table["significant"] & (table["difference"] < 0)).sum())
    return f"{told}; Holm's correction over the {tests} differences of this report leaves {up} and {down}."


def _side(difference: float) -> int:
    """1 above, -1 below, 0 where the printed difference is zero."""
    return 0 if points(difference) == "0.0" else int(math.copysign(1, difference))


def _at_pairs(table: pd.DataFrame) -> str:
    budgets = [f"{budget:,}" for budget in sorted(set(table["unique_pairs"]))]
    return f"At {either(budgets[0], budgets[-1])} pairs"


def _number(share: float) -> str:
    return "unknown" if math.isnan(share) else percent(share).replace(f"{MINUS}0.0", "0.0")


def _counts(seeds: float, problems: float) -> str:
    known = f" × {plural(f'{int(problems):,}', 'problem')}" if problems else ""
    return plural(str(int(seeds)), "seed") + known


def _count_ranges(table: pd.DataFrame) -> str:
    seeds, problems = (
        count_range([int(count) for count in table[name]]) for name in ("paired_seeds", "paired_problems")
    )
    return plural(seeds, "seed") + ("" if problems == NONE else f" × {plural(problems, 'problem')}")


def _plain_headline(rows: pd.DataFrame, results: Results) -> tuple[str, ...]:
    """The score of the last row, where no arm can be compared with the baseline."""
    row = rows.iloc[-1]
    model = (
        "The start model" if row["arm"] == START.arm else f"At {row['unique_pairs']:,} pairs, {row['arm']}"
    )
    ends = f"{_number(row['low'])} to {_number(row['high'])}"
    return (
        f"{model} scored {percent(row['mean'])} % on {row['benchmark']} {row['metric']} "
        f"(95 % interval {ends}); no arm has results to compare with {baseline_name(results)}.",
    )


def _arms(results: Results) -> str:
    """All arms; with several methods the methods and the plug-ins instead."""
    names = methods(results)
    if len(names) <= 1:
        return _listed(list(results.arms))
    return (
        f"{len(names)} methods ({', '.join(names)}) with {_listed(list(plugins(results)))}, each against "
        f"{baseline_name(results)}"
    )


def _first_points(points: list[Point]) -> str:
    names = [point_label(point) for point in points[:MOST_POINTS]]
    more = len(points) - MOST_POINTS
    return "; ".join(names) + (f"; and {more} more" if more > 0 else "")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
