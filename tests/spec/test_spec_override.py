"""`--set a.b=c`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lorr_bench.errors import SuiteError
from lorr_bench.outside import visible_text
from lorr_bench.spec.load import load_suite
from lorr_bench.spec.methods import PlainPlugin, ResetSpec

Write = Callable[..., Path]


def refusal(path: Path, *overrides: str) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        load_suite(path, overrides)
    return caught.value


def test_sets_values_of_every_kind(write_suite: Write) -> None:
    suite = load_suite(
        write_suite(),
        [
            "seeds=[3, 4, 5]",
            "seeds.1=9",
            "data.collect.num_prompts=10",
            "evaluation.math.0.limit=5",
            "methods.dpo.learning_rate=3e-5",
            "methods.simpo.gamma=1",
            "overrides.dpo+lorr.beta=0.5",
            "budget.limits.prompts=1000",
            "description=a=b, c",
            "model.dtype=bfloat16",
            "plugins.lorr.reset=on",
            "plugins.lorr.reset.factor=0.25",
            "plugins.bare={type: plain}",
        ],
    ).suite
    assert suite.seeds == (3, 9, 5)
    assert suite.data.collect is not None
    assert suite.data.collect.num_prompts == 10
    assert suite.evaluation.math[0].limit == 5
    assert suite.methods["dpo"].hyperparameters == {"beta": 0.1, "learning_rate": 3e-05}
    assert suite.methods["simpo"].hyperparameters == {"gamma": 1}
    assert suite.overrides == {"dpo+lorr": {"beta": 0.5}}
    assert suite.budget.limits.prompts == 1000
    assert suite.description == "a=b, c"
    assert (suite.model.path, suite.model.dtype) == ("nano", "bfloat16")
    lorr = suite.plugins["lorr"]
    assert lorr.type == "lorr"
    assert lorr.reset == ResetSpec(factor=0.25)
    assert suite.plugins["bare"] == PlainPlugin()


VARIANTS = """variants={
  small: {seeds: [7], methods: {dpo: {beta: 0.3}}, training: {num_processes: 2}},
  other: {device: cpu}}"""


def test_a_variant_changes_key_by_key_what_the_suite_says(write_suite: Write) -> None:
    suite = load_suite(write_suite(), [VARIANTS, "variant=small"]).suite
    assert suite.seeds == (7,)
    assert suite.methods["dpo"].hyperparameters["beta"] == 0.3
    assert "learning_rate" in suite.methods["dpo"].hyperparameters
    assert (suite.training.num_processes, suite.device) == (2, None)
    assert sorted(suite.variants) == ["other", "small"]


def test_what_is_set_behind_a_variant_wins(write_suite: Write) -> None:
    assert load_suite(write_suite(), [VARIANTS, "variant=small", "seeds=[1]"]).suite.seeds == (1,)
    assert load_suite(write_suite(), [VARIANTS, "seeds=[1]", "variant=small"]).suite.seeds == (7,)


def test_two_variants_do_not_touch_each_others_values(write_suite: Write) -> None:
    suite = load_suite(write_suite(), [VARIANTS, "variant=small", "training.num_processes=3"]).suite
    assert suite.variants["small"]["training"] == {"num_processes": 2}


@pytest.mark.parametrize("name", ["smal", "[small]", "null"])
def test_an_unknown_variant_names_those_there_are(write_suite: Write, name: str) -> None:
    error = refusal(write_suite(), VARIANTS, f"variant={name}")
    assert error.what.startswith("the suite has no variant")
    assert error.fix == "It has small, other."
    assert refusal(write_suite(), f"variant={name}").fix == "It has none: leave this out."


def test_a_wrong_value_of_a_variant_is_named_by_its_option(write_suite: Write) -> None:
    error = refusal(write_suite(), "variants={bad: {seeds: []}}", "variant=bad")
    assert "--set variant=bad" in str(error)


def test_a_later_override_wins(write_suite: Write) -> None:
    assert load_suite(write_suite(), ["seeds=[1]", "seeds=[2]"]).suite.seeds == (2,)


@pytest.mark.parametrize("override", ["seeds", "=1", "a..b=1", ".a=1", "a.=1", ""])
def test_wrong_form(write_suite: Write, override: str) -> None:
    error = refusal(write_suite(), override)
    assert error.what == "is not of the form key=value"
    assert error.where == f"--set {override}"
    assert "--set data.collect.num_prompts=10" in error.fix


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("description= ", "gives no value"),
        ("seeds=[1", "not valid YAML"),
        ("description=\udcff", "not readable as YAML"),
        ("description=" + "[" * 40, "nested deeper than 32 levels"),
        ("description=" + "[" * 1_001, "nested deeper than 32 levels"),
        (".".join("a" * 32) + "=1", "goes deeper than 32 levels"),
        ("plugins.lorr.reset.factor=1", "`plugins.lorr.reset` is a single value, so it has no `factor`"),
        ("name.first=x", "`name` is a single value, so it has no `first`"),
        ("name.first.second=x", "`name` is a single value, so it has no `first`"),
        ("seeds.2=1", "`seeds` is a list of 2, so it has no `2`"),
        ("seeds.-1=1", "`seeds` is a list of 2, so it has no `-1`"),
        ("seeds.x=1", "`seeds` is a list of 2, so it has no `x`"),
        ("evaluation.math.1.limit=1", "`evaluation.math` is a list of 1, so it has no `1`"),
        ("seeds.0.x=1", "`seeds.0` is a single value"),
        ("seeds.²=1", "`seeds` is a list of 2"),
        ("data.colect.num_prompts=1", "unknown key `data.colect`"),
        ("data.collect.num_promts=1", "unknown key `data.collect.num_promts`"),
        ("seeds=[x]", "`seeds.0`: input should be a valid integer"),
        ("budget.unique_pairs.1=0", "`budget.unique_pairs.1`: input should be greater than 0, got 0"),
    ],
)
def test_faults_name_the_option(write_suite: Write, override: str, what: str) -> None:
    error = refusal(write_suite(), override)
    assert error.where == visible_text(f"--set {override}")
    assert what in error.what
    assert error.fix


def test_an_index_into_an_empty_list(write_suite: Write) -> None:
    error = refusal(write_suite(), "seeds=[]", "seeds.0=1")
    assert error.what == "`seeds` is a list of 0, so it has no `0`"
    assert "--set 'seeds=[…]'" in error.fix


def test_other_faults_keep_their_lines(write_suite: Write) -> None:
    path = write_suite("num_prompts: 100", "num_prompts: x")
    error = refusal(path, "seeds=[x]")
    assert f"{path}:7: `data.collect.num_prompts`" in error.what
    assert "--set seeds=[x]: `seeds.0`" in error.what


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=20)
    | st.from_regex(
        r"\A(seeds|data|model|evaluation|plugins|methods)(\.(math|lorr|reset|0|dpo|x)){0,4}=[\[\]{}:a1 -]{0,6}\Z"
    )
)
def test_any_override_applies_or_is_a_suite_error(write_suite: Write, override: str) -> None:
    with contextlib.suppress(SuiteError):
        load_suite(write_suite(), [override])
