"""What the numbers say, in sentences computed from them."""

from __future__ import annotations

import math

import pandas as pd

from lorr_bench.report.contrasts import PRIMARY, SECONDARY
from lorr_bench.report.formatting import (
    DAGGER,
    MISSING,
    counted,
    detectable,
    first_of,
    listed,
    percent,
    plural,
    value_range,
)
from lorr_bench.report.study import Study
from lorr_bench.values import MAX_TRUNCATED_SHARE, START, Point, Results

MAX_FOOTNOTES = 12
MAX_POINTS = 3
"""How many models a footnote names."""
MAX_METHODS = 30
"""How many methods a sentence names."""


def compared_line(study: Study) -> str:
    """What was compared: arms, budgets, seeds, benchmarks."""
    trained = [score.point for score in study.results.scores if score.point.arm != START.arm]
    if not trained:
        return "No trained arm has a result."
    budgets = sorted({point.unique_pairs for point in trained})
    seeds = {point.seed for point in trained}
    benchmarks = dict.fromkeys(measure.benchmark for measure in study.tested_measures)
    return (
        f"{_arms(study)}, at {listed([f'{budget:,}' for budget in budgets])} unique pairs, "
        f"{plural(str(len(seeds)), 'training seed')}, on {listed(list(benchmarks))}."
    )


def comparison_caption(study: Study, comparison: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    """How to read a table of scores and differences."""
    trained = comparison[comparison["arm"] != START.arm]
    over = "seeds and problems" if (trained["seeds"] > 1).any() else "problems only"
    seeds = counted(trained["seeds"], "seed")
    counts = f", over {seeds} and n problems" if seeds else ""
    return (
        f"Score in %{counts}; Δ: difference in points to {study.baseline_name} at the same budget, paired "
        f"by seed and problem. In brackets 95 % intervals over {over}. {test_caption(contrasts)}"
    )


def test_caption(contrasts: pd.DataFrame) -> str:
    """What is tested with what, and what the marks say."""
    tested = contrasts[contrasts["p_value"].notna()]
    if tested.empty:
        return "No difference could be tested."
    counts = tested[tested["role"] == SECONDARY].groupby("family", sort=False).size()
    declared = len(tested) - int(counts.sum())
    parts = ["Bold: corrected p < 0.05."]
    if declared:
        first = int((tested["role"] == PRIMARY).sum())
        named = " or those that they name" if tested["named_budgets"].any() else ""
        parts.append(
            f"{DAGGER}: primary, that is declared beforehand: corrected by Holm over "
            f"{plural(f'{first}', 'contrast')} at the largest budget{named}, below it in fixed sequence."
        )
        parts += equivalence_caption(tested)
    if len(counts):
        families = listed([f"{count:,} of {family}" for family, count in counts.items()])
        parts.append(f"All else is secondary, corrected in families of its own: {families}.")
    return " ".join([*parts, *_pooling(tested)])


def equivalence_caption(contrasts: pd.DataFrame) -> list[str]:
    """How equivalence was tested, where a margin was declared."""
    margins = contrasts["equivalence_margin"].dropna()
    if margins.empty:
        return []
    return [
        f"Equivalent within ±{percent(float(margins.iloc[0]))} points: two one-sided tests, corrected by "
        "Holm in the same steps, apart from the tests for a difference."
    ]


def _pooling(tested: pd.DataFrame) -> list[str]:
    """Whose spread between seeds the tests use."""
    if not tested["pooled"].any():
        return []
    own = int((~tested["pooled"].astype(bool)).sum())
    told = "The spread between seeds is that of all arms of a budget"
    if not own:
        return [f"{told}."]
    return [
        f"{told}; {own:,} differences scatter more, or an arm of theirs unlike the rest, and have their own."
    ]


def power_line(contrasts: pd.DataFrame, kind: str) -> str:
    """The smallest differences that the tests of a kind find, at the levels they are really made at.

    Args:
        contrasts: The table of contrasts.
        kind: ``math`` or ``general``.

    Returns:
        At most two sentences; empty where nothing is compared.
    """
    rows = contrasts[(contrasts["kind"] == kind) & contrasts["difference"].notna()]
    if rows.empty:
        return ""
    known = rows[rows["detectable"].notna()]
    if known.empty:
        return "Power: with one seed no difference is tested, so none could have been shown."
    problems = counted(known["paired_problems"], "problem")
    on = f" and {problems}" if problems else ""
    primary, secondary = (known[known["role"] == role] for role in (PRIMARY, SECONDARY))
    others = "secondary ones" if len(primary) else "secondary contrasts"
    told = [
        f"the tests of {name} find a true difference of {_sizes(some)} points"
        for name, some in (("primary contrasts", primary), (others, secondary))
        if len(some)
    ]
    if not told:
        return ""
    return (
        f"Power: with {counted(known['paired_seeds'], 'seed')}{on}, {', '.join(told)} in four of five such "
        "suites, each at the level of the first step of its correction; smaller ones are missed more often."
    )


def _sizes(rows: pd.DataFrame) -> str:
    """The range of what can be found."""
    return value_range(detectable(rows["detectable"].min()), detectable(rows["detectable"].max()))


def footnotes(results: Results) -> tuple[str, ...]:
    """Why scores are missing, one line a reason, benchmark and metric."""
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for score in results.scores:
        if math.isnan(score.value) and score.reason:
            groups.setdefault((score.benchmark, score.metric, score.reason), []).append(score.point)
    lines = [
        f"{MISSING} {benchmark} {metric} of {first_of(list(map(str, points)), MAX_POINTS)}: {reason}"
        for (benchmark, metric, reason), points in groups.items()
    ]
    more = len(lines) - MAX_FOOTNOTES
    return (*lines[:MAX_FOOTNOTES], *([f"{more} more reasons are in scores.csv."] if more > 0 else []))


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


def truncated_line(results: Results) -> str:
    """How many of the answers that were collected to train on the token limit ended; empty where none."""
    shares = [*results.truncated.values()]
    if not any(shares):
        return ""
    found = value_range(percent(min(shares)), percent(max(shares)))
    told = f"Of the answers collected to train on, {found} % reached the token limit"
    many = max(shares) > MAX_TRUNCATED_SHARE
    return f"{told}: the model hardly stops, or data.collect.max_tokens is too low." if many else f"{told}."


def _arms(study: Study) -> str:
    """All arms; with several methods the methods and the plug-ins instead."""
    names = study.methods
    if len(names) <= 1:
        return listed(list(study.results.arms))
    return (
        f"{len(names):,} methods ({first_of(names, MAX_METHODS, between=', ')}) with "
        f"{listed(study.plugins)}, each against {study.baseline_name}"
    )
