"""The first screen: the verdict on what was declared, also where it is negative, uncertain or missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from computed import contrasts_of
from synthetic_results import make_methods_results, make_results, score, several_methods, spend, two_arms

from lorr_bench.report.contents import frames_of
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.sentences.first_screen import FirstScreen, first_screen
from lorr_bench.report.study import Study
from lorr_bench.values import START, Analysis, Contrast, Point, Results

pytestmark = pytest.mark.slow

GAIN, RESET = Contrast("dpo+lorr", "dpo+plain"), Contrast("dpo+lorr", "dpo+no_reset")
FEW, MANY = [0] * 80 + [1] * 20, [0] * 60 + [1] * 40
PARTS = """
plugins:
  plain: {type: plain}
  lorr: {replays: 3, reset: {factor: 0.5}, sft: {cap: 0.5}, rollout_ratio: 0.0}
  no_reset: {replays: 3, reset: null, sft: {cap: 0.5}, rollout_ratio: 0.0}
"""


def screen_for(results: Results, analysis: Analysis | None = None) -> FirstScreen:
    results = results if analysis is None else replace(results, analysis=analysis)
    return first_screen(Study(results), frames_of(results))


def headline(results: Results, analysis: Analysis | None = None) -> str:
    return screen_for(results, analysis).headline


def answer(question: str, screen: FirstScreen) -> tuple[str, ...]:
    return {found.question: found.lines for found in screen.answers}.get(question, ())


def arms_at(answers: Mapping[tuple[str, int], list[int]], seeds: int = 2) -> Results:
    scores = [
        score(Point(arm, budget, seed), "nano_easy", "math", "greedy", row)
        for (arm, budget), row in answers.items()
        for seed in range(seeds)
    ]
    arms = tuple(dict.fromkeys(arm for arm, _ in answers))
    return make_results(
        arms=arms, baselines=dict.fromkeys(arms, "dpo+plain"), scores=scores, suite_text=PARTS
    )


def test_a_gain_says_who_won_from_where_to_where() -> None:
    # 20 of 100 differences are 1: variance 0.16 · 100/99, t(99) = 1.9842, half width 7.98 points.
    screen = screen_for(two_arms(FEW, MANY))
    assert screen.headline == (
        "dpo+lorr won on nano_easy greedy at 512 pairs: from 20.0 % (dpo+plain) to 40.0 %, +20.0 points "
        "[+12.0, +28.0], corrected p < 0.001: significant."
    )
    assert answer("Declared", screen) == ("Over 2 seeds × 100 problems.",)


def test_an_arm_that_nobody_declared_is_not_beaten_unseen() -> None:
    """40 of 100 won, 50 and 60 of 100 have no primary contrast."""
    answers = {("dpo+plain", 512): FEW, ("dpo+lorr", 512): MANY}
    beside = {("dpo+no_reset", 512): [0] * 40 + [1] * 60, ("sft+plain", 512): [0, 1] * 50}
    declared = Analysis("nano_easy", "greedy", (GAIN,))
    first = headline(arms_at({**answers, **beside}), declared)
    assert first.startswith(
        "dpo+lorr scored highest of what was declared on nano_easy greedy at 512 pairs: from"
    )
    assert first.endswith(" Above it, in no primary contrast: dpo+no_reset at 60.0 %, and 1 more.")
    one = headline(arms_at({**answers, ("sft+plain", 512): [0, 1] * 50}), declared)
    assert one.endswith(" Above it, in no primary contrast: sft+plain at 50.0 %.")
    lower = headline(arms_at({**answers, ("sft+plain", 512): FEW}), declared)
    assert lower.startswith("dpo+lorr won on")
    assert "Above it" not in lower


def test_a_loss_names_the_baseline_first() -> None:
    assert headline(two_arms(MANY, FEW)) == (
        "dpo+plain won on nano_easy greedy at 512 pairs: from 20.0 % (dpo+lorr) to 40.0 %, dpo+lorr "
        f"{MINUS} dpo+plain {MINUS}20.0 points [{MINUS}28.0, {MINUS}12.0], corrected p < 0.001: significant."
    )


def test_a_tie_has_no_winner() -> None:
    line = headline(two_arms([0, 1] * 50, [1, 0] * 50))
    assert line.startswith("Not shown: dpo+lorr and dpo+plain are level at 50.0 % on nano_easy greedy at 512")
    assert "won" not in line


def test_what_was_not_shown_says_how_large_it_would_have_been() -> None:
    """That nothing was found is not told as if there were nothing."""
    results = two_arms([0, 1] * 50, [1, 0] * 50)
    detectable = 100 * contrasts_of(results).loc[0, "detectable"]
    line = headline(results)
    assert line.endswith(f" One of {detectable:.1f} points would be found in four of five such suites.")
    assert "would be found" not in headline(two_arms(FEW, MANY))


def test_one_seed_is_not_tested_and_says_what_its_interval_leaves_out() -> None:
    assert headline(two_arms(FEW, MANY, seeds=1)) == (
        "Not tested: dpo+lorr scored highest on nano_easy greedy at 512 pairs: from 20.0 % (dpo+plain) to "
        "40.0 %, +20.0 points [+12.0, +28.0] over problems only."
    )


def test_the_budget_and_the_measure_are_those_declared(results: Results) -> None:
    line = headline(results, Analysis("nano_hard", "greedy", (RESET,), budgets=(128, 384, 1024)))
    assert "on nano_hard greedy at 1,024 pairs: from " in line
    assert "(dpo+no_reset) to " in line


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


def test_controls_are_told_by_what_they_lack() -> None:
    answers = {("dpo+plain", 8): FEW, ("dpo+lorr", 8): MANY, ("dpo+no_reset", 8): MANY}
    screen = screen_for(arms_at(answers), Analysis("nano_easy", "greedy", (GAIN, RESET), budgets=(8,)))
    assert screen.headline.startswith(
        "dpo+lorr won on nano_easy greedy at 8 pairs: from 20.0 % (dpo+plain) to"
    )
    declared, secondary = answer("Controls", screen)
    assert declared.startswith(f"The reset added nothing here: lorr {MINUS} no_reset 0.0 [")
    assert declared.endswith("not shown.")
    assert secondary == (
        f"The replays and the SFT term added points here: no_reset {MINUS} plain +20.0 [+12.0, +28.0], "
        "corrected p < 0.001, significant (secondary)."
    )
    assert answer("Declared", screen) == ("Over 2 seeds × 100 problems.",)


@pytest.mark.parametrize(
    ("lorr", "told"),
    [(MANY, "The reset added points here: "), (FEW, "The reset cost points here: ")],
)
def test_a_control_that_was_found_says_in_which_direction(lorr: list[int], told: str) -> None:
    other = FEW if lorr == MANY else MANY
    answers = {("dpo+plain", 8): FEW, ("dpo+lorr", 8): lorr, ("dpo+no_reset", 8): other}
    screen = screen_for(arms_at(answers), Analysis("nano_easy", "greedy", (GAIN, RESET), budgets=(8,)))
    assert answer("Controls", screen)[0].startswith(told)


@pytest.mark.parametrize(("other", "told"), [(FEW, "+20.0 [+12.0, +28.0]"), (MANY, "0.0 [")])
def test_a_control_that_was_not_tested_claims_nothing(other: list[int], told: str) -> None:
    answers = {("dpo+plain", 8): FEW, ("dpo+lorr", 8): MANY, ("dpo+no_reset", 8): other}
    screen = screen_for(
        arms_at(answers, seeds=1), Analysis("nano_easy", "greedy", (GAIN, RESET), budgets=(8,))
    )
    line = answer("Controls", screen)[0]
    assert line.startswith(f"What the reset added: lorr {MINUS} no_reset {told}")
    assert line.endswith("], not tested.")


def test_smaller_budgets_are_told_in_sequence_up_to_the_first_that_was_not_shown() -> None:
    answers = {
        (arm, budget): row
        for budget, gained in ((8, True), (16, False), (32, True))
        for arm, row in (("dpo+plain", FEW), ("dpo+lorr", MANY if gained else FEW))
    }
    screen = screen_for(arms_at(answers), Analysis("nano_easy", "greedy", (GAIN,), budgets=(8, 16, 32)))
    assert "at 32 pairs" in screen.headline
    _, found, rest = answer("Declared", screen)
    assert found.startswith(f"At 16 pairs: dpo+lorr {MINUS} dpo+plain 0.0 [")
    assert found.endswith("], not shown.")
    assert rest == "Smaller budgets were not tested: not every primary contrast was found at 16 pairs."


def test_a_changed_analysis_is_said(results: Results) -> None:
    analysis = Analysis("nano_easy", "greedy", (GAIN,), changes=("Changed on Monday.",))
    assert answer("Changed", screen_for(results, analysis)) == ("Changed on Monday.",)
    only_start = make_results(scores=[s for s in results.scores if s.point == START])
    assert answer("Changed", screen_for(only_start, analysis)) == ("Changed on Monday.",)


def test_nothing_to_compare_with(results: Results) -> None:
    only_start = make_results(scores=[s for s in results.scores if s.point == START])
    first = headline(only_start)
    assert first.startswith("The start model scored 46.3 % on nano_easy greedy")
    assert f"no results yet to compare dpo+lorr {MINUS} dpo+plain and dpo+no_reset {MINUS} dpo+plain" in first
    no_baseline = make_results(scores=[s for s in results.scores if s.point.arm == "dpo+lorr"])
    assert headline(no_baseline).startswith("At 1,024 pairs, dpo+lorr scored")
    assert screen_for(make_results(scores=[])) == FirstScreen("No model has been evaluated yet.")
    assert headline(only_start, Analysis("nano_new", "greedy", (GAIN,))) == (
        "No model has been evaluated on nano_new greedy yet."
    )


def test_of_many_methods_the_best_comes_first_and_luck_is_named() -> None:
    screen = screen_for(several_methods(seeds=2))
    assert screen.headline.startswith(
        "a+lorr won on nano_easy greedy at 64 pairs: from 0.0 % (a+plain) to 20.0 %"
    )
    assert screen.headline.endswith("Highest of 14 arms: luck is among what put it first.")
    assert answer("Declared", screen) == (
        "At 64 pairs, lorr scored above its method's plain arm with 4 of 7 methods, below with 2, the same with "
        f"1, on nano_easy greedy (2 seeds × 100 problems): +1.0 points at the median, from {MINUS}5.0 (d) to "
        "+20.0 (a).",
        # Paired t(99): a 4.97, b 3.32 and d -2.28 pass 1.98; e and f 1.00. Holm: p(b) = 0.0013 · 6 passes,
        # p(d) = 0.025 · 5 does not.
        "lorr: the 95 % interval leaves out zero for 2 of those above and 1 of those below; Holm's correction "
        "over the 7 primary contrasts leaves 2 and 0 significant.",
    )


def test_many_methods_with_one_seed_are_not_tested() -> None:
    _, certainty = answer("Declared", screen_for(several_methods(seeds=1)))
    assert (
        "interval over problems only leaves out zero for 2 of those above and 1 of those below" in certainty
    )
    assert certainty.endswith("; with one seed none is tested.")


def test_a_plugin_of_one_method_alone_keeps_its_sentence() -> None:
    lines = answer("Declared", screen_for(make_methods_results()))
    assert len(lines) == 3
    assert lines[2].startswith(f"sft+replay_reset {MINUS} sft+plain: from ")


def test_weights_that_did_not_move_come_before_any_comparison() -> None:
    still = [{"distance/mlp": 0.0, "distance/norm": 0.0}]
    screen = screen_for(replace(two_arms(FEW, MANY), diagnostics={Point("dpo+lorr", 512, 0): still}))
    assert screen.headline == "Nothing was learned: no weight of any arm moved away from the start model."
    assert answer("Declared", screen)[0].startswith("dpo+lorr won on ")
    moved = [*still, {"distance/mlp": 0.01, "distance/norm": 0.0}]
    screen = screen_for(replace(two_arms(FEW, MANY), diagnostics={Point("dpo+lorr", 512, 0): moved}))
    assert screen.headline.startswith("dpo+lorr won on ")


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (FEW, "Nothing was learned: every arm scores 20.0 %, as the start model does."),
        (
            [0] * 79 + [1] * 21,
            "That anything was learned is not shown: the start model's 21.0 % lies in the 95 % interval of every arm.",
        ),
    ],
)
def test_scores_that_did_not_move(start: list[int], told: str) -> None:
    results = two_arms(FEW, FEW)
    at_start = score(START, "nano_easy", "math", "greedy", start)
    assert headline(replace(results, diagnostics={}, scores=[*results.scores, at_start])) == told


# --- equivalence and budgets -------------------------------------------------------------------------------

LEVEL = [0] * 500 + [1] * 500
A_LITTLE_MORE = [0] * 490 + [1] * 510


def with_margin(margin: float, baseline: list[int], treatment: list[int]) -> FirstScreen:
    analysis = Analysis("nano_easy", "greedy", (GAIN,), budgets=(512,), equivalence_margin=margin)
    return screen_for(two_arms(baseline, treatment, seeds=3), analysis)


def test_arms_that_are_alike_are_called_equivalent_within_the_margin() -> None:
    moved = [1, 0, 0, 1] * 3 + LEVEL[
        12:
    ]  # 6 problems more are right than of the first 12 none were, 6 fewer later
    moved = moved[:-6] + [0] * 6
    line = with_margin(0.05, LEVEL, moved).headline
    assert line.startswith("Equivalent within ±5.0 points: dpo+lorr and dpo+plain are level at 50.0 %")
    assert "; of equivalence, corrected p < 0.001." in line
    assert "would be found" not in line


def test_a_difference_may_be_significant_and_within_the_margin() -> None:
    line = with_margin(0.05, LEVEL, A_LITTLE_MORE).headline
    assert line.startswith("dpo+lorr won on nano_easy greedy at 512 pairs: from 50.0 % (dpo+plain) to 51.0 %")
    assert line.endswith(": significant, but within ±5.0 points (corrected p < 0.001).")


def test_a_difference_beyond_the_margin_is_told_as_ever() -> None:
    analysis = Analysis("nano_easy", "greedy", (GAIN,), budgets=(512,))
    assert with_margin(0.01, FEW, MANY).headline == headline(two_arms(FEW, MANY, seeds=3), analysis)


def test_a_control_within_the_margin_says_how_little_it_changed() -> None:
    answers = {("dpo+plain", 8): LEVEL, ("dpo+lorr", 8): A_LITTLE_MORE, ("dpo+no_reset", 8): A_LITTLE_MORE}
    analysis = Analysis("nano_easy", "greedy", (GAIN, RESET), budgets=(8,), equivalence_margin=0.02)
    (told, *_) = answer("Controls", screen_for(arms_at(answers, seeds=3), analysis))
    assert told.startswith("The reset changed less than 2.0 points here: lorr")
    assert "equivalent within ±2.0 points (corrected p" in told


def test_smaller_budgets_go_on_where_all_was_equivalent_above() -> None:
    answers = {(arm, budget): LEVEL for arm in ("dpo+plain", "dpo+lorr") for budget in (8, 16)}
    analysis = Analysis("nano_easy", "greedy", (GAIN,), budgets=(8, 16), equivalence_margin=0.02)
    told = answer("Declared", screen_for(arms_at(answers, seeds=3), analysis))
    assert told[-1].startswith("At 8 pairs: dpo+lorr")
    assert told[-1].endswith(", equivalent within ±2.0 points.")


def test_arms_at_budgets_of_their_own_are_named_with_them() -> None:
    answers = {("dpo+plain", 16): FEW, ("dpo+plain", 8): FEW, ("dpo+lorr", 8): MANY}
    analysis = Analysis("nano_easy", "greedy", (replace(GAIN, treatment_pairs=8, reference_pairs=16),))
    results = replace(
        arms_at(answers),
        spends={
            Point("dpo+lorr", 8, 0): spend(Point("dpo+lorr", 8, 0)),
            Point("dpo+plain", 16, 0): spend(Point("dpo+plain", 96, 0)),
        },
    )
    screen = screen_for(results, analysis)
    assert screen.headline.startswith(
        "dpo+lorr@8 won on nano_easy greedy: from 20.0 % (dpo+plain@16) to 40.0 %, +20.0 points"
    )
    # 8 pairs three times are 24 visits, the other 96 once.
    assert answer("Cost", screen)[0].startswith("dpo+lorr@8 took 0.00× the updates (0 against 3), 0.25× the")


def test_many_contrasts_between_budgets_are_told_together() -> None:
    results = several_methods(seeds=3)
    wide = [replace(line, point=replace(line.point, unique_pairs=128)) for line in results.scores]
    contrasts = tuple(Contrast(f"{name}+lorr", f"{name}+plain", 64, 128) for name in "abcdefg")
    screen = screen_for(
        replace(results, scores=[*results.scores, *wide]),
        Analysis("nano_easy", "greedy", contrasts, equivalence_margin=0.02),
    )
    first, second = answer("Declared", screen)
    assert first.startswith("Between budgets, lorr@64 scored above its method's plain@128 arm with ")
    assert " significant, and shows " in second
    assert second.endswith(" to be equivalent within ±2.0 points.")
