"""Arms over all benchmarks, against hand calculation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from page_contents import make_contents
from synthetic_results import make_results, score
from table_texts import row_texts

from lorr_bench.report.formats.markdown import markdown_report
from lorr_bench.report.formats.page import html_page
from lorr_bench.report.study import Study
from lorr_bench.report.tables.aggregates import aggregate_frame, aggregate_table
from lorr_bench.values import Point, Results

ARMS = ("dpo+plain", "dpo+lorr")
LEVELS = (0.05, 0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9)
GAINS = (-0.04, 0.0, 0.01, 0.025, 0.03, 0.04, 0.05, 0.09)


def results(gains: tuple[float, ...] = GAINS) -> Results:
    """Two runs an arm, a point below and above each benchmark's level; LoRR gains so much on each."""
    scores = [
        score(Point(arm, 128, seed), f"b{number}", "math", "greedy", [level + gain * (arm == ARMS[1]) + luck])
        for arm in ARMS
        for number, (level, gain) in enumerate(zip(LEVELS, gains, strict=False))
        for seed, luck in enumerate((-0.01, 0.01))
    ]
    return make_results(scores=scores, arms=ARMS, baselines=dict.fromkeys(ARMS, ARMS[0]))


def test_by_hand() -> None:
    (row,) = aggregate_frame(Study(results())).to_dict("records")
    # The middle four of the eight gains.
    assert row["gain"] == pytest.approx((0.01 + 0.025 + 0.03 + 0.04) / 4)
    # Two points lie between lucky and unlucky runs: of the four comparisons of two runs with two, a gain of
    # -4 points wins none; of 0 one, with two ties; of 1 point three; of more than 2 points all four.
    wins = (0, 2, 3, 4, 4, 4, 4, 4)
    assert row["improvement"] == pytest.approx(sum(wins) / (8 * 4))
    assert (row["arm"], row["baseline"], row["runs"], row["tasks"]) == ("dpo+lorr", "dpo+plain", 2, 8)


def test_a_gain_on_one_benchmark_of_eight_shows_no_loss() -> None:
    (row,) = aggregate_frame(Study(results((0.0,) * 7 + (0.117,)))).to_dict("records")
    assert row["gain"] == pytest.approx(0, abs=1e-12)
    assert row["improvement"] == pytest.approx((7 * 0.5 + 1) / 8)


def test_seven_benchmarks_need_no_aggregate() -> None:
    assert len(aggregate_frame(Study(results(GAINS[:7])))) == 0
    assert len(aggregate_frame(Study(results(GAINS)))) == 1


def test_an_arm_that_shares_seven_benchmarks_with_its_baseline_has_no_row() -> None:
    whole = results()
    lost = [line for line in whole.scores if (line.point.arm, line.benchmark) != ("dpo+plain", "b3")]
    assert aggregate_frame(Study(replace(whole, scores=lost))).empty


def test_without_a_baseline_at_its_budget_there_is_no_row() -> None:
    whole = results()
    alone = [line for line in whole.scores if line.point.arm == "dpo+lorr"]
    assert aggregate_frame(Study(replace(whole, scores=alone))).empty
    assert aggregate_frame(Study(replace(whole, baselines={}))).empty


def test_metrics_of_one_benchmark_are_one_task() -> None:
    """The synthetic suite has two math and three general benchmarks, with several metrics each."""
    assert aggregate_frame(Study(make_results())).empty
    whole = results()
    more = [replace(line, metric="avg@4") for line in whole.scores]
    assert set(aggregate_frame(Study(replace(whole, scores=[*whole.scores, *more])))["tasks"]) == {8}


def test_as_text() -> None:
    (row,) = row_texts(aggregate_table(Study(results()), aggregate_frame(Study(results()))))
    assert [row[title].text for title in ("arm", "baseline", "gain (points)", "improvement (%)")] == [
        "dpo+lorr",
        "dpo+plain",
        "+2.6",
        "78.1",
    ]


@pytest.mark.slow
def test_summary_and_page_show_it_with_eight_benchmarks_only() -> None:
    for gains, shown in ((GAINS, True), (GAINS[:7], False)):
        contents = make_contents(replace(results(gains), answers=(), overlaps=(), published=()))
        assert ("## All benchmarks together" in markdown_report(contents)) == shown
        assert ('id="aggregates"' in html_page(contents)) == shown
