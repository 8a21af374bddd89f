"""Arms taken apart, for one method and for several."""

from __future__ import annotations

import pytest
from synthetic_results import make_methods_results, make_results

from lorr_bench.report.study import Study
from lorr_bench.values import ArmParts, Results


def two_methods(**baselines: str) -> Results:
    arms = ("sft+reset", "sft+plain", "dpo+plain", "dpo+lorr")
    return make_results(arms=arms, baselines={arm: baselines[arm[:3]] for arm in arms})


def test_an_arm_is_a_method_and_a_plugin() -> None:
    assert ArmParts.of("native-dpo+lorr") == ArmParts(method="native-dpo", plugin="lorr")
    study = Study(make_results(arms=("native-dpo+lorr", "dpo+plain")))
    assert (study.method_of("native-dpo+lorr"), study.plugin_of("native-dpo+lorr")) == ("native-dpo", "lorr")
    assert study.arm("native-dpo", "lorr") == "native-dpo+lorr"
    assert study.arm("native-dpo", "plain") is None


def test_one_method_is_compared_with_its_first_arm(results: Results) -> None:
    assert Study(results).methods == ("dpo",)
    assert Study(results).plugins == ("plain", "lorr", "no_reset")
    assert Study(results).compared_arms == ("dpo+lorr", "dpo+no_reset")
    assert Study(results).baseline_name == "dpo+plain"


def test_plugins_of_baselines_come_first() -> None:
    results = two_methods(sft="sft+plain", dpo="dpo+plain")
    assert Study(results).methods == ("sft", "dpo")
    assert Study(results).plugins == ("plain", "reset", "lorr")
    assert Study(results).baseline_name == "its method's plain arm"


def test_different_first_plugins_have_no_common_name() -> None:
    assert Study(two_methods(sft="sft+reset", dpo="dpo+plain")).baseline_name == "its method's baseline"


def test_an_unknown_arm_is_no_baseline(results: Results) -> None:
    assert not Study(results).is_baseline("start")


@pytest.mark.slow
def test_only_one_method_of_the_many_has_another_plugin() -> None:
    results = make_methods_results()
    assert len(Study(results).methods) == 26
    assert Study(results).plugins == ("plain", "lorr", "replay_reset")
    assert [arm for arm in results.arms if Study(results).plugin_of(arm) == "replay_reset"] == [
        "sft+replay_reset"
    ]
