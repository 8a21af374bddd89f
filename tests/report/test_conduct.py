"""Length and completeness of answers."""

from __future__ import annotations

import math

from synthetic_results import make_results, score
from table_texts import texts

from lorr_bench.report.study import Study
from lorr_bench.report.tables.conduct import conduct_frame, conduct_table
from lorr_bench.values import START, Conduct, Point, Results

PLAIN = [Point("dpo+plain", 8, seed) for seed in (0, 1)]


def test_conduct_weighs_seeds_by_their_answers() -> None:
    lines = [
        Conduct(PLAIN[0], "b", 100, 20.0, 0.10, 0.0, 1, 0),
        Conduct(PLAIN[1], "b", 300, 40.0, 0.02, 0.04, 2, 5),
    ]
    (row,) = conduct_frame(Study(make_results(scores=[], conduct=lines))).to_dict("records")
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
    table = conduct_table(conduct_frame(Study(results)))
    assert texts(table) == [
        ["start model", "–", "–", "b", "1,200", "20.2", "1.5", "0.0", "0", "3"],
        ["dpo+plain", "8", "1", "b", "0", "–", "–", "–", "0", "1,200"],
    ]
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_conduct_of_a_seed_without_answers_does_not_spoil_the_mean() -> None:
    lines = [
        Conduct(PLAIN[0], "b", 100, 20.0, 0.1, 0.0, 0, 0),
        Conduct(PLAIN[1], "b", 0, math.nan, math.nan, math.nan, 0, 100),
    ]
    (row,) = conduct_frame(Study(make_results(scores=[], conduct=lines))).to_dict("records")
    assert row["mean_tokens"] == 20.0


def test_conduct_is_in_the_order_of_the_suite(results: Results) -> None:
    shuffled = make_results(conduct=list(reversed(results.conduct)))
    table = conduct_frame(Study(shuffled))
    assert table["arm"].tolist()[:4] == ["start", "start", "dpo+plain", "dpo+plain"]
    assert len(table) == 2 * (1 + 3 * 3)
