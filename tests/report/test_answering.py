"""Length and completeness of answers, and metrics of repeated answers."""

from __future__ import annotations

import math
from dataclasses import replace

from synthetic_results import make_results, score

from lorr_bench.report.answering import (
    conduct_rows,
    conduct_table,
    secondary_rows,
    secondary_table,
)
from lorr_bench.report.rows import CONDUCT_TITLES, ConductRow, SecondaryRow
from lorr_bench.report.tables import comparison
from lorr_bench.values import START, Conduct, Point, Results

PLAIN = [Point("dpo+plain", 8, seed) for seed in (0, 1)]


def test_conduct_weighs_seeds_by_their_answers() -> None:
    lines = [
        Conduct(PLAIN[0], "b", 100, 20.0, 0.10, 0.0, 1, 0),
        Conduct(PLAIN[1], "b", 300, 40.0, 0.02, 0.04, 2, 5),
    ]
    (row,) = conduct_table(make_results(scores=[], conduct=lines)).to_dict("records")
    assert (row["seeds"], row["answers"], row["timeouts"], row["missing"]) == (2, 400, 3, 5)
    assert math.isclose(row["mean_tokens"], (100 * 20 + 300 * 40) / 400)
    assert math.isclose(row["truncated_share"], (10 + 6) / 400)
    assert math.isclose(row["no_answer_share"], 12 / 400)


def test_conduct_as_text() -> None:
    lines = [
        Conduct(START, "b", 1200, 20.25, 0.015, 0.0, 0, 3),
        Conduct(PLAIN[0], "b", 0, math.nan, math.nan, math.nan, 0, 1200),
    ]
    results = make_results(scores=[score(START, "b", "math", "greedy", [1])], spends={}, conduct=lines)
    assert conduct_rows(conduct_table(results)) == (
        ConductRow("start model", "–", "–", "b", ("1,200", "20.2", "1.5", "0.0", "0", "3")),
        ConductRow("dpo+plain", "8", "1", "b", ("0", "–", "–", "–", "0", "1,200")),
    )
    assert len(CONDUCT_TITLES) == 6


def test_conduct_of_a_seed_without_answers_does_not_spoil_the_mean() -> None:
    lines = [
        Conduct(PLAIN[0], "b", 100, 20.0, 0.1, 0.0, 0, 0),
        Conduct(PLAIN[1], "b", 0, math.nan, math.nan, math.nan, 0, 100),
    ]
    (row,) = conduct_table(make_results(scores=[], conduct=lines)).to_dict("records")
    assert row["mean_tokens"] == 20.0


def test_conduct_is_in_the_order_of_the_suite(results: Results) -> None:
    shuffled = make_results(conduct=list(reversed(results.conduct)))
    table = conduct_table(shuffled)
    assert table["arm"].tolist()[:4] == ["start", "start", "dpo+plain", "dpo+plain"]
    assert len(table) == 2 * (1 + 3 * 3)


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
    table = secondary_table(results, comparison(results)).set_index("metric")
    assert table["mean"].to_dict() == {"avg@2": 0.5, "pass@2": 0.75, "maj@2": 0.5}
    assert table["deviation"].dropna().to_dict() == {"avg@2": 0.125}
    assert (table["low"] < table["mean"]).all()
    assert (table["high"] > table["mean"]).all()
    assert set(table["seeds"]) == {2}
    assert set(table["problems"]) == {4}


def test_secondary_metrics_as_text() -> None:
    results = repeated()
    rows = secondary_rows(secondary_table(results, comparison(results)))
    assert [(row.metric, row.score) for row in rows] == [
        ("avg@2", "50.0 ± 12.5"),
        ("pass@2", "75.0"),
        ("maj@2", "50.0"),
    ]
    assert rows[0] == SecondaryRow("dpo+plain", "8", "2", "b", "avg@2", "50.0 ± 12.5", rows[0].interval)
    assert rows[0].interval.startswith("[")


def test_without_repeats_there_is_no_secondary_metric() -> None:
    results = make_results(scores=[score(PLAIN[0], "b", "math", "greedy", [1, 0])])
    assert secondary_rows(secondary_table(results, comparison(results))) == ()


def test_an_average_of_repeats_without_deviation_is_no_row_of_its_own() -> None:
    results = make_results(scores=[score(PLAIN[0], "b", "math", "avg@2", [1, 0])])
    assert secondary_table(results, comparison(results)).empty


def test_rows_follow_models_then_benchmarks(results: Results) -> None:
    table = secondary_table(results, comparison(results))
    assert table["metric"].tolist()[:3] == ["avg@4", "pass@4", "maj@4"]
    assert table["arm"].tolist()[:6] == ["start"] * 3 + ["dpo+plain"] * 3
