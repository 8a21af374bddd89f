"""Every kind of stage: its JSON, its entry point, its inputs; held against plans that use each kind."""

import dataclasses
import importlib
import inspect
import json
from typing import get_args

import pytest
from stage_samples import KINDS as SAMPLED
from stage_samples import PARAMETERS, SETTING, sample

from lorr_bench.errors import StoreError, SuiteError
from lorr_bench.plan.json_values import Group, JsonObject
from lorr_bench.plan.kinds.prompts import Round
from lorr_bench.plan.kinds.registry import KINDS, json_classes, stage_from_dict
from lorr_bench.plan.parts import in_parts
from lorr_bench.plan.stage import Kind, Pool, Role

ROUNDS = {"iterative": {"rounds": 2}, "per_device_train_batch_size": 4}
PLUGINS = {"plain": {}, "renewed": {"type": "lorr", "replays": 2, "rollout_ratio": 0.5}}

PROMPTS = {"unique_pairs": [8], "equal": "prompts"}
JUDGE = {"path": "owner/judge", "revision": "abc"}


@pytest.fixture
def planned(plan_of, values, tmp_path):
    """Stages of every kind, as plans have them: rounds, rollouts, families of both sorts, ready-made pairs.

    A method is primed, and one draws its answers with the engine. One collection extends another, verified or scored by a reward model, and answers are cut into parts.
    """
    values["evaluation"]["general"][0]["cluster_column"] = "question"
    values["data"]["collect"] |= {"chat_template": True}
    (tmp_path / "pairs.jsonl").write_text("", "utf-8")
    plans = [
        plan_of(methods={"dpo": ROUNDS}, plugins=PLUGINS, budget=PROMPTS),
        plan_of(
            methods={"grpo": {"num_generations": 2, "per_device_train_batch_size": 4}},
            plugins={"plain": {}},
            budget=PROMPTS,
        ),
        plan_of(
            methods={"grpo": {"num_generations": 2, "per_device_train_batch_size": 4, "use_vllm": True}},
            plugins={"plain": {}},
            budget=PROMPTS,
        ),
        plan_of(methods={"dpo": {"priming": {"unique_pairs": 4, "replays": 2}}}),
        plan_of(data={"pairs": {"source": "pairs.jsonl"}}),
        plan_of(data={"collect": {**values["data"]["collect"], "extends": [20]}}),
    ]
    scored = {**values["data"]["collect"], "pair_rule": "best_worst", "reward_model": JUDGE}
    plans += [
        plan_of(methods={"dpo": ROUNDS}, plugins=PLUGINS, budget=PROMPTS, data={"collect": scored}),
        plan_of(data={"collect": {**scored, "extends": [20]}}),
    ]
    everything = {stage.digest for plan in plans for stage in plan.stages}
    plans += [in_parts(plan, everything, 2, drawn=True) for plan in plans]
    return [stage for plan in plans for stage in plan.stages]


def test_the_kinds_are_those_of_the_type_in_the_samples_and_under_their_own_names():
    assert set(KINDS) == set(get_args(Kind)) == set(SAMPLED)
    assert all(stage.kind == name for name, stage in KINDS.items())
    assert {stage.pool for stage in KINDS.values()} == set(get_args(Pool))


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_point_is_a_function_of_one_task(kind):
    module, _, function = KINDS[kind].entry_point.partition(":")
    entry = getattr(importlib.import_module(module), function)
    assert list(inspect.signature(entry).parameters) == ["task"]


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_the_keys(kind):
    """Those of a group stand among the others; every key of a sample is a field and none is missing."""
    for cls, keys in zip(json_classes(KINDS[kind]), (PARAMETERS[kind], SETTING[kind]), strict=True):
        assert keys.keys() <= field_names(cls)
        assert field_names(cls) - keys.keys() <= optional_names(cls)


def optional_names(cls):
    """Names of the fields that have no key while they are None, those of groups in place of the groups'."""
    names = set()
    for field in dataclasses.fields(cls):
        if field.default is None:
            names |= field_names(cls, [field])
        elif is_group(kind := field_type(cls, field)):
            names |= optional_names(kind)
    return names


def field_names(cls, fields=None):
    """Names of the fields, those of groups in place of the groups', found without the class's own help."""
    names = set()
    for field in dataclasses.fields(cls) if fields is None else fields:
        kinds = [k for k in (field_type(cls, field), *get_args(field_type(cls, field))) if is_group(k)]
        names |= field_names(kinds[0]) if kinds else {field.name}
    return names


