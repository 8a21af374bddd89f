"""The frames of a report against numbers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from computed import comparison_of, contrasts_of
from synthetic_results import make_results, score

from lorr_bench.report.study import Study
from lorr_bench.report.tables.by_method.methods import method_frame
from lorr_bench.report.tables.costs.ledger import ledger_frame
from lorr_bench.report.tables.diagnostics import diagnostic_frame, diagnostic_table
from lorr_bench.report.tables.scores import score_frame
from lorr_bench.stats import paired_difference
from lorr_bench.values import START, Measure, Point, Results, Score, Spend


def tiny_results() -> Results:
    """Two arms, two seeds, four problems: the treatment is right on one problem more, on every seed."""
    scores = [score(START, "b", "math", "greedy", [0, 0, 0, 1])]
    for seed in (0, 1):
        scores.append(score(Point("dpo+plain", 8, seed), "b", "math", "greedy", [1, 0, 0, 1]))
        scores.append(score(Point("dpo+lorr", 8, seed), "b", "math", "greedy", [1, 1, 0, 1]))
    return make_results(arms=("dpo+plain", "dpo+lorr"), scores=scores)


@pytest.mark.slow
def test_comparison_by_hand() -> None:
    table = comparison_of(tiny_results()).frame.set_index("arm")
    assert table["mean"].to_dict() == {"start": 0.25, "dpo+plain": 0.5, "dpo+lorr": 0.75}
    assert table.loc["dpo+lorr", "difference"] == 0.25
    found = paired_difference([[1, 1, 0, 1]] * 2, [[1, 0, 0, 1]] * 2)
    assert table.loc["dpo+lorr", ["difference_low", "difference_high", "p_value"]].tolist() == [
        found.low,
        found.high,
        found.p_value,
    ]
    assert math.isnan(table.loc["dpo+plain", "difference"])
    assert math.isnan(table.loc["start", "difference"])
    assert table[["seeds", "problems"]].to_numpy().tolist() == [[1, 4], [2, 4], [2, 4]]


@pytest.mark.slow
def test_the_comparison_takes_its_differences_from_the_contrasts(results: Results) -> None:
    contrasts = contrasts_of(results)
    table = comparison_of(results).frame
    tested = table["p_value"].notna()
    # Two arms at three budgets on six measures and two averages.
    assert tested.sum() == len(contrasts) == 2 * 3 * 8
    assert sorted(table.loc[tested, "p_holm"]) == sorted(contrasts["p_holm"])
    assert table["role"].value_counts().to_dict() == {"": 32, "secondary": 42, "sequence": 4, "primary": 2}
    assert table["significant"].any()
    assert not table.loc[~tested, "significant"].any()


def test_rows_and_columns_are_in_the_order_of_the_suite(results: Results) -> None:
    assert Study(results).models[:5] == (
        ("start", 0),
        ("dpo+plain", 128),
        ("dpo+lorr", 128),
        ("dpo+no_reset", 128),
        ("dpo+plain", 384),
    )
    general_first = make_results(scores=sorted(results.scores, key=lambda line: line.kind))
    assert Study(general_first).tested_measures[0] == Measure("nano_easy", "math", "greedy")


@pytest.mark.slow
def test_only_seeds_that_both_arms_have_are_compared(results: Results) -> None:
    left_out = {Point("dpo+plain", 128, 0), Point("dpo+lorr", 128, 1)}
    table = comparison_of(make_results(scores=[s for s in results.scores if s.point not in left_out])).frame
    row = table[(table["arm"] == "dpo+lorr") & (table["unique_pairs"] == 128)].iloc[0]
    assert row["seeds"] == 2
    assert row["paired_seeds"] == 1
    assert math.isnan(row["p_value"])
    assert not row["significant"]


def test_totals_without_problems_are_compared_over_seeds() -> None:
    scores = [
        Score(Point(arm, 8, seed), "b", "general", "acc", 0.5 + gain + 0.01 * seed, ())
        for arm, gain in (("dpo+plain", 0.0), ("dpo+lorr", 0.1))
        for seed in (0, 1, 2)
    ]
    row = comparison_of(make_results(scores=scores)).frame.set_index("arm").loc["dpo+lorr"]
    assert row["mean"] == pytest.approx(0.61)
    assert row["difference"] == pytest.approx(0.1)
    assert row["problems"] == 0
    assert row["seeds"] == 3


def test_ledger_by_hand() -> None:
    spends = {
        Point("dpo+plain", 8, 0): Spend(prompts=10, wall_seconds=1.0),
        Point("dpo+plain", 8, 1): Spend(prompts=10, wall_seconds=3.0),
        Point("dpo+lorr", 8, 0): Spend(prompts=10, wall_seconds=5.0),
    }
    table = ledger_frame(Study(make_results(scores=[], spends=spends))).set_index("arm")
    assert list(table.index) == ["dpo+plain", "dpo+lorr"]
    assert table["seeds"].to_dict() == {"dpo+plain": 2, "dpo+lorr": 1}
    assert table["wall_seconds"].to_dict() == {"dpo+plain": 2.0, "dpo+lorr": 5.0}
    assert table.loc["dpo+lorr", "wall_seconds_ratio"] == 2.5
    assert table.loc["dpo+lorr", "prompts_ratio"] == 1.0
    assert math.isnan(table.loc["dpo+lorr", "flops_ratio"])


def test_ledger_without_the_baseline_has_no_ratio() -> None:
    table = ledger_frame(Study(make_results(scores=[], spends={Point("dpo+lorr", 8, 0): Spend(prompts=10)})))
    assert table["prompts_ratio"].isna().all()


def test_scores_are_listed_as_they_are() -> None:
    scores = [Score(Point("dpo+lorr", 8, 2), "b", "math", "avg@4", 0.5, (1.0, math.nan, 0.0), 0.25, "few")]
    table = score_frame(make_results(scores=scores))
    assert table.to_dict("records") == [
        {
            "arm": "dpo+lorr",
            "unique_pairs": 8,
            "seed": 2,
            "benchmark": "b",
            "kind": "math",
            "metric": "avg@4",
            "value": 0.5,
            "n": 2,
            "deviation": 0.25,
            "reason": "few",
        }
    ]


def two_methods() -> Results:
    """ipo starts lower and gains more; sft has a plug-in that the others lack."""
    answers = {
        "dpo+plain": [1, 0, 0, 1],
        "dpo+lorr": [1, 1, 0, 1],
        "ipo+plain": [0, 0, 0, 1],
        "ipo+lorr": [1, 1, 0, 1],
        "sft+plain": [1, 1, 1, 1],
        "sft+reset": [1, 1, 1, 0],
    }
    scores = [
        score(Point(arm, budget, seed), "b", "math", "greedy", found if budget == 8 else [0, 0, 0, 0])
        for budget in (4, 8)
        for seed in (0, 1)
        for arm, found in answers.items()
    ]
    return make_results(
        arms=tuple(answers), baselines={arm: f"{arm[:3]}+plain" for arm in answers}, scores=scores
    )


@pytest.mark.slow
def test_each_arm_is_compared_with_the_baseline_of_its_own_method() -> None:
    table = comparison_of(two_methods()).frame
    differences = table[table["unique_pairs"] == 8].set_index("arm")["difference"]
    assert differences.dropna().to_dict() == {"dpo+lorr": 0.25, "ipo+lorr": 0.5, "sft+reset": -0.25}


@pytest.mark.slow
def test_an_arm_without_a_baseline_has_no_difference() -> None:
    results = two_methods()
    alone = make_results(arms=results.arms, baselines={}, scores=results.scores)
    assert comparison_of(alone).frame["difference"].isna().all()


@pytest.mark.slow
def test_ratios_are_to_the_baseline_of_the_own_method() -> None:
    prompts = {"dpo+plain": 10, "dpo+lorr": 20, "ipo+plain": 5, "ipo+lorr": 20}
    spends = {Point(arm, 8, 0): Spend(prompts=count) for arm, count in prompts.items()}
    table = ledger_frame(
        Study(make_results(scores=[], spends=spends, baselines=two_methods().baselines))
    ).set_index("arm")
    assert table["prompts_ratio"].to_dict() == {
        "dpo+plain": 1.0,
        "dpo+lorr": 2.0,
        "ipo+plain": 1.0,
        "ipo+lorr": 4.0,
    }


def test_methods_stand_at_the_largest_budget_with_their_plugins_side_by_side() -> None:
    results = two_methods()
    table = method_frame(Study(results), comparison_of(results)).set_index("method")
    assert list(table.index) == ["dpo", "ipo", "sft"]
    assert set(table["unique_pairs"]) == {8}
    assert table["plain_mean"].to_dict() == {"dpo": 0.5, "ipo": 0.25, "sft": 1.0}
    assert table["lorr_difference"].dropna().to_dict() == {"dpo": 0.25, "ipo": 0.5}
    assert table["reset_mean"].dropna().to_dict() == {"sft": 0.75}
    low = paired_difference([[1, 1, 0, 1]] * 2, [[1, 0, 0, 1]] * 2).low
    assert table.loc["dpo", "lorr_difference_low"] == low
    assert "plain_difference" not in table.columns


@pytest.mark.slow
def test_a_method_without_result_keeps_its_row() -> None:
    results = two_methods()
    missing = [line for line in results.scores if not line.point.arm.startswith("ipo")]
    without = make_results(arms=results.arms, baselines=results.baselines, scores=missing)
    table = method_frame(Study(without), comparison_of(without)).set_index("method")
    assert math.isnan(table.loc["ipo", "plain_mean"])
    assert math.isnan(table.loc["ipo", "lorr_mean"])


def test_diagnostics_are_listed_value_by_value() -> None:
    diagnostics = {Point("dpo+lorr", 8, 2): [{"entropy": 0.5}, {"entropy": 0.25, "trainer/loss": 1.5}]}
    table = diagnostic_frame(make_results(diagnostics=diagnostics))
    assert table.to_numpy().tolist() == [
        ["dpo+lorr", 8, 2, 1, "entropy", 0.5],
        ["dpo+lorr", 8, 2, 2, "entropy", 0.25],
        ["dpo+lorr", 8, 2, 2, "trainer/loss", 1.5],
    ]
    assert list(table.columns) == ["arm", "unique_pairs", "seed", "replay", "name", "value"]


def test_the_strength_of_a_reset_is_shown_where_a_signal_decided_on_it() -> None:
    fixed, decided = Point("dpo+lorr", 8, 2), Point("dpo+plain", 8, 2)
    found = {fixed: [{"logp_chosen": -1.0}], decided: [{"reset_factor": 0.75, "signal/held_out_margin": 2.0}]}
    without = diagnostic_table(Study(make_results(diagnostics={fixed: found[fixed]})))
    table = diagnostic_table(Study(make_results(diagnostics=found)))
    assert [column.title for column in table.columns] == [
        *(column.title for column in without.columns),
        "α after it",
    ]
    assert {row[0].text: row[-1].text for row in table.rows} == {"dpo+plain": "0.75", "dpo+lorr": "–"}
    assert "of the reset that a signal decided on" in table.caption
    assert "signal" not in without.caption


def two_benchmarks(**changes: Any) -> Results:
    """One benchmark of four problems and one of two; the treatment is right on one more of each."""
    scores = []
    for seed in (0, 1):
        for arm, four, two in (("dpo+plain", [1, 0, 0, 1], [0, 0]), ("dpo+lorr", [1, 1, 0, 1], [1, 0])):
            scores.append(score(Point(arm, 8, seed), "four", "math", "greedy", four))
            scores.append(score(Point(arm, 8, seed), "two", "math", "avg@3", two))
    return make_results(**{"arms": ("dpo+plain", "dpo+lorr"), "scores": scores, **changes})


def average_of(results: Results, arm: str) -> Any:
    table = comparison_of(results).frame
    return table[(table["benchmark"] == "average") & (table["arm"] == arm)].iloc[0]


@pytest.mark.slow
def test_the_average_gives_each_benchmark_the_same_weight() -> None:
    row = average_of(two_benchmarks(), "dpo+lorr")
    assert row["mean"] == (0.75 + 0.5) / 2
    assert row["difference"] == (0.25 + 0.5) / 2
    assert (row["metric"], row["seeds"], row["problems"]) == ("greedy / avg@3", 2, 6)


def test_the_average_takes_the_greedy_metric_of_a_benchmark_that_has_several(results: Results) -> None:
    math_average, general_average = (
        parts for measure, parts in Study(results).averages.items() if measure.benchmark == "average"
    )
    assert [(part.benchmark, part.metric) for part in math_average] == [
        ("nano_easy", "greedy"),
        ("nano_hard", "greedy"),
    ]
    assert len(general_average) == 3


def test_a_benchmark_may_be_called_average() -> None:
    whole = two_benchmarks()
    named = [replace(line, benchmark="average") if line.benchmark == "two" else line for line in whole.scores]
    table = comparison_of(two_benchmarks(scores=named)).frame
    means = table[table["arm"] == "dpo+lorr"].set_index("benchmark")["mean"]
    assert means.to_dict() == {"four": 0.75, "average": 0.5, "average of 2": 0.625}


def test_there_is_no_average_of_a_single_benchmark() -> None:
    assert Study(tiny_results()).averages == {}
    assert "average" not in set(comparison_of(tiny_results()).frame["benchmark"])


@pytest.mark.slow
def test_the_average_rests_on_the_seeds_that_have_all_benchmarks() -> None:
    whole = two_benchmarks()
    lost = Point("dpo+lorr", 8, 1)
    scores = [line for line in whole.scores if line.point != lost or line.benchmark != "two"]
    row = average_of(two_benchmarks(scores=scores), "dpo+lorr")
    assert (row["seeds"], row["paired_seeds"]) == (1, 1)
    assert math.isnan(row["p_value"])


def test_an_arm_that_lacks_a_benchmark_has_no_average() -> None:
    whole = two_benchmarks()
    scores = [line for line in whole.scores if line.point.arm != "dpo+lorr" or line.benchmark != "two"]
    table = comparison_of(two_benchmarks(scores=scores)).frame
    assert set(table[table["benchmark"] == "average"]["arm"]) == {"dpo+plain"}


def test_averages_follow_the_measures_of_their_kind(results: Results) -> None:
    names = [(measure.benchmark, measure.kind) for measure in Study(results).reported_measures]
    assert names[3] == ("average", "math")
    assert names[-1] == ("average", "general")


@pytest.mark.slow
def test_secondary_metrics_are_not_compared(results: Results) -> None:
    assert {line.metric for line in results.scores} >= {"pass@4", "maj@4"}
    assert not {"pass@4", "maj@4"} & set(comparison_of(results).frame["metric"])


def test_a_metric_of_lm_eval_is_tested_whatever_its_name() -> None:
    scores = [score(Point("dpo+plain", 8, 0), "code", "general", "pass@1", [0, 1])]
    assert comparison_of(make_results(scores=scores)).frame["metric"].tolist() == ["pass@1"]


def test_deviations_are_pooled_over_seeds() -> None:
    scores = [
        replace(score(Point("dpo+plain", 8, seed), "b", "math", "avg@2", [0, 1]), deviation=deviation)
        for seed, deviation in ((0, 0.03), (1, 0.04), (2, math.nan))
    ]
    row = comparison_of(make_results(scores=scores)).frame.iloc[0]
    assert row["deviation"] == pytest.approx(math.sqrt((0.03**2 + 0.04**2) / 2))


def test_without_deviations_there_is_none() -> None:
    assert comparison_of(tiny_results()).frame["deviation"].isna().all()


@pytest.mark.slow
def test_what_could_have_been_shown_stands_beside_each_difference(results: Results) -> None:
    table = comparison_of(results).frame
    assert (table["detectable"].notna() == table["p_value"].notna()).all()
    assert (table["detectable"].dropna() > 0).all()


@pytest.mark.slow
def test_the_permutation_over_seeds_stands_beside_each_difference() -> None:
    """Three seeds that all differ to one side: of 8 exchanges two are as far from zero."""
    better = {"dpo+plain": 0.2, "dpo+lorr": 0.6}
    scores = [
        score(Point(arm, 128, seed), "easy", "math", "greedy", [chance + 0.1 * seed, chance])
        for arm, chance in better.items()
        for seed in range(3)
    ]
    table = comparison_of(make_results(scores=scores)).frame.set_index("arm")
    assert table.loc["dpo+lorr", "p_permuted_seeds"] == pytest.approx(2 / 8)
    assert math.isnan(table.loc["dpo+plain", "p_permuted_seeds"])
