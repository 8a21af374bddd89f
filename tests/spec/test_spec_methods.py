"""Methods of a suite: rounds, plug-ins of their own, settings taken from another; and the options of LoRR."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.plan.arms import make_arms
from lorr_bench.spec.load import load_suite, resolved_yaml
from lorr_bench.spec.methods import (
    RESET_PRESETS,
    AdaptiveSpec,
    IterativeSpec,
    LorrPlugin,
    PrimingSpec,
    ResetSpec,
)
from lorr_bench.spec.models import TrainingSpec

Write = Callable[..., Path]
THREE = "plain:\n  other: {type: lorr, replays: 1}\n"


def faults(path: Path, *overrides: str) -> str:
    with pytest.raises(SuiteError) as caught:
        load_suite(path, overrides)
    return str(caught.value)


# --- rounds ---------------------------------------------------------------------------------------------


def test_rounds_have_defaults(write_suite: Write) -> None:
    suite = load_suite(write_suite("beta: 0.1", "iterative: {rounds: 3}\n    beta: 0.1")).suite
    assert suite.methods["dpo"].iterative == IterativeSpec(
        rounds=3, temperature=None, reference="round", prompts="split"
    )
    assert suite.methods["dpo"].hyperparameters == {"beta": 0.1, "learning_rate": 0.0001}
    assert suite.methods["simpo"].iterative is None


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("{rounds: 1}", "greater than 1"),
        ("{rounds: 101}", "less than or equal to 100"),
        ("{}", "`methods.dpo.iterative.rounds` is missing"),
        ("{rounds: 3, temperature: [1, 1]}", "temperature has 2 entries for 3 rounds"),
        ("{rounds: 2, temperature: [1, 0]}", "greater than 0"),
        ("{rounds: 2, reference: first}", "`methods.dpo.iterative.reference` can't be 'first'"),
        ("{rounds: 2, prompt: reuse}", "unknown key `methods.dpo.iterative.prompt`; did you mean `prompts`?"),
    ],
)
def test_faulty_rounds_have_line_and_reason(write_suite: Write, given: str, what: str) -> None:
    path = write_suite("beta: 0.1", f"iterative: {given}")
    text = faults(path).replace("\n  ", "; ")
    assert text.startswith(f"{path}:13: ")
    assert what in text


# --- priming --------------------------------------------------------------------------------------------


def test_a_priming_is_no_hyperparameter(write_suite: Write) -> None:
    given = "priming: {unique_pairs: 64, replays: 20, settings: {beta: 0.5}}\n    beta: 0.1"
    dpo = load_suite(write_suite("beta: 0.1", given)).suite.methods["dpo"]
    assert dpo.priming == PrimingSpec(unique_pairs=64, replays=20, settings={"beta": 0.5})
    assert dpo.hyperparameters == {"beta": 0.1, "learning_rate": 0.0001}


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("{replays: 20}", "`methods.dpo.priming.unique_pairs` is missing"),
        ("{unique_pairs: 0, replays: 20}", "greater than 0"),
        ("{unique_pairs: 8, replays: 1001}", "less than or equal to 1000"),
        (
            "{unique_pairs: 8, replays: 3, setting: {}}",
            "unknown key `methods.dpo.priming.setting`; did you mean `settings`?",
        ),
    ],
)
def test_a_faulty_priming_has_line_and_reason(write_suite: Write, given: str, what: str) -> None:
    path = write_suite("beta: 0.1", f"priming: {given}")
    text = faults(path).replace("\n  ", "; ")
    assert text.startswith(f"{path}:13: ")
    assert what in text


def test_a_setting_of_a_priming_that_the_method_does_not_know(write_suite: Write) -> None:
    given = "priming: {unique_pairs: 8, replays: 2, settings: {learnin_rate: 1}}\n    beta: 0.1"
    with pytest.raises(SuiteError, match=r"`methods.dpo.priming.settings.learnin_rate`") as caught:
        make_arms(load_suite(write_suite("beta: 0.1", given)))
    assert "did you mean `learning_rate`?" in str(caught.value)


# --- plug-ins of a method -------------------------------------------------------------------------------


def test_a_method_is_combined_with_all_plugins_or_with_those_it_names(write_suite: Write) -> None:
    path = write_suite("plain:\n", THREE)
    suite = load_suite(path, ["methods.simpo={plugins: [lorr, plain]}"]).suite
    assert suite.plugins_of("dpo") == ["plain", "other", "lorr"]
    assert suite.plugins_of("simpo") == ["plain", "lorr"]  # in the order of the suite


def test_a_plugin_that_does_not_exist(write_suite: Write) -> None:
    path = write_suite("  simpo:", "  simpo: {plugins: [plain, lor]}")
    assert "method simpo names lor; did you mean `lorr`? plug-ins are plain, lorr" in faults(path)


def test_a_method_without_any_plugin(write_suite: Write) -> None:
    path = write_suite("  simpo:", "  simpo: {plugins: []}")
    assert "`methods.simpo.plugins`" in faults(path)


def test_an_override_of_a_combination_that_the_method_leaves_out(write_suite: Write) -> None:
    path = write_suite("  simpo:", "  simpo: {plugins: [plain]}")
    assert load_suite(path, ["overrides.simpo+plain.beta=1"])
    text = faults(path, "overrides.simpo+lorr.beta=1")
    assert (
        "no arm is called simpo+lorr; did you mean `dpo+lorr` or `simpo+plain`? arms are dpo+plain, dpo+lorr, simpo+plain"
        in text
    )


# --- settings of another method -------------------------------------------------------------------------


def test_a_method_takes_the_settings_of_an_earlier_one(write_suite: Write) -> None:
    path = write_suite(
        "beta: 0.1",
        "plugins: [plain]\n    adapter: ipo\n    backend: trl\n    iterative: {rounds: 2}\n"
        "    priming: {unique_pairs: 8, replays: 2}\n    beta: 0.1",
    )
    path.write_text(path.read_text("utf-8").replace("  simpo:", "  simpo: {like: dpo, beta: 2.0}"), "utf-8")
    simpo = load_suite(path).suite.methods["simpo"]
    assert simpo.hyperparameters == {"beta": 2.0, "learning_rate": 0.0001}
    assert (simpo.plugins, simpo.backend) == (("plain",), "trl")
    assert (simpo.adapter, simpo.iterative, simpo.priming) == (None, None, None)


def test_likeness_is_passed_on(write_suite: Write) -> None:
    path = write_suite("  simpo:", "  simpo: {like: dpo, beta: 2.0}\n  ipo: {like: simpo}")
    assert load_suite(path).suite.methods["ipo"].hyperparameters == {"beta": 2.0, "learning_rate": 0.0001}


@pytest.mark.parametrize("like", ["ipo", "simpo", "[dpo]", "3"])
def test_likeness_to_what_is_no_earlier_method(write_suite: Write, like: str) -> None:
    text = faults(write_suite("  simpo:", f"  simpo: {{like: {like}}}\n  ipo:"))
    assert "which is no earlier method" in text


def test_likeness_survives_the_resolved_suite(write_suite: Write, tmp_path: Path) -> None:
    suite = load_suite(write_suite("  simpo:", "  simpo: {like: dpo, plugins: [lorr]}")).suite
    again = tmp_path / "resolved.yaml"
    again.write_text(resolved_yaml(suite), "utf-8")
    assert load_suite(again).suite == suite


# --- LoRR -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rollout_ratio", "rho"])
def test_the_rollout_ratio_has_two_names(name: str) -> None:
    assert LorrPlugin.model_validate({name: 0.25}).rollout_ratio == 0.25


def test_defaults_of_lorr_are_the_published_ones_where_there_are_any() -> None:
    lorr = LorrPlugin()
    assert (lorr.replays, lorr.rollout_ratio) == (3, 0.0)
    assert lorr.reset == ResetSpec(
        factor=0.5, tensors="downstream", anchor="start", period="replay", optimizer_state="clear"
    )


@pytest.mark.parametrize(
    ("reset", "what"),
    [
        ("{anchor: first}", "`plugins.lorr.reset.anchor` can't be 'first'"),
        ("{period: 0}", "`plugins.lorr.reset.period`"),
        ("{period: step}", "`plugins.lorr.reset.period`"),
        ("{factor: 1.5}", "less than or equal to 1"),
    ],
)
def test_faulty_resets(write_suite: Write, reset: str, what: str) -> None:
    path = write_suite("reset: off", f"reset: {reset}")
    text = faults(path)
    assert f"{path}:18: " in text
    assert what in text


@pytest.mark.parametrize("period", ["replay", "round", 1, 500])
def test_periods(period: Any) -> None:
    assert ResetSpec(period=period).period == period


def test_tensors_are_a_preset_or_a_pattern() -> None:
    assert ResetSpec(tensors="attention").pattern == RESET_PRESETS["attention"]
    assert ResetSpec(tensors=r"layers\.3\.").pattern == r"layers\.3\."


# --- adaptive LoRR --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["on", "{}", "true", "{signal: held_out_logp_chosen}"])
def test_adaptive_lorr_that_is_on_has_defaults(write_suite: Write, form: str) -> None:
    lorr = load_suite(write_suite("reset: off", f"adaptive: {form}")).suite.plugins["lorr"]
    assert lorr.adaptive == AdaptiveSpec(  # type: ignore[union-attr]
        signal="held_out_logp_chosen", held_out_pairs=64, reset="below_last", scale=None, patience=None
    )


def test_adaptive_lorr_is_off_by_default(write_suite: Write) -> None:
    assert LorrPlugin().adaptive is None
    lorr = load_suite(write_suite("reset: off", "adaptive: off")).suite.plugins["lorr"]
    assert lorr.adaptive is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("adaptive: {signal: loss}", "`plugins.lorr.adaptive.signal` can't be 'loss'"),
        ("adaptive: {held_out_pairs: 0}", "greater than or equal to 1"),
        ("adaptive: {scale: 0}", "greater than 0"),
        ("adaptive: {patience: 0}", "greater than or equal to 1"),
        ("adaptive: {reset: always}", "nothing is decided: say when to reset, or a patience"),
        ("adaptive: {reset: always, scale: 2, patience: 1}", "`reset: always` knows no fall"),
        (
            "adaptive: {signal: held_out_accuracy, reset: below_start}",
            "held_out_accuracy is 0 at the start and never below",
        ),
        ("replays: 1, adaptive: on", "adaptive decides between replays: raise replays"),
        ("rollout_ratio: 0.5, adaptive: on", "rollouts are planned before it decides"),
        ("reset: off, adaptive: on", "there is no reset to decide on; set it to always"),
        ("reset: {period: 5}, adaptive: on", "set reset.period: replay"),
        ("reset: {period: round}, adaptive: on", "set reset.period: replay"),
    ],
)
def test_faulty_adaptive_lorr(write_suite: Write, given: str, what: str) -> None:
    path = write_suite("reset: off", given)
    text = faults(path)
    assert f"{path}:18: " in text
    assert what in text


@pytest.mark.parametrize(
    "given",
    [
        "{signal: held_out_accuracy}",
        "{reset: always, patience: 2}",
        "{reset: below_last, scale: 0.5, patience: 1}",
    ],
)
def test_adaptive_lorr_that_can_be(write_suite: Write, given: str) -> None:
    assert load_suite(write_suite("reset: off", f"adaptive: {given}"))


# --- training -------------------------------------------------------------------------------------------


def test_training_has_defaults(write_suite: Write) -> None:
    assert load_suite(write_suite()).suite.training == TrainingSpec(
        num_processes=1, sharding="ddp", save_steps=0, diagnostics=True
    )


@pytest.mark.parametrize("value", ["tensor_parallel_size: 0", "data_parallel_size: 0"])
def test_an_engine_has_a_gpu_at_least(write_suite: Write, value: str) -> None:
    path = write_suite("budget:", f"engine: {{{value}}}\nbudget:")
    assert f"`engine.{value.partition(':')[0]}`" in faults(path)


def test_engines_are_whole_and_as_many_as_the_devices_hold(write_suite: Write) -> None:
    engine = load_suite(write_suite()).suite.engine
    assert (engine.tensor_parallel_size, engine.data_parallel_size) == (1, None)


@pytest.mark.parametrize("value", ["num_processes: 0", "sharding: zero3", "save_steps: -1", "diagnostic: on"])
def test_faulty_training(write_suite: Write, value: str) -> None:
    path = write_suite("budget:", f"training: {{{value}}}\nbudget:")
    name = value.partition(":")[0]
    assert f"`training.{name}`" in faults(path)


# --- data budgets of a plug-in, and hyper-parameters at a budget ----------------------------------------


def test_a_plugin_may_name_the_budgets_it_is_trained_at(write_suite: Write) -> None:
    plugins = load_suite(write_suite("lorr: {reset: off}", "lorr: {unique_pairs: [64]}")).suite.plugins
    assert (plugins["plain"].unique_pairs, plugins["lorr"].unique_pairs) == (None, (64,))


@pytest.mark.parametrize(
    ("budgets", "what"),
    [
        ("[32]", "plug-in lorr names 32 pairs; budgets are 16, 64"),
        ("[64, 16]", "must rise, without repeats"),
        ("[]", "at least 1 item"),
        ("[0]", "greater than 0"),
    ],
)
def test_faulty_budgets_of_a_plugin_have_line_and_reason(write_suite: Write, budgets: str, what: str) -> None:
    path = write_suite("lorr: {reset: off}", f"lorr: {{unique_pairs: {budgets}}}")
    assert what in faults(path)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("dpo+lorr@32", r"dpo+lorr@32 names no budget that dpo+lorr is trained at: 64"),
        ("dpo+lorr@16", r"dpo+lorr@16 names no budget that dpo+lorr is trained at: 64"),
        ("dpo+plain@", r"dpo+plain@ names no budget that dpo+plain is trained at: 16, 64"),
        ("dpo@16", "no arm is called dpo@16"),
    ],
)
def test_an_override_at_a_budget_needs_an_arm_that_is_trained_there(
    write_suite: Write, name: str, what: str
) -> None:
    path = write_suite(
        "lorr: {reset: off}", f"lorr: {{unique_pairs: [64]}}\noverrides:\n  {name}: {{beta: 1}}"
    )
    assert what in faults(path)
