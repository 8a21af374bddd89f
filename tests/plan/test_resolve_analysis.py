"""What a suite will test, as its plan has it."""

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.values import Analysis, Contrast, Sweep, SweepLine


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


def test_contrasts_between_budgets_leave_the_rest_as_it_is(plan_of):
    said = {"primary": ["lorr@8 - plain@16"], "equivalence_margin": 0.02}
    assert plan_of(analysis=said).analysis == Analysis(
        "easy",
        "greedy",
        (Contrast("dpo+lorr", "dpo+plain", 8, 16),),
        contrasts("dpo+lorr - dpo+plain", "dpo+no_reset - dpo+plain"),
        budgets=(),
        declared=True,
        equivalence_margin=0.02,
    )


# --- sweeps -----------------------------------------------------------------------------------------------


def lorr(**values):
    return {"type": "lorr", **values}


PLUGINS = {
    "plain": {},
    "lorr_3": lorr(replays=3),
    "lorr_10": lorr(replays=10),
    "lorr_1": lorr(replays=1),
    "lorr_3_off": lorr(replays=3, reset="off"),
    "lorr_10_off": lorr(replays=10, reset="off", unique_pairs=[16]),
    "alone": lorr(replays=4, sft="off"),
}


def test_plugins_that_differ_in_an_option_alone_form_a_line(plan_of):
    assert plan_of(plugins=PLUGINS, analysis={"sweep": "replays"}).analysis.sweep == Sweep(
        "replays",
        (
            SweepLine("dpo+lorr_*", ("dpo+lorr_1", "dpo+lorr_3", "dpo+lorr_10"), (1.0, 3.0, 10.0)),
            SweepLine("dpo+lorr_*_off", ("dpo+lorr_3_off", "dpo+lorr_10_off"), (3.0, 10.0)),
        ),
    )


def test_methods_that_differ_in_a_hyper_parameter_alone_form_a_line_with_each_plugin(plan_of, values):
    dpo = values["methods"]["dpo"]
    methods = {
        "dpo": dpo,
        "dpo_high": {"like": "dpo", "learning_rate": 3e-4},
        "dpo_low": {"like": "dpo", "learning_rate": 3e-5},
        "dpo_other": {"like": "dpo", "learning_rate": 3e-3, "beta": 0.7},
    }
    methods = {name: {**method, "adapter": "dpo"} for name, method in methods.items()}
    sweep = plan_of(methods=methods, analysis={"sweep": "learning_rate"}).analysis.sweep
    assert [line.name for line in sweep.lines] == ["dpo*+plain", "dpo*+lorr", "dpo*+no_reset"]
    assert sweep.lines[1].arms == ("dpo_low+lorr", "dpo+lorr", "dpo_high+lorr")
    assert sweep.lines[1].values == (3e-5, 1e-4, 3e-4)


def test_a_path_leads_into_a_part_that_is_on(plan_of):
    plugins = {
        "plain": {},
        "half": lorr(reset={"factor": 0.5}),
        "most": lorr(reset={"factor": 0.9}),
        "off": lorr(reset="off"),
    }
    (line,) = plan_of(plugins=plugins, analysis={"sweep": "reset.factor"}).analysis.sweep.lines
    assert (line.name, line.arms, line.values) == ("dpo+*", ("dpo+half", "dpo+most"), (0.5, 0.9))


def test_an_override_of_an_arm_counts(plan_of, values):
    """One of the two arms has another learning rate, so they differ in more than their replays."""
    plugins = {"plain": {}, "a": lorr(replays=2), "b": lorr(replays=4), "c": lorr(replays=8)}
    overrides = {"dpo+b": {"learning_rate": 2e-4}}
    (line,) = plan_of(
        plugins=plugins, overrides=overrides, analysis={"sweep": "replays"}
    ).analysis.sweep.lines
    assert line.arms == ("dpo+a", "dpo+c")


def test_lines_of_one_pattern_are_told_apart_by_their_ends(plan_of):
    plugins = {
        "plain": {},
        "a1": lorr(replays=1),
        "b1": lorr(replays=2),
        "a2": lorr(replays=1, reset="off"),
        "b2": lorr(replays=2, reset="off"),
    }
    lines = plan_of(plugins=plugins, analysis={"sweep": "replays"}).analysis.sweep.lines
    assert [line.name for line in lines] == ["dpo+a1 to dpo+b1", "dpo+a2 to dpo+b2"]


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("replay", "no method and no plug-in has a number called replay; did you mean `replays`"),
        ("reset.tensors", "reset.tensors of dpo[+]lorr is 'downstream', which is no number"),
        ("reset", "which is no number"),
        ("replays", "no two arms differ in replays alone"),
    ],
)
def test_what_can_not_be_swept_is_refused(plan_of, setting, reason):
    with pytest.raises(SuiteError, match=reason) as caught:
        plan_of(analysis={"sweep": setting})
    assert caught.value.where == "analysis.sweep"


def test_the_same_arm_twice_is_no_line(plan_of):
    plugins = {"plain": {}, "lorr": {}, "again": lorr(), "more": lorr(replays=9)}
    with pytest.raises(
        SuiteError, match=r"dpo[+]lorr and dpo[+]again are the same arm twice, replays 3 in both"
    ):
        plan_of(plugins=plugins, analysis={"sweep": "replays"})


def test_a_setting_that_changes_with_the_budget_is_no_axis(plan_of):
    overrides = {"dpo+lorr@16": {"learning_rate": 2e-4}}
    with pytest.raises(SuiteError, match=r"dpo[+]lorr has another learning_rate at 16 pairs, by `overrides`"):
        plan_of(overrides=overrides, analysis={"sweep": "learning_rate"})
