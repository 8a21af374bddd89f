"""What was declared beforehand and what is secondary: roles, families of tests, corrections, all by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from computed import comparison_of, contrasts_of
from synthetic_results import make_results, score

from lorr_bench.report.contrasts import difference_interval
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.study import Study
from lorr_bench.stats import SeedSpread, stratified_difference
from lorr_bench.values import Analysis, Contrast, Point, Results

pytestmark = pytest.mark.slow

PLAIN, LORR, CONTROL = ARMS = ("dpo+plain", "dpo+lorr", "dpo+no_reset")
GAIN, RESET = Contrast(LORR, PLAIN), Contrast(LORR, CONTROL)
TWO = Analysis("nano_easy", "greedy", (GAIN, RESET), budgets=(128, 384, 1024))


def declared(results: Results, analysis: Analysis = TWO) -> pd.DataFrame:
    return contrasts_of(replace(results, analysis=analysis))


def scored(answers: Mapping[tuple[str, int], Sequence[Sequence[float]]], **changes: Any) -> Results:
    """Answers on one benchmark by arm and budget, a row a seed."""
    scores = [
        score(Point(arm, budget, seed), "b", "math", "greedy", row)
        for (arm, budget), rows in answers.items()
        for seed, row in enumerate(rows)
    ]
    arms = tuple(dict.fromkeys(arm for arm, _ in answers))
    return make_results(arms=arms, baselines=dict.fromkeys(arms, PLAIN), scores=scores, **changes)


def right(count: int, of: int = 100) -> list[float]:
    return [1.0] * count + [0.0] * (of - count)


def test_roles_and_families_by_counting(results: Results) -> None:
    """Three contrasts, budgets and math measures; three general ones; an average of each kind."""
    table = declared(results)
    assert len(table) == 3 * 3 * (3 + 3 + 2)
    assert table["role"].value_counts().to_dict() == {"secondary": 66, "sequence": 4, "primary": 2}
    assert table["family"].value_counts().to_dict() == {
        "primary": 6,
        "math": 3 * 9 - 6,
        "general": 27,
        "average of math": 9,
        "average of general": 9,
    }
    assert set(table.loc[table["role"] == "primary", "unique_pairs"]) == {1024}
    assert table["role"].to_list()[:6] == ["primary"] * 2 + ["sequence"] * 4
    assert table["unique_pairs"].to_list()[:6] == [1024, 1024, 384, 384, 128, 128]


def test_holm_goes_over_the_two_primary_contrasts_alone(results: Results) -> None:
    first = declared(results)[:2]
    low, high = sorted(first["p_value"])
    assert sorted(first["p_holm"]) == pytest.approx([2 * low, max(2 * low, high)])
    assert first["tests"].to_list() == [2, 2]


def test_an_average_is_never_in_a_family_with_its_parts(results: Results) -> None:
    table = declared(results)
    average = table[table["family"] == "average of math"]
    assert average["p_holm"].min() == pytest.approx(min(1, 9 * average["p_value"].min()))
    math_ = table[table["family"] == "math"]
    assert math_["p_holm"].min() == pytest.approx(min(1, 21 * math_["p_value"].min()))


def test_without_an_analysis_each_arm_is_tested_against_its_baseline(results: Results) -> None:
    assert Study(results).analysis == Analysis("nano_easy", "greedy", (GAIN, Contrast(CONTROL, PLAIN)))
    table = contrasts_of(results)
    assert set(zip(table["treatment"], table["reference"], strict=True)) == {(LORR, PLAIN), (CONTROL, PLAIN)}
    assert (table["role"] == "primary").sum() == 2


def test_any_two_arms_can_be_contrasted() -> None:
    answers = {(PLAIN, 8): [right(20)] * 2, (LORR, 8): [right(50)] * 2, (CONTROL, 8): [right(60)] * 2}
    table = declared(scored(answers), Analysis("b", "greedy", (RESET,), budgets=(8,)))
    row = table.iloc[0]
    assert (row["treatment"], row["reference"], row["role"]) == (LORR, CONTROL, "primary")
    assert row["difference"] == pytest.approx(-0.1)
    assert (row["treatment_mean"], row["reference_mean"]) == pytest.approx((0.5, 0.6))
    assert (table["role"] == "secondary").sum() == 2  # both against the baseline


def test_declared_secondary_contrasts_are_looked_at_and_no_more(results: Results) -> None:
    table = declared(results, replace(TWO, primary=(GAIN,), secondary=(RESET,)))
    rows = table[table["reference"] == CONTROL]
    assert len(rows) == 3 * 8
    assert set(rows["role"]) == {"secondary"}


def test_a_smaller_budget_counts_only_after_all_was_found_above() -> None:
    """At 8 pairs 40 problems more are right, on every seed; at 16 pairs of one contrast none is."""
    far, near = right(60), right(20)
    answers = {(PLAIN, 8): [near] * 2, (LORR, 8): [far] * 2, (CONTROL, 8): [near] * 2}
    equal = {(PLAIN, 16): [near] * 2, (LORR, 16): [far] * 2, (CONTROL, 16): [far] * 2}
    found = {**equal, (CONTROL, 16): [near] * 2}
    analysis = Analysis("b", "greedy", (GAIN, RESET), budgets=(8, 16))
    blocked = declared(scored(answers | equal), analysis)[:4]
    assert blocked["p_value"].to_list()[2:] == pytest.approx([blocked["p_value"][0]] * 2)
    assert blocked["significant"].to_list() == [True, False, False, False]
    assert declared(scored(answers | found), analysis)["significant"].to_list()[:4] == [True] * 4


def test_nothing_is_found_before_the_largest_budget_has_results() -> None:
    answers = {(PLAIN, 8): [right(20)] * 2, (LORR, 8): [right(60)] * 2}
    row = declared(scored(answers), Analysis("b", "greedy", (GAIN,), budgets=(8, 16))).iloc[0]
    assert row["p_value"] < 0.001
    assert row["role"] == "sequence"
    assert math.isnan(row["p_holm"])
    assert not row["significant"]


def test_the_spread_between_seeds_is_that_of_all_arms_of_the_budget() -> None:
    """Five arms; a contrast's training part is twice the residual mean square over the seeds."""
    rng = np.random.default_rng(3)
    arms = [PLAIN, LORR, CONTROL, "dpo+a", "dpo+b"]
    # The two of the contrast go up and down together, so it scatters less than the others do.
    counts = np.array([[50, 55, 45], [53, 56, 47], [44, 41, 49], [51, 42, 48], [46, 53, 40]])
    answers = {
        (arm, 8): [rng.permutation(right(n)) for n in row] for arm, row in zip(arms, counts, strict=True)
    }
    table = declared(scored(answers), Analysis("b", "greedy", (GAIN,), budgets=(8,)))
    means = counts / 100
    residual = means - means.mean(axis=1, keepdims=True) - means.mean(axis=0) + means.mean()
    variance = (residual**2).sum() / (4 * 2)
    left, other = (np.array(answers[arm, 8]) for arm in (LORR, PLAIN))
    wanted = stratified_difference([(left, other)], spread=SeedSpread(variance, 8, ()))
    assert table.loc[0, "pooled"]
    ends = table.loc[0, ["difference_low", "difference_high"]].to_list()
    assert ends == pytest.approx([wanted.low, wanted.high])


