"""Sentences that are computed, also where the result is negative, uncertain or missing."""

from __future__ import annotations

import math
from dataclasses import replace

from synthetic_results import make_methods_results, make_results, score

from lorr_bench.report.measures import primary_measure
from lorr_bench.report.sentences import (
    compared_line,
    comparison_caption,
    footnotes,
    headlines,
    power_line,
    seed_caution,
)
from lorr_bench.report.tables import comparison
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


def several_methods(seeds: int) -> Results:
    """Seven methods, 100 problems each: LoRR solves so many more and so many fewer."""
    changes = {"a": (20, 0), "b": (10, 0), "c": (5, 5), "d": (0, 5), "e": (1, 0), "f": (1, 0), "g": (0, 1)}
    scores = []
    for method, (more, fewer) in changes.items():
        plain = [0] * more + [1] * fewer + [0] * (100 - more - fewer)
        lorr = [1] * more + [0] * fewer + [0] * (100 - more - fewer)
        for seed in range(seeds):
            scores.append(score(Point(f"{method}+plain", 64, seed), "nano_easy", "math", "greedy", plain))
            scores.append(score(Point(f"{method}+lorr", 64, seed), "nano_easy", "math", "greedy", lorr))
    arms = tuple(f"{method}+{plugin}" for method in changes for plugin in ("plain", "lorr"))
    return make_results(
        arms=arms, baselines={arm: f"{arm[0]}+plain" for arm in arms}, scores=scores, spends={}
    )


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


def test_many_methods_share_two_sentences() -> None:
    results = several_methods(seeds=2)
    assert lines_for(results) == (
        "At 64 pairs, lorr scored above its method's plain arm with 4 of 7 methods, below with 2, the same with "
        "1, on nano_easy greedy (2 seeds × 100 problems): +1.0 points at the median, from "
        "\N{MINUS SIGN}5.0 (d) to +20.0 (a).",
        # Paired t(99): a 4.97, b 3.32 and d -2.28 pass 1.98; e and f 1.00. Holm: p(b) = 0.0013 · 6 passes,
        # p(d) = 0.025 · 5 does not.
        "lorr: the 95 % interval leaves out zero for 2 of those above and 1 of those below; Holm's correction "
        "over the 7 differences of this report leaves 2 and 0.",
    )


def test_many_methods_with_one_seed_are_not_tested() -> None:
    certainty = lines_for(several_methods(seeds=1))[1]
    assert (
        "interval over problems only leaves out zero for 2 of those above and 1 of those below" in certainty
    )
    assert certainty.endswith("; with one seed none is tested.")


def test_a_plugin_of_one_method_alone_keeps_its_sentence() -> None:
    lines = lines_for(make_methods_results())
    assert len(lines) == 3
    assert lines[2].startswith("At 1,024 pairs, sft+replay_reset scored ")
    assert " sft+plain on " in lines[2]


def test_several_methods_are_listed_apart_from_plugins() -> None:
    assert compared_line(several_methods(seeds=2)) == (
        "7 methods (a, b, c, d, e, f, g) with plain and lorr, each against its method's plain arm, "
        "at 64 unique pairs, 2 training seeds, on nano_easy."
    )


def test_the_caption_says_over_how_many_differences_holm_corrects() -> None:
    results = several_methods(seeds=2)
    caption = comparison_caption(results, comparison(results))
    assert caption.startswith("Score in %, over 2 seeds and n problems; Δ: difference in points")
    assert "difference in points to its method's plain arm" in caption
    assert "intervals over seeds and problems" in caption
    assert caption.endswith("over the 7 differences tested in this report.")


def test_the_caption_of_one_seed_promises_no_test() -> None:
    results = several_methods(seeds=1)
    caption = comparison_caption(results, comparison(results))
    assert "intervals over problems only" in caption
    assert caption.endswith("No difference could be tested.")


def test_the_power_line_gives_the_range_of_what_could_have_been_shown(results: Results) -> None:
    table = comparison(results)
    known = 100 * table[table["kind"] == "general"]["detectable"].dropna()
    assert power_line(table, "general") == (
        f"Power: with 3 seeds and 200–600 problems, a test at 5 % finds a true difference of {known.min():.1f} to "
        f"{known.max():.1f} points in four of five such suites; smaller ones are missed more often, and Holm's "
        "correction asks for more."
    )


def test_what_no_difference_could_be_is_over_100_points(results: Results) -> None:
    table = comparison(results)
    table["detectable"] = [1.7 if known else math.nan for known in table["detectable"].notna()]
    assert "finds a true difference of over 100 points in" in power_line(table, "math")


def test_one_seed_has_no_power() -> None:
    table = comparison(two_arms([0] * 80 + [1] * 20, [0] * 60 + [1] * 40, seeds=1))
    assert power_line(table, "math") == (
        "Power: with one seed no difference is tested, so none could have been shown."
    )


def test_without_a_difference_there_is_no_power_line(results: Results) -> None:
    only_start = make_results(scores=[s for s in results.scores if s.point == START])
    assert power_line(comparison(only_start), "math") == ""


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
