"""Contamination: what training prompts share with benchmarks, over seeds."""

from __future__ import annotations

import math

import pytest
from synthetic_results import make_results
from table_texts import texts

from lorr_bench.report.tables.overlaps import overlap_frame, overlap_table
from lorr_bench.values import Overlap

LINES = [
    Overlap("easy", 0, 8, 1000, 200, 5, ("a", "b")),
    Overlap("easy", 1, 8, 1200, 200, 0, ()),
    Overlap("empty", 0, 8, 1000, 0, 0, ()),
]


def test_every_seed_has_its_row_with_its_share() -> None:
    table = overlap_frame(make_results(overlaps=LINES))
    assert table["share"].tolist()[:2] == [0.025, 0.0]
    assert math.isnan(table["share"].iloc[2])
    assert table["examples"].tolist() == ["a b", "", ""]


def test_seeds_share_a_row_with_the_range() -> None:
    assert texts(overlap_table(make_results(overlaps=LINES))) == [
        ["easy", "1,000 to 1,200 (8 words in a row)", "200", "0 to 5", "0.0 to 2.5", "a, b"],
        ["empty", "1,000 (8 words in a row)", "0", "0", "–", ""],
    ]


def test_examples_are_named_once_and_few() -> None:
    lines = [Overlap("b", seed, 8, 10, 10, 7, tuple("abcdefg")) for seed in (0, 1)]
    assert texts(overlap_table(make_results(overlaps=lines)))[0][-1] == "a, b, c, d, e"


def test_lengths_of_a_match_stand_apart() -> None:
    lines = [Overlap("b", 0, ngram, 10, 10, 1, ("a",)) for ngram in (8, 13)]
    assert len(overlap_table(make_results(overlaps=lines)).rows) == 2


@pytest.mark.slow
def test_nothing_compared_is_no_row() -> None:
    assert overlap_table(make_results(overlaps=())).rows == ()
    assert overlap_frame(make_results(overlaps=())).empty