def test_an_arm_that_scatters_unlike_the_rest_keeps_its_own_spread() -> None:
    """Among six arms whose seeds agree to a problem, one whose seeds lie 30 problems apart."""
    arms = [PLAIN, LORR, CONTROL, "dpo+a", "dpo+b", "dpo+wild"]
    counts = [
        [500, 501, 502],
        [520, 522, 521],
        [511, 510, 512],
        [505, 505, 507],
        [498, 499, 497],
        [300, 600, 900],
    ]
    answers = {(arm, 8): [right(n, 1000) for n in row] for arm, row in zip(arms, counts, strict=True)}
    table = declared(scored(answers), Analysis("b", "greedy", (GAIN,), budgets=(8,)))
    assert dict(zip(table["treatment"], table["pooled"], strict=True)) == {
        LORR: True,
        CONTROL: True,
        "dpo+a": True,
        "dpo+b": True,
        "dpo+wild": False,
    }


def test_one_seed_has_no_spread_and_no_test() -> None:
    row = declared(scored({(PLAIN, 8): [right(20)], (LORR, 8): [right(60)]}), TWO).iloc[0]
    assert not row["pooled"]
    assert math.isnan(row["p_value"])
    assert row["tests"] == 0


def test_what_would_be_found_is_at_the_level_of_the_first_step(results: Results) -> None:
    """Two tests at 2.5 % need more than one at 5 %, and 27 in a family more than two."""
    two = declared(results).loc[0, "detectable"]
    alone = declared(results, replace(TWO, primary=(GAIN,))).loc[0, "detectable"]
    assert 1.05 < two / alone < 1.4


