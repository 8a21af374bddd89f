"""What will be tested, in words."""

from types import SimpleNamespace

import pytest

from lorr_bench.run.planned_tests import (
    NO_BUDGET,
    NO_CONTRAST,
    ONE_SEED,
    contrasts_text,
    measure_text,
    what_is_tested,
)
from lorr_bench.spec.analysis import parse_contrast
from lorr_bench.values import Analysis


def arms(**plugins):
    """Arms by the plug-ins of each method."""
    return [
        SimpleNamespace(name=f"{method}+{plugin}", method=method, plugin=plugin)
        for method, named in plugins.items()
        for plugin in named.split()
    ]


def contrasts(*texts):
    return tuple(map(parse_contrast, texts))


def plan(primary, seeds=(0, 1, 2), budgets=(128, 384, 1024), equal="data", metric="greedy", **said):
    budget = SimpleNamespace(unique_pairs=budgets, equal=equal)
    analysis = Analysis("nano_easy", metric, contrasts(*primary), budgets=budgets, **said)
    suite = SimpleNamespace(seeds=seeds, budget=budget)
    return SimpleNamespace(suite=suite, analysis=analysis, arms=ARMS)


ARMS = arms(dpo="plain lorr no_reset", kto="lorr")
TWO = ("dpo+lorr - dpo+plain", "dpo+lorr - dpo+no_reset")


def test_contrasts_measure_budgets_and_seeds_are_named():
    assert list(what_is_tested(plan(TWO))) == [
        "Will be tested (Holm's correction over 2, 3 seeds): nano_easy greedy at 1,024 pairs: "
        "dpo+lorr - dpo+plain; dpo+lorr - dpo+no_reset. Below that in fixed sequence: 384, 128. "
        "Everything else is secondary."
    ]


def test_one_contrast_at_one_budget_needs_no_correction_and_no_sequence():
    assert list(what_is_tested(plan(TWO[:1], budgets=(32,)))) == [
        "Will be tested (3 seeds): nano_easy greedy at 32 pairs: dpo+lorr - dpo+plain. "
        "Everything else is secondary."
    ]


def test_with_one_seed_nothing_can_be_tested():
    first, second = what_is_tested(plan(TWO, seeds=(7,)))
    assert first == ONE_SEED == "One seed: nothing can be tested."
    assert second.startswith("With more it would be: nano_easy greedy at 1,024 pairs: dpo+lorr - dpo+plain;")


def test_arms_that_are_never_trained_alike_are_not_tested():
    assert list(what_is_tested(plan(TWO, budgets=()))) == [NO_BUDGET]


def test_without_a_contrast_nothing_is_tested():
    assert list(what_is_tested(plan(()))) == [NO_CONTRAST]


@pytest.mark.parametrize(("equal", "lines"), [("data", 1), ("prompts", 1), ("updates", 2), ("visits", 2)])
def test_arms_of_two_methods_under_a_budget_of_each_method_are_told(equal, lines):
    told = list(what_is_tested(plan(("dpo+lorr - dpo+plain", "dpo+lorr - kto+lorr"), equal=equal)))
    assert len(told) == lines
    expected = f"`budget.equal: {equal}` holds nothing equal across methods: dpo+lorr - kto+lorr."
    assert (told[-1] == expected) is (lines == 2)


def test_arms_of_one_method_are_no_matter_of_that():
    assert len(list(what_is_tested(plan(TWO, equal="updates")))) == 1


def test_many_contrasts_are_counted_by_plugins():
    methods = [f"m{n}" for n in range(11)]
    many = [f"{m}+lorr - {m}+plain" for m in methods] + ["m1+half - m1+plain", "m0+lorr - m1+lorr"]
    suite = arms(**dict.fromkeys(methods, "plain lorr half"))
    assert contrasts_text(contrasts(*many), suite) == (
        "lorr - plain in 11 methods; half - plain in 1 method; m0+lorr - m1+lorr"
    )


def test_too_many_are_cut_short_and_counted():
    many = [f"m{n}+lorr - m0+plain" for n in range(1, 10)]
    suite = arms(m0="plain", **{f"m{n}": "lorr" for n in range(1, 10)})
    assert contrasts_text(contrasts(*many), suite).endswith("; m6+lorr - m0+plain; and 3 more")


def test_an_arm_that_the_suite_no_longer_has_is_named_in_full():
    many = [f"m{n}+lorr - m{n}+plain" for n in range(7)]
    suite = arms(**{f"m{n}": "plain lorr" for n in range(6)})
    assert contrasts_text(contrasts(*many), suite) == "lorr - plain in 6 methods; m6+lorr - m6+plain"


def test_six_contrasts_are_all_named():
    six = [f"m{n}+lorr - m{n}+plain" for n in range(6)]
    assert contrasts_text(contrasts(*six), arms(**{f"m{n}": "plain lorr" for n in range(6)})) == "; ".join(
        six
    )


def test_a_metric_that_only_lm_eval_knows():
    assert measure_text(Analysis("nano_order", "", ())) == "nano_order (its first metric)"


def test_contrasts_between_budgets_stand_with_theirs():
    between = "dpo+lorr@384 - dpo+plain@1024"
    assert list(what_is_tested(plan((TWO[0], between)))) == [
        "Will be tested (Holm's correction over 2, 3 seeds): nano_easy greedy at 1,024 pairs: "
        f"dpo+lorr - dpo+plain; at budgets of their own: {between}. Below that in fixed sequence: 384, 128. "
        "Everything else is secondary."
    ]
    assert list(what_is_tested(plan((between,), budgets=()))) == [
        f"Will be tested (3 seeds): nano_easy greedy at budgets of their own: {between}. "
        "Everything else is secondary."
    ]


def test_a_contrast_without_a_common_budget_is_not_lost_beside_others():
    told = list(what_is_tested(plan((TWO[0], "dpo+lorr@384 - dpo+plain@1024"), budgets=())))
    assert told[1] == "Not tested, as both arms are trained at no budget alike: dpo+lorr - dpo+plain."


def test_a_margin_of_equivalence_is_told():
    (told,) = what_is_tested(plan(TWO, budgets=(32,), equivalence_margin=0.025))
    assert told.endswith(
        "dpo+no_reset. Each for a difference, and for equivalence within ±2.5 points. "
        "Everything else is secondary."
    )
