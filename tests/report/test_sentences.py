"""Sentences that are computed, also where the result is negative, uncertain or missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic_results import make_results, score, spend

from lorr_bench.report.sentences import (
    compared_line,
    headlines,
    held_equal_line,
    primary_measure,
    seed_caution,
)
from lorr_bench.report.tables import comparison, ledger
from lorr_bench.values import START, Point, Results


def lines_for(results: Results) -> tuple[str, ...]:
    return headlines(results, comparison(results))


def two_arms(baseline: list[int], treatment: list[int], seeds: int = 2, budget: int = 512) -> Results:
    scores = [
        score(Point(arm, budget, seed), "nano_easy", "math", "greedy", answers)
        for seed in range(seeds)
        for arm, answers in (("dpo+plain", baseline), ("dpo+lorr", treatment))
    ]
    return make_results(arms=("dpo+plain", "dpo+lorr"), scores=scores)


def test_a_gain() -> None:
    results = two_arms([0] * 80 + [1] * 20, [0] * 60 + [1] * 40)
    # 20 of 100 differences are 1: variance 0.16 · 100/99, t(99) = 1.9842, half width 7.98 points.
    assert lines_for(results) == (
        "At 512 pairs, dpo+lorr scored 20.0 points above dpo+plain on nano_easy greedy "
        "(95 % interval 12.0 to 28.0; 2 seeds × 100 problems).",
    )


def test_a_loss_and_a_tie_are_said_as_plainly() -> None:
    loss = lines_for(two_arms([0] * 60 + [1] * 40, [0] * 80 + [1] * 20))[0]
    assert "scored 20.0 points below dpo+plain" in loss
    assert "95 % interval \N{MINUS SIGN}28.0 to \N{MINUS SIGN}12.0;" in loss
    tie = lines_for(two_arms([0, 1] * 50, [1, 0] * 50))[0]
    assert "scored the same as dpo+plain" in tie
    assert "it includes zero" in tie


def test_one_seed_says_what_its_interval_leaves_out() -> None:
    results = two_arms([0] * 80 + [1] * 20, [0] * 60 + [1] * 40, seeds=1)
    assert "interval over problems only" in lines_for(results)[0]
    assert "1 seed × 100 problems" in lines_for(results)[0]
    assert "not another training run" in seed_caution(comparison(results))


def test_the_budget_is_the_largest_and_the_measure_the_first(results: Results) -> None:
    lines = lines_for(results)
    assert len(lines) == 2
    assert all(line.startswith("At 1,024 pairs, ") for line in lines)
    assert all("on nano_easy greedy" in line for line in lines)
    assert seed_caution(comparison(results)) == ""


def test_greedy_comes_before_other_metrics(results: Results) -> None:
    reordered = make_results(scores=sorted(results.scores, key=lambda line: line.metric != "avg@4"))
    measure = primary_measure(reordered)
    assert measure is not None
    assert measure.metric == "greedy"


def test_nothing_to_compare_with(results: Results) -> None:
    only_start = make_results(scores=[s for s in results.scores if s.point == START])
    assert lines_for(only_start)[0].startswith("The start model scored 46.3 % on nano_easy greedy")
    assert compared_line(only_start) == "No trained arm has a result."
    no_baseline = make_results(scores=[s for s in results.scores if s.point.arm == "dpo+lorr"])
    assert lines_for(no_baseline)[0].startswith("At 1,024 pairs, dpo+lorr scored")
    assert lines_for(make_results(scores=[])) == ("No model has been evaluated yet.",)


def test_what_was_compared(results: Results) -> None:
    assert compared_line(results) == (
        "dpo+plain, dpo+lorr and dpo+no_reset, at 128, 384 and 1,024 unique pairs, 3 training seeds, "
        "on nano_easy, nano_hard, nano_compare, nano_true_false and nano_order."
    )


def test_held_equal_names_values_and_ratios(results: Results) -> None:
    line = held_equal_line(results, ledger(results))
    assert (
        "(axis data): prompts 156 / 468 / 1,249, unique pairs 128 / 384 / 1,024, verifier calls 1,248" in line
    )
    assert (
        "dpo+lorr 3.00× updates, 3.00× training tokens, 3.00× pair visits, 2.03× to 2.79× training seconds"
        in line
    )
    assert "Different" not in line


def test_held_equal_tells_what_was_not_after_all(results: Results) -> None:
    odd = Point("dpo+lorr", 384, 0)
    spends = {p: replace(s, prompts=2 * s.prompts) if p == odd else s for p, s in results.spends.items()}
    line = held_equal_line(results, ledger(make_results(spends=spends)))
    assert line.endswith("Different although it should be equal: dpo+lorr at 384 pairs 1.33× prompts.")


@pytest.mark.parametrize("arms", [(), ("dpo+lorr",)])
def test_held_equal_without_the_baseline(results: Results, arms: tuple[str, ...]) -> None:
    spends = {Point(arm, 128, 0): spend(Point(arm, 128, 0)) for arm in arms}
    line = held_equal_line(results, ledger(make_results(spends=spends)))
    assert "prompts unknown" in line