def test_families_of_problems_reach_the_tests() -> None:
    """Ten families of ten problems that are right or wrong together are as ten problems."""
    tens = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    fewer = [1.0, 0.0, 0.0, *tens[3:]]

    def spread_out(values: Sequence[float]) -> list[float]:
        return [value for value in values for _ in range(10)]

    analysis = Analysis("b", "greedy", (GAIN,), budgets=(8,))
    hundred = {(PLAIN, 8): [spread_out(fewer)] * 3, (LORR, 8): [spread_out(tens)] * 3}
    names = tuple(f"family {problem // 10}" for problem in range(100))
    row = declared(scored(hundred, families={"b": names}), analysis).iloc[0]
    few = declared(scored({(PLAIN, 8): [fewer] * 3, (LORR, 8): [tens] * 3}), analysis).iloc[0]
    ends = ["difference", "difference_low", "difference_high", "p_value"]
    assert row[ends].to_list() == pytest.approx(few[ends].to_list())
    assert (row["paired_problems"], row["paired_families"]) == (100, 10)


def test_no_results_give_an_empty_table() -> None:
    assert contrasts_of(make_results(scores=[])).empty


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-0.082, 0.002, f"[{MINUS}8.2, +0.2]"),
        (-4.5, 4.4, "[wider than the scale]"),
        (-1.0, 1.0, "[wider than the scale]"),
        (-1.2, 0.1, f"[< {MINUS}100.0, +10.0]"),
        (-0.1, 1.5, f"[{MINUS}10.0, > +100.0]"),
        (float("nan"), float("nan"), ""),
    ],
)
def test_an_interval_beyond_the_scale_is_said_in_words(low: float, high: float, told: str) -> None:
    assert difference_interval(SimpleNamespace(difference_low=low, difference_high=high)) == told


# --- equivalence ------------------------------------------------------------------------------------------


def equivalence(margin: float, **answers: Sequence[Sequence[float]]) -> pd.DataFrame:
    """The declared rows of LoRR against plain and against its control at 8 and 16 pairs."""
    found = {
        (arm, budget): rows for arm, rows in zip(ARMS, answers.values(), strict=True) for budget in (8, 16)
    }
    analysis = Analysis("b", "greedy", (GAIN, RESET), budgets=(8, 16), equivalence_margin=margin)
    return declared(scored(found), analysis)


def test_a_difference_within_the_margin_is_equivalent_and_may_be_significant_too() -> None:
    """Of 1,000 problems 10 more are right on every seed: 1 point, and no seed differs from another."""
    table = equivalence(
        0.02, plain=[right(500, 1000)] * 3, lorr=[right(510, 1000)] * 3, control=[right(510, 1000)] * 3
    )
    first = table[:2]
    assert first["significant"].to_list() == [True, False]
    assert first["equivalent"].to_list() == [True, True]
    assert first["equivalence_margin"].to_list() == [0.02] * 2
    # Both intervals of 95 % lie within the margin, so those of 90 % do.
    assert (first[["difference_low", "difference_high"]].abs() < 0.02).all(axis=None)


def test_a_wide_interval_shows_neither() -> None:
    rows = [right(45), right(50), right(58)]
    first = equivalence(0.02, plain=rows, lorr=rows[::-1], control=rows[1:] + rows[:1])[:2]
    assert not first["significant"].any()
    assert not first["equivalent"].any()


def test_equivalence_is_corrected_by_holm_and_goes_down_in_sequence() -> None:
    """Against plain nothing is equivalent, so at 8 pairs the control is not either, as like as it is."""
    table = equivalence(
        0.02, plain=[right(300, 1000)] * 3, lorr=[right(510, 1000)] * 3, control=[right(510, 1000)] * 3
    )
    low, high = sorted(table["p_equivalence"][:2])
    assert sorted(table["p_equivalence_holm"][:2]) == pytest.approx([2 * low, max(2 * low, high)])
    assert table["p_equivalence"][3] == pytest.approx(low)
    assert table["equivalent"].to_list()[:4] == [False, True, False, False]


