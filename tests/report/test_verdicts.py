"""The verdict on what was declared, also where it is negative, uncertain, missing or was changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from computed import comparison_of, contrasts_of
from synthetic_results import make_methods_results, make_results, score, several_methods, two_arms

from lorr_bench.report.formatting import MINUS
from lorr_bench.report.sentences.verdicts import headlines
from lorr_bench.report.study import Study
from lorr_bench.values import START, Analysis, Contrast, Point, Results

pytestmark = pytest.mark.slow

GAIN, RESET = Contrast("dpo+lorr", "dpo+plain"), Contrast("dpo+lorr", "dpo+no_reset")
FEW, MANY = [0] * 80 + [1] * 20, [0] * 60 + [1] * 40


def lines_for(results: Results, analysis: Analysis | None = None) -> tuple[str, ...]:
    results = results if analysis is None else replace(results, analysis=analysis)
    contrasts = contrasts_of(results)
    return headlines(Study(results), contrasts, comparison_of(results).frame)


def arms_at(answers: Mapping[tuple[str, int], list[int]], seeds: int = 2) -> Results:
    scores = [
        score(Point(arm, budget, seed), "nano_easy", "math", "greedy", row)
        for (arm, budget), row in answers.items()
        for seed in range(seeds)
    ]
    arms = tuple(dict.fromkeys(arm for arm, _ in answers))
    return make_results(arms=arms, baselines=dict.fromkeys(arms, "dpo+plain"), scores=scores)


def test_a_gain() -> None:
    # 20 of 100 differences are 1: variance 0.16 · 100/99, t(99) = 1.9842, half width 7.98 points.
    assert lines_for(two_arms(FEW, MANY)) == (
        "Significant: at 512 pairs, dpo+lorr scored 40.0 %, 20.0 points above dpo+plain, on nano_easy greedy "
        "(95 % interval 12.0 to 28.0; corrected p < 0.001; 2 seeds × 100 problems).",
    )


def test_a_loss_and_a_tie_are_said_as_plainly() -> None:
    loss = lines_for(two_arms(MANY, FEW))[0]
    assert loss.startswith("Significant: ")
    assert "scored 20.0 %, 20.0 points below dpo+plain" in loss
    assert f"95 % interval {MINUS}28.0 to {MINUS}12.0;" in loss
    tie = lines_for(two_arms([0, 1] * 50, [1, 0] * 50))[0]
    assert tie.startswith("Not shown: ")
    assert "scored 50.0 %, the same as dpo+plain" in tie


def test_what_was_not_shown_says_how_large_it_would_have_been() -> None:
    """That nothing was found is not told as if there were nothing."""
    results = two_arms([0, 1] * 50, [1, 0] * 50)
    detectable = 100 * contrasts_of(results).loc[0, "detectable"]
    line = lines_for(results)[0]
    assert line.endswith(f" One of {detectable:.1f} points would be found in four of five such suites.")
    assert "would be found" not in lines_for(two_arms(FEW, MANY))[0]


def test_one_seed_is_not_tested_and_says_what_its_interval_leaves_out() -> None:
    line = lines_for(two_arms(FEW, MANY, seeds=1))[0]
    assert line.startswith("Not tested: at 512 pairs")
    assert "95 % interval over problems only 12.0 to 28.0; 1 seed × 100 problems" in line


def test_the_budget_and_the_measure_are_those_declared(results: Results) -> None:
    lines = lines_for(results, Analysis("nano_hard", "greedy", (RESET,), budgets=(128, 384, 1024)))
    assert "at 1,024 pairs, dpo+lorr scored " in lines[0]
    assert "dpo+no_reset, on nano_hard greedy" in lines[0]


def test_greedy_comes_before_other_metrics(results: Results) -> None:
    reordered = make_results(scores=sorted(results.scores, key=lambda line: line.metric != "avg@4"))
    measure = Study(reordered).primary_measure
    assert measure is not None
    assert measure.metric == "greedy"


def test_a_declared_metric_comes_before_greedy(results: Results) -> None:
    for metric, found in (("avg@4", "avg@4"), ("", "greedy")):
        measure = Study(replace(results, analysis=Analysis("nano_easy", metric, (GAIN,)))).primary_measure
        assert measure is not None
        assert (measure.benchmark, measure.metric) == ("nano_easy", found)


def test_controls_are_secondary_and_follow_the_verdict() -> None:
    answers = {("dpo+plain", 8): FEW, ("dpo+lorr", 8): MANY, ("dpo+no_reset", 8): MANY}
    lines = lines_for(arms_at(answers), Analysis("nano_easy", "greedy", (GAIN, RESET), budgets=(8,)))
    assert lines[0].startswith("Significant: at 8 pairs, dpo+lorr scored 40.0 %, 20.0 points above dpo+plain")
    assert lines[1].startswith("Not shown: at 8 pairs, dpo+lorr scored 40.0 %, the same as dpo+no_reset")
    assert lines[2] == (
        f"Secondary, on the same measure and budget: dpo+no_reset {MINUS} dpo+plain +20.0 [+12.0, +28.0], "
        "significant in its family."
    )
    assert len(lines) == 3


def test_smaller_budgets_are_told_in_sequence_up_to_the_first_that_was_not_shown() -> None:
    answers = {
        (arm, budget): row
        for budget, gained in ((8, True), (16, False), (32, True))
        for arm, row in (("dpo+plain", FEW), ("dpo+lorr", MANY if gained else FEW))
    }
    lines = lines_for(arms_at(answers), Analysis("nano_easy", "greedy", (GAIN,), budgets=(8, 16, 32)))
    assert lines[0].startswith("Significant: at 32 pairs")
    assert lines[1].startswith(f"At 16 pairs: dpo+lorr {MINUS} dpo+plain 0.0 [")
    assert lines[1].endswith("], not shown.")
    assert lines[2] == ("Smaller budgets were not tested: not every primary contrast was found at 16 pairs.")
    assert len(lines) == 3


def test_a_changed_analysis_is_said(results: Results) -> None:
    analysis = Analysis("nano_easy", "greedy", (GAIN,), changes=("Changed on Monday.",))
    assert lines_for(results, analysis)[-1] == "Changed on Monday."
    only_start = make_results(scores=[s for s in results.scores if s.point == START])
    assert lines_for(only_start, analysis)[-1] == "Changed on Monday."


def test_nothing_to_compare_with(results: Results) -> None:
    only_start = make_results(scores=[s for s in results.scores if s.point == START])
    first = lines_for(only_start)[0]
    assert first.startswith("The start model scored 46.3 % on nano_easy greedy")
    assert f"no results yet to compare dpo+lorr {MINUS} dpo+plain and dpo+no_reset {MINUS} dpo+plain" in first
    no_baseline = make_results(scores=[s for s in results.scores if s.point.arm == "dpo+lorr"])
    assert lines_for(no_baseline)[0].startswith("At 1,024 pairs, dpo+lorr scored")
    assert lines_for(make_results(scores=[])) == ("No model has been evaluated yet.",)
    assert lines_for(only_start, Analysis("nano_new", "greedy", (GAIN,))) == (
        "No model has been evaluated on nano_new greedy yet.",
    )


def test_many_methods_share_two_sentences() -> None:
    assert lines_for(several_methods(seeds=2)) == (
        "At 64 pairs, lorr scored above its method's plain arm with 4 of 7 methods, below with 2, the same with "
        f"1, on nano_easy greedy (2 seeds × 100 problems): +1.0 points at the median, from {MINUS}5.0 (d) to "
        "+20.0 (a).",
        # Paired t(99): a 4.97, b 3.32 and d -2.28 pass 1.98; e and f 1.00. Holm: p(b) = 0.0013 · 6 passes,
        # p(d) = 0.025 · 5 does not.
        "lorr: the 95 % interval leaves out zero for 2 of those above and 1 of those below; Holm's correction "
        "over the 7 primary contrasts leaves 2 and 0.",
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
    assert lines[2].startswith("Not tested: at 1,024 pairs, sft+replay_reset scored ")
    assert " sft+plain, on " in lines[2]
