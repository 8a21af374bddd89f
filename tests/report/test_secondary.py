"""Metrics of repeated answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from computed import comparison_of
from synthetic_results import make_results, score

from lorr_bench.report.study import Study
from lorr_bench.report.tables.secondary import secondary_frame, secondary_table
from lorr_bench.values import Point, Results

PLAIN = [Point("dpo+plain", 8, seed) for seed in (0, 1)]


def repeated() -> Results:
    """Two seeds, four problems, two repeats: pass@2 and maj@2 beside avg@2."""
    scores = []
    for point in PLAIN:
        scores += [
            replace(score(point, "b", "math", "avg@2", [1, 0.5, 0, 0.5]), deviation=0.125),
            score(point, "b", "math", "pass@2", [1, 1, 0, 1]),
            score(point, "b", "math", "maj@2", [1, 0.5, 0, 0.5]),
        ]
    return make_results(scores=scores)


def test_secondary_metrics_by_hand() -> None:
    results = repeated()
    table = secondary_frame(Study(results), comparison_of(results).frame).set_index("metric")
    assert table["mean"].to_dict() == {"avg@2": 0.5, "pass@2": 0.75, "maj@2": 0.5}
    assert table["deviation"].dropna().to_dict() == {"avg@2": 0.125}
    assert (table["low"] < table["mean"]).all()
    assert (table["high"] > table["mean"]).all()
    assert set(table["seeds"]) == {2}
    assert set(table["problems"]) == {4}


def test_secondary_metrics_as_text() -> None:
    results = repeated()
    table = secondary_table(secondary_frame(Study(results), comparison_of(results).frame))
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["dpo+plain", "8", "2", "b", *shown]
        for shown in (("avg@2", "50.0 ± 12.5"), ("pass@2", "75.0"), ("maj@2", "50.0"))
    ]
    assert all(row[-1].small.startswith("[") for row in table.rows)


def test_without_repeats_there_is_no_secondary_metric() -> None:
    results = make_results(scores=[score(PLAIN[0], "b", "math", "greedy", [1, 0])])
    assert secondary_table(secondary_frame(Study(results), comparison_of(results).frame)).rows == ()


def test_an_average_of_repeats_without_deviation_is_no_row_of_its_own() -> None:
    results = make_results(scores=[score(PLAIN[0], "b", "math", "avg@2", [1, 0])])
    assert secondary_frame(Study(results), comparison_of(results).frame).empty


@pytest.mark.slow
def test_rows_follow_models_then_benchmarks(results: Results) -> None:
    table = secondary_frame(Study(results), comparison_of(results).frame)
    assert table["metric"].tolist()[:3] == ["avg@4", "pass@4", "maj@4"]
    assert table["arm"].tolist()[:6] == ["start"] * 3 + ["dpo+plain"] * 3