def field_type(cls, field):
    return inspect.get_annotations(
        next(base for base in cls.__mro__ if field.name in inspect.get_annotations(base)), eval_str=True
    )[field.name]


def is_group(kind):
    return isinstance(kind, type) and issubclass(kind, Group)


@pytest.mark.slow
def test_plans_use_every_kind_and_come_back_from_json(planned):
    assert {stage.kind for stage in planned} == set(KINDS)
    for stage in planned:
        again = stage_from_dict(json.loads(json.dumps(stage.to_dict())))
        assert again.digest == stage.digest
        assert again == stage


@pytest.mark.slow
def test_the_inputs_of_a_stage_are_those_of_its_kind(planned):
    found = {kind: set() for kind in KINDS}
    for stage in planned:
        found[stage.kind] |= set(stage.inputs)
    assert found == {kind: set(stage.roles) for kind, stage in KINDS.items()}
    assert set(get_args(Role)) == set().union(*found.values())


@pytest.mark.slow
def test_what_is_not_used_has_no_key(planned):
    kinds = {}
    for stage in planned:
        kinds.setdefault(stage.kind, []).append(stage.parameters.to_dict())
    assert {frozenset(p.keys() & {"grader", "grading"}) for p in kinds["train"]} == {
        frozenset(), frozenset(("grader", "grading")),
    }  # fmt: skip
    assert any("part" in p for p in kinds["collect"])
    assert any("part" not in p for p in kinds["collect"])
    assert all(p["template_date"] == "2025-01-01" for p in kinds["collect"])
    assert not any("template_date" in p for p in kinds["answer_math"])
    assert {"cluster_column"} in [set(p) for p in kinds["families"]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_missing_or_unknown_is_named(kind):
    values = sample(kind).to_dict()
    params = values["params"]
    needed = sorted(params)[0]
    less = {name: value for name, value in params.items() if name != needed}
    with pytest.raises(StoreError, match=f"{needed} is missing") as caught:
        stage_from_dict({**values, "params": less})
    assert "version of lorr-bench" in caught.value.fix
    with pytest.raises(StoreError, match="colour is not known"):
        stage_from_dict({**values, "params": {**params, "colour": 1}})


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("kind", "paint", "no kind of stage 'paint'"),
        ("kind", ["train"], "no kind of stage"),
        ("colour", 1, "colour is missing or not known"),
        ("params", [], "a mapping is expected, not list"),
        ("setting", None, "a mapping is expected, not NoneType"),
    ],
)
def test_what_is_no_stage_is_refused(part, value, words):
    with pytest.raises(StoreError, match=words):
        stage_from_dict({**sample("train").to_dict(), part: value})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("round", [1], "an array of number, rounds is expected"),
        ("round", 1, "an array of number, rounds is expected"),
        ("reset", {"pattern": "x"}, "factor is missing"),
        ("sft_weights", 1.0, "1.0 can't be read"),
        ("grading", {"percent": "half"}, "can't be read"),
    ],
)
def test_a_value_of_another_form_is_refused(name, value, words):
    with pytest.raises(StoreError, match=words):
        sample("train", **{name: value})


def test_settings_that_the_adapter_refuses_are_named():
    stage = sample("train", hyperparameters={"learning_rate": -1})
    with pytest.raises(SuiteError, match="refuses the settings of a stage"):
        _ = stage.known_settings


def test_the_shares_of_rounds_differ_by_one_at_most_and_lose_nothing():
    assert [Round(number, 3).share(8) for number in (1, 2, 3)] == [2, 3, 3]
    assert [list(Round(number, 3).of("abcdefgh")) for number in (1, 2, 3)] == [
        ["a", "b"],
        ["c", "d", "e"],
        ["f", "g", "h"],
    ]


def test_a_field_that_is_none_by_default_has_no_key():
    """So a field can be added, and digests of stages that do not use it stay."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Older(JsonObject):
        name: str

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Newer(Older):
        colour: str | None = None
        size: int | None

    assert Newer(name="a", size=None).to_dict() == {"name": "a", "size": None}
    assert Newer(name="a", size=None, colour="red").to_dict() == {"name": "a", "size": None, "colour": "red"}
    assert Older(name="a").to_dict() == {"name": "a"}
