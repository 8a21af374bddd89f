"""What a suite will test, as its plan has it."""

from lorr_bench.values import Analysis, Contrast


def contrasts(*texts):
    return tuple(Contrast(*text.split(" - ")) for text in texts)


def test_by_default_each_plugin_is_tested_against_its_baseline(plan_of, values):
    methods = {"dpo": values["methods"]["dpo"], "ipo": {"like": "dpo", "plugins": ["lorr", "no_reset"]}}
    assert plan_of(methods=methods).analysis == Analysis(
        "easy",
        "greedy",
        contrasts("dpo+lorr - dpo+plain", "dpo+no_reset - dpo+plain", "ipo+no_reset - ipo+lorr"),
        budgets=(8, 16),
        declared=False,
    )


def test_what_is_declared_is_primary_and_the_rest_against_baselines_is_secondary(plan_of):
    said = {"measure": "easy avg@2", "primary": ["lorr - no_reset"], "secondary": ["plain - no_reset"]}
    assert plan_of(analysis=said).analysis == Analysis(
        "easy",
        "avg@2",
        contrasts("dpo+lorr - dpo+no_reset"),
        # no_reset - plain is there the other way round
        contrasts("dpo+plain - dpo+no_reset", "dpo+lorr - dpo+plain"),
        budgets=(8, 16),
        declared=True,
    )


def test_a_measure_alone_leaves_the_contrasts(plan_of):
    analysis = plan_of(analysis={"measure": "general"}).analysis
    assert (analysis.benchmark, analysis.metric, analysis.declared) == ("general", "", True)
    assert analysis.primary == contrasts("dpo+lorr - dpo+plain", "dpo+no_reset - dpo+plain")


def test_one_plugin_leaves_nothing_to_test(plan_of):
    assert plan_of(plugins={"plain": {}}).analysis.primary == ()


def test_budgets_are_those_at_which_both_arms_of_a_contrast_are_trained(plan_of, values):
    values["plugins"]["no_reset"]["unique_pairs"] = [16]
    assert plan_of(analysis={"primary": ["lorr - no_reset"]}).analysis.budgets == (16,)
    assert plan_of(analysis={"primary": ["lorr - no_reset", "lorr - plain"]}).analysis.budgets == (8, 16)
    values["plugins"]["lorr"]["unique_pairs"] = [8]
    assert plan_of(analysis={"primary": ["lorr - no_reset"]}).analysis.budgets == ()
