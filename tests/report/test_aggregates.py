"""Arms over all benchmarks, against hand calculation."""

from __future__ import annotations

import math

import pytest
from synthetic_results import make_results, score

from lorr_bench.report.aggregates import aggregate_rows, aggregate_table
from lorr_bench.values import Point, Results

# Accuracies of two seeds on two benchmarks: the middle half of 0.1, 0.2, 0.5, 0.9 is 0.2 and 0.5.
PLAIN = {("easy", 0): 0.1, ("easy", 1): 0.2, ("hard", 0): 0.5, ("hard", 1): 0.9}
# On easy both runs beat both of the baseline, on hard one of two does so against one of two.
LORR = {("easy", 0): 0.3, ("easy", 1): 0.4, ("hard", 0): 0.4, ("hard", 1): 0.6}


def results(benchmarks: tuple[str, ...] = ("easy", "hard")) -> Results:
    scores = [
        score(Point(arm, 128, seed), name, "math", "greedy", [value])
        for arm, values in (("dpo+plain", PLAIN), ("dpo+lorr", LORR))
        for (name, seed), value in values.items()
        if name in benchmarks
    ]
    arms = ("dpo+plain", "dpo+lorr")
    return make_results(scores=scores, arms=arms, baselines=dict.fromkeys(arms, "dpo+plain"))


def test_by_hand() -> None:
    table = aggregate_table(results()).set_index("arm")
    assert table.loc["dpo+plain", "iqm"] == pytest.approx(0.35)
    assert table.loc["dpo+lorr", "iqm"] == pytest.approx(0.4)
    # easy 4 of 4; hard: 0.4 beats neither, 0.6 beats 0.5: 1 of 4
    assert table.loc["dpo+lorr", "improvement"] == pytest.approx((1 + 0.25) / 2)
    assert table[["runs", "tasks"]].to_numpy().tolist() == [[2, 2], [2, 2]]


def test_a_baseline_is_not_compared_with_itself() -> None:
    plain = aggregate_table(results()).set_index("arm").loc["dpo+plain"]
    assert math.isnan(plain["improvement"])
    assert plain["baseline"] == ""


def test_one_benchmark_needs_no_aggregate() -> None:
    assert aggregate_table(results(("easy",))).empty


def test_pass_at_k_is_no_task_of_its_own() -> None:
    """The synthetic suite has two math and three general benchmarks, with several metrics each."""
    assert set(aggregate_table(make_results())["tasks"]) == {5}


def test_as_text() -> None:
    rows = {row.arm: row for row in aggregate_rows(aggregate_table(results()))}
    assert (rows["dpo+lorr"].middle, rows["dpo+lorr"].improvement) == ("40.0", "62.5")
    assert rows["dpo+plain"].improvement == "–"
