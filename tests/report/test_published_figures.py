"""Published figures beside ours: scores as printed, and gains where they can be known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from computed import comparison_of
from synthetic_results import make_results, score
from table_texts import texts

from lorr_bench.report.study import Study
from lorr_bench.report.tables.published import published_frame, published_table
from lorr_bench.values import START, Point, Published, Results


def figure(**changes: Any) -> Published:
    known = Published("dpo+plain", "b", 0.62, math.nan, "Nano-DPO", "pass@1; greedy", "A", "")
    return replace(known, **changes)


BASE = figure(arm="start", value=0.5, model="Nano")


def results_with(*published: Published) -> Results:
    """Ours: the start model 25 %, dpo+plain 50 % greedy at its largest budget."""
    scores = [
        score(START, "b", "math", "greedy", [0, 0, 0, 1]),
        score(START, "b", "math", "avg@3", [0, 0, 0, 0]),
        score(Point("dpo+plain", 4, 0), "b", "math", "greedy", [0, 0, 0, 0]),
        score(Point("dpo+plain", 8, 0), "b", "math", "greedy", [1, 0, 0, 1]),
        replace(score(Point("dpo+plain", 8, 0), "b", "math", "avg@3", [1, 1, 0, 1]), deviation=0.125),
    ]
    return make_results(scores=scores, published=published)


def rows_of(results: Results) -> list[dict[str, Any]]:
    return published_frame(Study(results), comparison_of(results)).to_dict("records")


def test_gains_are_differences_to_the_own_start_model() -> None:
    _, row = rows_of(results_with(BASE, figure()))
    assert (row["metric"], row["ours"], row["ours_gain"]) == ("greedy", 0.5, 0.25)
    assert (row["published"], row["published_gain"]) == (0.62, pytest.approx(0.12))


@pytest.mark.parametrize(
    "base",
    [
        replace(BASE, source="B"),
        replace(BASE, protocol="avg@32"),
        replace(BASE, benchmark="c"),
        replace(BASE, arm="dpo+lorr"),
    ],
)
def test_a_base_of_another_source_protocol_or_benchmark_is_no_base(base: Published) -> None:
    row = next(row for row in rows_of(results_with(base, figure())) if row["arm"] == "dpo+plain")
    assert math.isnan(row["published_gain"])
    assert row["ours_gain"] == 0.25


def test_a_start_model_has_no_gain() -> None:
    (row,) = rows_of(results_with(BASE))
    assert math.isnan(row["ours_gain"])
    assert math.isnan(row["published_gain"])


def test_our_metric_is_the_published_one_where_we_have_it() -> None:
    (row,) = rows_of(results_with(figure(protocol="avg@3; 3 seeds")))
    assert (row["metric"], row["ours"], row["ours_deviation"]) == ("avg@3", 0.75, 0.125)


def test_figures_of_arms_and_benchmarks_that_we_lack_are_left_out() -> None:
    assert rows_of(results_with(figure(benchmark="c"), figure(arm="ipo+plain"))) == []


def test_without_our_start_model_there_is_no_gain_of_ours() -> None:
    whole = results_with(figure())
    trained = [line for line in whole.scores if line.point != START]
    (row,) = rows_of(replace(whole, scores=trained))
    assert math.isnan(row["ours_gain"])


def test_rows_as_text() -> None:
    results = results_with(BASE, figure(), figure(protocol="avg@3", deviation=0.012, note="read from a plot"))
    assert texts(published_table(published_frame(Study(results), comparison_of(results)))) == [
        ["start model", "b", "25.0 (greedy)", "50.0", "", "", "Nano", "pass@1; greedy", "A", ""],
        ["dpo+plain", "b", "50.0 (greedy)", "62.0", "+25.0", "+12.0", "Nano-DPO", "pass@1; greedy", "A", ""],
        [
            "dpo+plain",
            "b",
            "75.0 ± 12.5 (avg@3)",
            "62.0 ± 1.2",
            "+75.0",
            "",
            "Nano-DPO",
            "avg@3",
            "A",
            "read from a plot",
        ],
    ]
