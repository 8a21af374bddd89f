"""What the numbers say, in sentences computed from them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from lorr_bench.report.cells import MINUS, TITLES, percent, plural, quantity, ratio
from lorr_bench.report.measures import Measure, all_measures
from lorr_bench.values import START, Results

RATIOS_TOLD = (
    "prompts", "unique_pairs", "verifier_calls", "optimizer_steps", "train_tokens", "pair_visits",
    "wall_seconds",
)  # fmt: skip


def headlines(results: Results, comparison: pd.DataFrame) -> tuple[str, ...]:
    """One sentence for each arm that can be compared with the baseline, in the order of the suite.

    The measure is the suite's first (math before general, greedy before others) and the budget the largest
    that both arms reached: fixed before the numbers are seen, so that the sentence can't pick its result.

    Args:
        results: The results.
        comparison: Their comparison table.

    Returns:
        At least one sentence; where nothing can be compared it says so.
    """
    measure = primary_measure(results)
    if measure is None:
        return ("No model has been evaluated yet.",)
    rows = comparison[_is_measure(comparison, measure)]
    compared = [rows[(rows["arm"] == arm) & rows["difference"].notna()] for arm in results.arms]
    sentences = tuple(_difference_sentence(arm.iloc[-1], results.baseline) for arm in compared if len(arm))
    return sentences or _plain_headline(rows, results)


def primary_measure(results: Results) -> Measure | None:
    """The measure of the headline: the first math measure, a greedy one if there is any."""
    measures = all_measures(results)
    if not measures:
        return None
    first = [measure for measure in measures if measure.kind == measures[0].kind]
    return next((measure for measure in first if measure.metric == "greedy"), first[0])


def compared_line(results: Results) -> str:
    """What was compared: arms, budgets, seeds, benchmarks."""
    trained = [score.point for score in results.scores if score.point.arm != START.arm]
    budgets = sorted({point.unique_pairs for point in trained})
    seeds = {point.seed for point in trained}
    benchmarks = dict.fromkeys(measure.benchmark for measure in all_measures(results))
    if not trained:
        return "No trained arm has a result."
    return (
        f"{_listed(list(results.arms))}, at {_listed([f'{budget:,}' for budget in budgets])} unique pairs, "
        f"{plural(str(len(seeds)), 'training seed')}, on {_listed(list(benchmarks))}."
    )


def held_equal_line(results: Results, ledger: pd.DataFrame) -> str:
    """What was held equal, with its values at each budget, and the ratios of what was not.

    A quantity that the suite holds equal but the ledger shows to differ is called out.

    Args:
        results: The results.
        ledger: Their ledger table.

    Returns:
        One paragraph.
    """
    reference = ledger[ledger["arm"] == results.baseline]
    names = [name for name in results.equal_quantities if name in TITLES]
    values = [f"{TITLES[name]} {_values(reference, name)}" for name in names]
    told = [f"Held equal at each budget (axis {results.held_equal}): {', '.join(values) or 'nothing'}."]
    others = [arm for arm in results.arms if arm != results.baseline and (ledger["arm"] == arm).any()]
    unequal = [name for name in RATIOS_TOLD if name not in names]
    ratios = [f"{arm} {', '.join(_ratio_texts(ledger, arm, unequal))}" for arm in others]
    if ratios:
        told.append(f"Not held equal, as ratios to {results.baseline}: {'; '.join(ratios)}.")
    broken = [text for arm in others for text in _broken(ledger, arm, names)]
    if broken:
        told.append(f"Different although it should be equal: {'; '.join(broken)}.")
    return " ".join(told)


def seed_caution(comparison: pd.DataFrame) -> str:
    """A caution where trained rows rest on a single seed; empty otherwise."""
    trained = comparison[(comparison["arm"] != START.arm) & (comparison["seeds"] == 1)]
    if trained.empty:
        return ""
    return (
        "Rows with one seed: their intervals cover the choice of problems only, not another training run, "
        "so no difference of theirs is tested."
    )


def _is_measure(table: pd.DataFrame, measure: Measure) -> pd.Series[bool]:
    return (
        (table["benchmark"] == measure.benchmark)
        & (table["metric"] == measure.metric)
        & (table["kind"] == measure.kind)
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


def _number(share: float) -> str:
    return "unknown" if math.isnan(share) else percent(share).replace(f"{MINUS}0.0", "0.0")


def _counts(seeds: float, problems: float) -> str:
    known = f" × {plural(f'{int(problems):,}', 'problem')}" if problems else ""
    return plural(str(int(seeds)), "seed") + known


def _plain_headline(rows: pd.DataFrame, results: Results) -> tuple[str, ...]:
    """The score of the last row, where no arm can be compared with the baseline."""
    row = rows.iloc[-1]
    model = (
        "The start model" if row["arm"] == START.arm else f"At {row['unique_pairs']:,} pairs, {row['arm']}"
    )
    ends = f"{_number(row['low'])} to {_number(row['high'])}"
    return (
        f"{model} scored {percent(row['mean'])} % on {row['benchmark']} {row['metric']} "
        f"(95 % interval {ends}); no arm has results to compare with {results.baseline}.",
    )


def _values(reference: pd.DataFrame, name: str) -> str:
    texts = [quantity(name, value) for value in reference[name]]
    return " / ".join(texts) or "unknown"


def _ratio_texts(ledger: pd.DataFrame, arm: str, names: list[str]) -> Iterator[str]:
    """``3.00× updates``, or the range over the budgets where it differs."""
    for name in names:
        known = ledger.loc[ledger["arm"] == arm, f"{name}_ratio"].dropna()
        ends = list(dict.fromkeys(ratio(value) for value in (known.min(), known.max()))) if len(known) else []
        yield f"{' to '.join(ends) or 'unknown'} {TITLES[name]}"


def _broken(ledger: pd.DataFrame, arm: str, names: list[str]) -> Iterator[str]:
    for _, row in ledger[ledger["arm"] == arm].iterrows():
        for name in names:
            if abs(row[f"{name}_ratio"] - 1) > 1e-9:
                yield f"{arm} at {row['budget_pairs']:,} pairs {ratio(row[f'{name}_ratio'])} {TITLES[name]}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
