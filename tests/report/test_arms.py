"""Arms taken apart, for one method and for several."""

from __future__ import annotations

from synthetic_results import make_methods_results, make_results

from lorr_bench.report.arms import (
    baseline_name,
    compared_arms,
    is_baseline,
    method_of,
    methods,
    plugin_of,
    plugins,
)
from lorr_bench.values import Results


def two_methods(**baselines: str) -> Results:
    arms = ("sft+reset", "sft+plain", "dpo+plain", "dpo+lorr")
    return make_results(arms=arms, baselines={arm: baselines[method_of(arm)] for arm in arms})


def test_an_arm_is_a_method_and_a_plugin() -> None:
    assert (method_of("native-dpo+lorr"), plugin_of("native-dpo+lorr")) == ("native-dpo", "lorr")


def test_one_method_is_compared_with_its_first_arm(results: Results) -> None:
    assert methods(results) == ("dpo",)
    assert plugins(results) == ("plain", "lorr", "no_reset")
    assert compared_arms(results) == ("dpo+lorr", "dpo+no_reset")
    assert baseline_name(results) == "dpo+plain"


def test_plugins_of_baselines_come_first() -> None:
    results = two_methods(sft="sft+plain", dpo="dpo+plain")
    assert methods(results) == ("sft", "dpo")
    assert plugins(results) == ("plain", "reset", "lorr")
    assert baseline_name(results) == "its method's plain arm"


def test_different_first_plugins_have_no_common_name() -> None:
    assert baseline_name(two_methods(sft="sft+reset", dpo="dpo+plain")) == "its method's baseline"


def test_an_unknown_arm_is_no_baseline(results: Results) -> None:
    assert not is_baseline(results, "start")


def test_only_one_method_of_the_many_has_another_plugin() -> None:
    results = make_methods_results()
    assert len(methods(results)) == 26
    assert plugins(results) == ("plain", "lorr", "replay_reset")
    assert [arm for arm in results.arms if plugin_of(arm) == "replay_reset"] == ["sft+replay_reset"]
