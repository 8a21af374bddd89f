"""Data efficiency: how much data for the baseline's accuracy, and the area under each curve."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from synthetic_results import make_methods_results, make_results, score
from table_texts import row_texts

from lorr_bench.report.study import Study
from lorr_bench.report.tables.efficiency import efficiency_frame, efficiency_table
from lorr_bench.values import Point, Results

ARMS = ("dpo+plain", "dpo+lorr")


def curves(plain: dict[int, int], lorr: dict[int, int], problems: int = 10, **changes: Any) -> Results:
    """How many problems each arm solves at each budget, with both of two seeds."""
    scores = [
        score(Point(arm, budget, seed), "b", "math", "greedy", [1] * right + [0] * (problems - right))
        for arm, curve in zip(ARMS, (plain, lorr), strict=True)
        for budget, right in curve.items()
        for seed in (0, 1)
    ]
    return make_results(**{"arms": ARMS, "scores": scores, **changes})


def test_a_crossing_halfway_between_two_budgets() -> None:
    results = curves({10: 2, 1000: 6}, {10: 4, 1000: 8})
    (row,) = efficiency_frame(Study(results)).to_dict("records")
    # From 4 to 8 of 10 the curve passes 6 halfway on the scale of logarithms, at 100 of 1,000 pairs.
    assert row["ratio"] == pytest.approx(0.1)
    assert row["reached"]
    assert (row["area"], row["baseline_area"]) == (pytest.approx(0.6), pytest.approx(0.4))
    assert row["area_low"] < 0.6 < row["area_high"]
    assert (row["arm"], row["baseline"], row["budgets"]) == ("dpo+lorr", "dpo+plain", 2)
    assert (row["smallest"], row["largest"], row["seeds"], row["problems"]) == (10, 1000, 2, 10)
    assert row["baseline_needed"] == pytest.approx(1000)


def test_the_baseline_s_own_need_is_what_counts() -> None:
    # Both reach 60 of 100 halfway from 40 at 10 to 80 at 1,000 pairs; the baseline ends there again.
    budgets = (10, 1000, 2000)
    both = [dict(zip(budgets, right, strict=True)) for right in ((40, 80, 60), (40, 80, 90))]
    (row,) = efficiency_frame(Study(curves(*both, problems=100))).to_dict("records")
    assert row["ratio"] == pytest.approx(1)
    assert row["baseline_needed"] == pytest.approx(100)
    assert row["largest"] == 2000


def test_a_baseline_that_does_not_rise_defines_no_ratio() -> None:
    (row,) = row_texts(
        efficiency_table(efficiency_frame(Study(curves({10: 40, 100: 40}, {10: 30, 100: 80}, problems=100))))
    )
    assert (row["data needed"].text, row["data needed"].small) == ("not defined", "")
    assert row["note"].text == "not defined: the baseline does not rise"
    assert row["area under the curve"].text == "55.0 (baseline 40.0)"


def test_ends_outside_of_the_budgets_are_told_as_parts_of_the_baseline_s_need() -> None:
    # The baseline has its final 50 at 40 of 160 pairs.
    plain = {10: 10, 40: 50, 160: 50}
    (below,) = row_texts(
        efficiency_table(efficiency_frame(Study(curves(plain, dict.fromkeys(plain, 90), problems=100))))
    )
    assert below["data needed"].text == "at most 0.25×"
    assert below["data needed"].small.startswith("[< 0.25×, ")
    (beyond,) = row_texts(
        efficiency_table(efficiency_frame(Study(curves(plain, dict.fromkeys(plain, 10), problems=100))))
    )
    assert beyond["data needed"].small.endswith("> 4.00×]")


def test_problems_of_a_family_go_together() -> None:
    # The baseline rises on problems 20 to 39 only, which are one family, so it is not shown to rise.
    results = curves({10: 20, 100: 40}, {10: 30, 100: 50}, problems=100)
    names = tuple("risen" if 20 <= place < 40 else f"{place}" for place in range(100))
    (plain,) = efficiency_frame(Study(results)).to_dict("records")
    (row,) = efficiency_frame(Study(replace(results, families={"b": names}))).to_dict("records")
    assert plain["reached"]
    assert row["reason"] == "not defined: the baseline does not rise"
    assert (row["area"], row["problems"]) == (pytest.approx(plain["area"]), 100)
    assert row["area_high"] - row["area_low"] > plain["area_high"] - plain["area_low"]


@pytest.mark.slow
def test_an_average_mixes_benchmarks_with_and_without_families() -> None:
    first = curves({10: 20, 100: 40}, {10: 30, 100: 50}, problems=100)
    second = [replace(line, benchmark="c") for line in first.scores]
    both = replace(first, scores=[*first.scores, *second])
    names = tuple(f"{place // 10}" for place in range(100))
    widths = [
        (table.loc["average", "area_high"] - table.loc["average", "area_low"], len(table))
        for families in ({}, {"b": names}, {"b": names, "c": names})
        for table in [efficiency_frame(Study(replace(both, families=families))).set_index("benchmark")]
    ]
    assert [rows for _, rows in widths] == [3, 3, 3]
    assert widths[0] < widths[1] < widths[2]


def test_totals_have_no_families() -> None:
    whole = curves({10: 2, 1000: 6}, {10: 4, 1000: 8})
    totals = replace(
        whole, scores=[replace(line, per_problem=()) for line in whole.scores], families={"b": ("x",) * 10}
    )
    assert efficiency_frame(Study(totals))["ratio"].to_list() == pytest.approx([0.1])


def test_as_text() -> None:
    (row,) = row_texts(efficiency_table(efficiency_frame(Study(curves({10: 2, 1000: 6}, {10: 4, 1000: 8})))))
    assert (row["arm"].text, row["baseline"].text, row["measure"].text) == (
        "dpo+lorr",
        "dpo+plain",
        "b · greedy",
    )
    assert (row["data needed"].text, row["area under the curve"].text) == ("0.10×", "60.0 (baseline 40.0)")
    assert row["note"].text == "2 budgets, 2 seeds"


def test_not_reached_is_said() -> None:
    (row,) = row_texts(
        efficiency_table(efficiency_frame(Study(curves({10: 20, 100: 60}, {10: 10, 100: 20}, problems=100))))
    )
    assert row["data needed"].text == "not reached"
    assert row["data needed"].small.endswith("> 1.00×]")
    assert row["note"].text == "not reached within 100 pairs"


def test_reached_from_the_smallest_budget_on_is_a_bound() -> None:
    (row,) = row_texts(
        efficiency_table(efficiency_frame(Study(curves({10: 10, 100: 30}, {10: 60, 100: 70}, problems=100))))
    )
    assert row["data needed"].text == "at most 0.10×"
    assert row["data needed"].small.startswith("[< 0.10×, ")


def test_without_scores_there_is_a_dash() -> None:
    whole = curves({10: 2, 100: 6}, {10: 4, 100: 8})
    empty = [
        replace(line, value=math.nan, per_problem=(math.nan,) * 10) if line.point.arm == "dpo+lorr" else line
        for line in whole.scores
    ]
    (row,) = row_texts(efficiency_table(efficiency_frame(Study(replace(whole, scores=empty)))))
    assert (row["data needed"].text, row["data needed"].small) == ("–", "")


@pytest.mark.parametrize(
    ("plain", "lorr"), [({10: 2}, {10: 4}), ({10: 2, 100: 6}, {100: 8, 1000: 9}), ({}, {10: 4, 100: 8})]
)
def test_without_two_budgets_in_common_there_is_no_row(plain: dict[int, int], lorr: dict[int, int]) -> None:
    assert efficiency_frame(Study(curves(plain, lorr))).empty


def test_without_a_seed_in_common_there_is_no_row() -> None:
    whole = curves({10: 2, 100: 6}, {10: 4, 100: 8})
    moved = [
        replace(line, point=replace(line.point, seed=line.point.seed + 5))
        if line.point.arm == "dpo+lorr"
        else line
        for line in whole.scores
    ]
    assert efficiency_frame(Study(replace(whole, scores=moved))).empty


def test_only_seeds_and_budgets_that_both_have_count() -> None:
    whole = curves({10: 2, 100: 6, 1000: 9}, {10: 4, 100: 8})
    lost = Point("dpo+plain", 10, 1)
    (row,) = efficiency_frame(
        Study(replace(whole, scores=[line for line in whole.scores if line.point != lost]))
    ).to_dict("records")
    assert (row["budgets"], row["seeds"], row["largest"]) == (2, 1, 100)


def test_benchmarks_of_an_average_have_the_same_weight() -> None:
    first = curves({10: 2, 1000: 6}, {10: 4, 1000: 8})
    second = [replace(line, benchmark="c", per_problem=line.per_problem[:5]) for line in first.scores]
    table = efficiency_frame(Study(replace(first, scores=[*first.scores, *second]))).set_index("benchmark")
    # Of the first five problems of each, plain solves 2 and 5, LoRR 4 and 5.
    assert table.loc["c", "area"] == pytest.approx(0.9)
    assert table.loc["average", "area"] == pytest.approx((0.6 + 0.9) / 2)
    assert table.loc["average", "problems"] == 15


def test_totals_without_problems_are_used_too() -> None:
    whole = curves({10: 2, 1000: 6}, {10: 4, 1000: 8})
    totals = replace(whole, scores=[replace(line, per_problem=()) for line in whole.scores])
    (row,) = efficiency_frame(Study(totals)).to_dict("records")
    assert row["ratio"] == pytest.approx(0.1)
    assert row["problems"] == 0


@pytest.mark.slow
def test_every_measure_and_average_is_told(results: Results) -> None:
    assert len(efficiency_frame(Study(results))) == 2 * 8


# Of 26 compared arms: four measures and two averages, the first measure and the averages, the first alone.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (26 * 6, {"nano_1", "task_1", "nano_2", "task_2", "average"}),
        (26 * 6 - 1, {"nano_1", "average"}),
        (26 * 3 - 1, {"nano_1"}),
    ],
)
def test_with_very_many_arms_fewer_measures_are_told(
    most: int, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lorr_bench.report.tables.efficiency.MAX_ROWS", most)
    assert set(efficiency_frame(Study(make_methods_results(budgets=(8, 16))))["benchmark"]) == expected
