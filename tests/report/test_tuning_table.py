"""What a report says of settings that were chosen: table, file, cost and sentence."""

import csv
import io
import json
from dataclasses import replace

import pytest
from synthetic_results import make_small_results
from table_texts import texts

from lorr_bench.report.contents import compute, frames_of
from lorr_bench.report.formats.markdown import markdown_report
from lorr_bench.report.formats.page import html_page
from lorr_bench.report.formats.results_file import read_results, results_bytes
from lorr_bench.report.sentences.tuning import tuning_line
from lorr_bench.report.tables.tuning import tuning_cost_table, tuning_frame, tuning_table
from lorr_bench.report.write import csv_bytes
from lorr_bench.values import DIVERGED, NOT_RUN, Spend, Try, Tuned, Tuning

USED = Spend(pair_visits=64, train_tokens=1000, optimizer_steps=4, flops=2e9, wall_seconds=1.5)
PLAIN = Tuned(
    "dpo+plain",
    1024,
    (384, 1024),
    (
        Try({"beta": 0.5}, (0.4, 0.5), spend=USED),
        Try({"beta": 2}, (0.6, 0.7), spend=USED),
        Try({"beta": 5}, reason=DIVERGED, spend=USED),
    ),
    chosen=1,
)
LORR = Tuned(
    "dpo+lorr",
    1024,
    (1024,),
    (Try({"beta": 0.5}, (0.7, 0.8)), Try({"beta": 2}, (0.4, 0.4))),
    0,
    {"beta": "smallest"},
)
FIXED = Tuned("dpo+no_reset", 1024, (1024,), (Try({"beta": 1}),), chosen=0)
OPEN = Tuned("dpo+open", 1024, (1024,), (Try({"beta": 1}, reason=NOT_RUN), Try({"beta": 2}, (0.5,))))
TUNING = Tuning("nano_validation", "greedy", (100, 101), 1000, (PLAIN, LORR, FIXED, OPEN))


@pytest.fixture(scope="module")
def results():
    return replace(make_small_results(), tuning=TUNING)


def test_the_table_has_what_was_chosen_and_how_far_the_next_was(results):
    assert texts(tuning_table(results)) == [
        ["dpo+plain", "1,024", "384, 1,024", "3 | 1 diverged", "beta 2", "65.0", "45.0", ""],
        ["dpo+lorr", "1,024", "1,024", "2", "beta 0.5", "75.0", "40.0", "beta is the smallest tried"],
        ["dpo+no_reset", "1,024", "1,024", "1", "beta 1", "–", "–", ""],
        ["dpo+open", "1,024", "1,024", "2", "not chosen", "–", "–", ""],
    ]


def test_the_file_has_every_try(results):
    rows = list(csv.DictReader(io.StringIO(csv_bytes(tuning_frame(results)).decode())))
    assert len(rows) == 3 + 2 + 1 + 2
    assert [
        (json.loads(row["settings"]), row["score"], row["chosen"], row["reason"]) for row in rows[:3]
    ] == [
        ({"beta": 0.5}, "0.45", "False", ""),
        ({"beta": 2}, "0.6499999999999999", "True", ""),
        ({"beta": 5}, "", "False", "diverged"),
    ]
    assert (rows[0]["used_at"], rows[0]["try"], rows[0]["seeds"], rows[0]["optimizer_steps"]) == (
        "384 1024",
        "1",
        "2",
        "4",
    )


def test_what_the_tries_used_stands_beside_the_ledger_and_not_in_it(results):
    assert texts(tuning_cost_table(results))[0] == [
        "dpo+plain", "1,024", "3", "192", "3,000", "12", "6.00e+09", "4.5",
    ]  # fmt: skip
    assert [row[0].text for row in tuning_cost_table(results).rows] == ["dpo+plain", "dpo+lorr", "dpo+open"]
    assert frames_of(results).ledger.equals(frames_of(make_small_results()).ledger)


def test_the_sentence_says_how_settings_were_chosen():
    assert tuning_line(TUNING) == (
        "Settings of 4 arms were chosen before a test problem was touched: of up to 3 tries each, the one with "
        "the highest greedy on the first 1,000 problems of nano_validation, seeds 100, 101; none of these problems "
        "and seeds is tested on. 1 of 4 choices are still open."
    )
    one = replace(TUNING, seeds=(100,), problems=None, arms=(LORR,))
    assert tuning_line(one) == (
        "Settings of 1 arm were chosen before a test problem was touched: of 2 tries each, the one with the "
        "highest greedy on all problems of nano_validation, seed 100; none of these problems and seeds is tested on."
    )


@pytest.mark.slow
def test_page_and_markdown_have_it_where_a_suite_is_tuned_and_nothing_else(results):
    for told in (html_page(compute(results)), markdown_report(compute(results))):
        assert "of up to 3 tries each" in told
        assert "What choosing the settings used" in told or "All tries of each arm together" in told
    for silent in (html_page(compute(make_small_results())), markdown_report(compute(make_small_results()))):
        assert "Tuning" not in silent
        assert "tries each" not in silent


def test_results_are_read_again_as_they_were(results, tmp_path):
    (tmp_path / "results.json.gz").write_bytes(results_bytes(results))
    assert read_results(tmp_path / "results.json.gz").tuning == TUNING