def test_only_what_is_declared_is_tested_for_equivalence(results: Results) -> None:
    table = declared(results, replace(TWO, equivalence_margin=0.1))
    told = table.groupby("role")[["p_equivalence", "equivalence_margin"]].count()
    assert told.loc["secondary"].to_list() == [0, 0]
    assert (told.loc[["primary", "sequence"]] > 0).all(axis=None)
    assert not table.loc[table["role"] == "secondary", "equivalent"].any()


def test_without_a_margin_nothing_is_said_of_equivalence(results: Results) -> None:
    table = declared(results)
    assert table[["equivalence_margin", "p_equivalence", "p_equivalence_holm"]].isna().all(axis=None)
    assert not table["equivalent"].any()
    with_margin = declared(results, replace(TWO, equivalence_margin=0.02))
    same = [name for name in table.columns if "equivalen" not in name]
    pd.testing.assert_frame_equal(table[same], with_margin[same])


def test_later_columns_stand_last(results: Results) -> None:
    assert declared(results).columns.to_list()[-8:] == [
        "detectable",
        "reference_pairs",
        "named_budgets",
        "equivalence_margin",
        "p_equivalence",
        "p_equivalence_holm",
        "equivalent",
        "p_equivalence_permuted_seeds",
    ]


# --- between budgets --------------------------------------------------------------------------------------

BETWEEN = Contrast(LORR, PLAIN, 8, 16)


def test_arms_are_compared_at_the_budgets_that_are_named() -> None:
    answers = {(PLAIN, 8): [right(20)] * 2, (PLAIN, 16): [right(30)] * 2}
    answers |= {(LORR, 8): [right(45)] * 2, (LORR, 16): [right(60)] * 2}
    table = declared(scored(answers), Analysis("b", "greedy", (GAIN, BETWEEN), budgets=(8, 16)))
    named = table.iloc[1]
    assert table["role"].to_list() == ["primary", "primary", "sequence"]
    assert (named["unique_pairs"], named["reference_pairs"], named["named_budgets"]) == (8, 16, True)
    assert named["difference"] == pytest.approx(0.45 - 0.30)
    assert table["difference"].to_list() == pytest.approx([0.3, 0.15, 0.25])
    assert table["tests"].to_list() == [2, 2, 1]
    low, high = sorted(table["p_value"][:2])
    assert sorted(table["p_holm"][:2]) == pytest.approx([2 * low, max(2 * low, high)])


def test_models_of_two_budgets_have_a_spread_of_their_own(results: Results) -> None:
    table = declared(results, replace(TWO, primary=(GAIN, Contrast(LORR, PLAIN, 384, 1024))))
    assert table[:2]["pooled"].to_list() == [True, False]


def test_one_named_budget_takes_the_place_of_the_same_difference() -> None:
    """LoRR against plain at 8 pairs is primary there, and not looked at a second time as its baseline."""
    answers = {(arm, budget): [right(20 + budget)] * 2 for arm in (PLAIN, LORR) for budget in (8, 16)}
    table = declared(scored(answers), Analysis("b", "greedy", (Contrast(LORR, PLAIN, 8, 8),)))
    assert list(zip(table["role"], table["unique_pairs"], strict=True)) == [("primary", 8), ("secondary", 16)]


def test_a_difference_between_budgets_is_no_row_of_the_comparison() -> None:
    """As a secondary contrast it stands behind the one with the baseline at the same budget."""
    answers = {(PLAIN, 8): [right(20)] * 2, (PLAIN, 16): [right(30)] * 2, (LORR, 8): [right(45)] * 2}
    analysis = Analysis("b", "greedy", (GAIN,), (BETWEEN,), budgets=(8,))
    results = replace(scored(answers), analysis=analysis)
    assert contrasts_of(results)["named_budgets"].to_list() == [False, True]
    (found,) = [row for (arm, _, _), row in comparison_of(results).rows.items() if arm == LORR]
    assert found.difference == pytest.approx(0.25)
