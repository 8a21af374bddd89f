"""Sentences that are computed, also where the result is negative, uncertain or missing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from computed import comparison_of, contrasts_of
from synthetic_results import make_results, several_methods, two_arms

from lorr_bench.report.sentences.captions import (
    compared_line,
    comparison_caption,
    footnotes,
    power_line,
    truncated_line,
)
from lorr_bench.report.study import Study
from lorr_bench.values import START, Results


def test_what_was_compared(results: Results) -> None:
    assert compared_line(Study(results)) == (
        "dpo+plain, dpo+lorr and dpo+no_reset, at 128, 384 and 1,024 unique pairs, 3 training seeds, "
        "on nano_easy, nano_hard, nano_compare, nano_true_false and nano_order."
    )


def test_several_methods_are_listed_apart_from_plugins() -> None:
    assert compared_line(Study(several_methods(seeds=2))) == (
        "7 methods (a, b, c, d, e, f, g) with plain and lorr, each against its method's plain arm, "
        "at 64 unique pairs, 2 training seeds, on nano_easy."
    )


def captioned(results: Results) -> str:
    contrasts = contrasts_of(results)
    return comparison_caption(Study(results), comparison_of(results).frame, contrasts)


def powered(results: Results, kind: str) -> str:
    return power_line(contrasts_of(results), kind)


@pytest.mark.slow
def test_the_caption_says_what_is_tested_with_what() -> None:
    results = several_methods(seeds=2)
    caption = captioned(results)
    assert caption.startswith("Score in %, over 2 seeds and n problems; Δ: difference in points")
    assert "difference in points to its method's plain arm" in caption
    assert "intervals over seeds and problems" in caption
    assert (
        "†: primary, that is declared beforehand: corrected by Holm over 7 contrasts at the largest budget"
        in caption
    )
    assert "secondary" not in caption


@pytest.mark.slow
def test_the_caption_counts_secondary_families(results: Results) -> None:
    """Two contrasts at three budgets, on three measures of a kind and its average; six of them declared."""
    assert "over 2 contrasts at the largest budget" in captioned(results)
    assert (
        "All else is secondary, corrected in families of its own: 12 of math, 6 of average of math, "
        "18 of general and 6 of average of general." in captioned(results)
    )


@pytest.mark.slow
def test_the_caption_of_one_seed_promises_no_test() -> None:
    caption = captioned(several_methods(seeds=1))
    assert "intervals over problems only" in caption
    assert caption.endswith("No difference could be tested.")


@pytest.mark.slow
def test_the_caption_says_whose_spread_between_seeds_is_used(results: Results) -> None:
    assert "The spread between seeds is that of all arms of a budget" in captioned(results)
    assert "spread between seeds" not in captioned(two_arms([0] * 80 + [1] * 20, [0] * 60 + [1] * 40))


@pytest.mark.slow
def test_the_power_line_gives_what_each_kind_of_test_could_have_shown(results: Results) -> None:
    table = contrasts_of(results)
    table["detectable"] = table["role"].map({"primary": 0.052, "sequence": 0.06, "secondary": 0.07})
    table.loc[table["benchmark"] == "nano_hard", "detectable"] = 0.081
    assert power_line(table, "math") == (
        "Power: with 3 seeds and 300–600 problems, the tests of primary contrasts find a true difference of "
        "5.2 points, the tests of secondary ones find a true difference of 7.0 to 8.1 points in four of five "
        "such suites, each at the level of the first step of its correction; smaller ones are missed more often."
    )
    assert "the tests of secondary contrasts find a true difference of 7.0 points" in power_line(
        table, "general"
    )


@pytest.mark.slow
def test_what_no_difference_could_be_is_over_100_points(results: Results) -> None:
    table = contrasts_of(results)
    table["detectable"] = [1.7 if known else math.nan for known in table["detectable"].notna()]
    assert "find a true difference of over 100 points" in power_line(table, "math")


@pytest.mark.slow
def test_one_seed_has_no_power() -> None:
    assert powered(two_arms([0] * 80 + [1] * 20, [0] * 60 + [1] * 40, seeds=1), "math") == (
        "Power: with one seed no difference is tested, so none could have been shown."
    )


def test_without_a_difference_there_is_no_power_line(results: Results) -> None:
    only_start = make_results(scores=[s for s in results.scores if s.point == START])
    assert powered(only_start, "math") == ""


def spoilt(results: Results, count: int, reason: str = "2 answers are missing") -> Results:
    """The first scores on nano_hard without a value."""
    hard = [line for line in results.scores if line.benchmark == "nano_hard"][:count]
    scores = [replace(s, value=math.nan, reason=reason) if s in hard else s for s in results.scores]
    return replace(results, scores=scores)


def test_a_missing_score_has_a_footnote_with_its_reason(results: Results) -> None:
    assert footnotes(results) == ()
    assert footnotes(spoilt(results, 2)) == (
        "– nano_hard greedy of start model; dpo+plain, 128 pairs, seed 0: 2 answers are missing",
    )


def test_a_footnote_names_the_first_models_alone(results: Results) -> None:
    (line,) = footnotes(spoilt(results, 9))
    assert line.count("seed") == 2
    assert line.endswith("; and 6 more: 2 answers are missing")


def test_of_many_reasons_the_first_are_told(results: Results) -> None:
    scores = [replace(s, value=math.nan, reason=f"reason {n}") for n, s in enumerate(results.scores)]
    lines = footnotes(replace(results, scores=scores))
    assert len(lines) == 13
    assert lines[-1] == f"{len(scores) - 12} more reasons are in scores.csv."


@pytest.mark.slow
def test_unfinished_answers_are_told_and_many_of_them_warned_of() -> None:
    said = "Of the answers collected to train on, 1.0 to 4.0 % reached the token limit"
    one = make_results(scores=[], truncated={"collect, seed 0": 0.04, "collect, seed 1": 0.01})
    assert truncated_line(one) == f"{said}."
    assert truncated_line(make_results(scores=[], truncated={"collect, seed 0": 0.0})) == ""
    many = truncated_line(make_results(scores=[], truncated={"collect, seed 0": 0.051}))
    assert many.endswith(
        "reached the token limit: the model hardly stops, or data.collect.max_tokens is too low."
    )
