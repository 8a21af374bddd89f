"""The tables of contrasts: what stands in them, and that a reader can tell tested from looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest
from computed import contrasts_of
from synthetic_results import make_results, score

from lorr_bench.report.formatting import DAGGER, MINUS
from lorr_bench.report.study import Study
from lorr_bench.report.tables.contrasts import declared_table, further_table
from lorr_bench.values import Analysis, Contrast, Point, Results

GAIN, RESET = Contrast("dpo+lorr", "dpo+plain"), Contrast("dpo+lorr", "dpo+no_reset")


def three_arms() -> Results:
    """LoRR and its control right on 40 of 100 problems, plain on 20, with both seeds at both budgets."""
    scores = [
        score(Point(arm, budget, seed), "b", "math", "greedy", [1] * right + [0] * (100 - right))
        for arm, right in (("dpo+plain", 20), ("dpo+lorr", 40), ("dpo+no_reset", 40))
        for budget in (8, 16)
        for seed in (0, 1)
    ]
    analysis = Analysis("b", "greedy", (GAIN,), (RESET,), budgets=(8, 16))
    return make_results(scores=scores, analysis=analysis)


@pytest.mark.slow
def test_declared_contrasts_stand_with_the_largest_budget_first() -> None:
    table = declared_table(contrasts_of(three_arms()))
    texts = [[cell.text for cell in row] for row in table.rows]
    assert [row[:5] for row in texts] == [
        [f"dpo+lorr {MINUS} dpo+plain", pairs, "b · greedy", "40.0 and 20.0", f"+20.0{DAGGER}"]
        for pairs in ("16", "8")
    ]
    assert [row[5:7] for row in texts] == [["< 0.001", "significant"]] * 2
    assert [cell.bold for cell in table.rows[0]] == [False] * 4 + [True] + [False] * 3
    assert table.breaks == {1}
    assert table.caption.startswith("Corrected by Holm over 1 contrast at the largest budget.")


def test_further_contrasts_are_those_against_no_baseline() -> None:
    results = three_arms()
    table = further_table(Study(results), contrasts_of(results))
    assert [[cell.text for cell in row][:2] for row in table.rows] == [
        [f"dpo+lorr {MINUS} dpo+no_reset", pairs] for pairs in ("8", "16")
    ]
    assert {row[6].text for row in table.rows} == {"not shown"}
    assert all(DAGGER not in row[4].text for row in table.rows)


def test_one_seed_has_neither_p_nor_verdict() -> None:
    results = three_arms()
    results = replace(results, scores=[line for line in results.scores if line.point.seed == 0])
    (first, _) = declared_table(contrasts_of(results)).rows
    assert [cell.text for cell in first[5:]] == ["–", "not tested", "–"]


def test_a_margin_adds_a_column_and_says_how_it_was_tested() -> None:
    results = three_arms()
    assert results.analysis is not None
    results = replace(results, analysis=replace(results.analysis, equivalence_margin=0.02))
    table = declared_table(contrasts_of(results))
    assert table.columns[-1].title == "p of equivalence"
    assert [row[-1].text for row in table.rows] == ["1.00", "1.00"]
    assert "Equivalent within ±2.0 points: two one-sided tests" in table.caption
    assert "p of equivalence" not in [
        column.title for column in declared_table(contrasts_of(three_arms())).columns
    ]


def test_a_contrast_between_budgets_shows_both() -> None:
    between = Contrast("dpo+lorr", "dpo+no_reset", 8, 16)
    results = replace(three_arms(), analysis=Analysis("b", "greedy", (GAIN,), (between,), budgets=(8, 16)))
    (row,) = further_table(Study(results), contrasts_of(results)).rows
    assert [cell.text for cell in row][:2] == [f"dpo+lorr@8 {MINUS} dpo+no_reset@16", "8 and 16"]
