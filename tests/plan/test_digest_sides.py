"""Every field of a suite is either part of some digest or stated here as one that changes no outcome."""

import typing

import pytest
from pydantic import BaseModel

from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.models import Suite

# Path of each field that changes what is computed, with another value for it.
OUTCOME = {
    "model.path": None,  # test_plan.py: test_a_changed_model_is_other_work
    "model.revision": None,  # only for the Hub: test_plan.py
    "model.dtype": "bfloat16",
    "model.trust_remote_code": True,
    "seeds": [0, 5],
    "data.collect.source": "nano/validation",
    "data.collect.problem_column": "question",
    "data.collect.answer_column": "solution",
    "data.collect.template": "Q: {problem}",
    "data.collect.chat_template": True,
    "data.collect.num_prompts": 60,
    "data.collect.num_samples": 5,
    "data.collect.temperature": 0.7,
    "data.collect.top_p": 0.9,
    "data.collect.max_tokens": 31,
    "data.collect.pair_rule": "longest_correct",
    "data.pairs.source": None,
    "data.pairs.revision": None,
    "data.pairs.split": None,
    "data.pairs.prompt_column": None,
    "data.pairs.chosen_column": None,
    "data.pairs.rejected_column": None,
    "budget.unique_pairs": [8, 17],
    "methods": {"dpo": {"learning_rate": 2e-4, "per_device_train_batch_size": 4}},
    "plugins": {"plain": {}, "lorr": {"replays": 4}, "no_reset": {"type": "lorr", "reset": "off"}},
    "overrides": {"dpo+lorr": {"beta": 0.9}},
    "evaluation.math.0.source": "nano/hard",
    "evaluation.math.0.problem_column": "question",
    "evaluation.math.0.answer_column": "solution",
    "evaluation.math.0.template": "Q: {problem}",
    "evaluation.math.0.chat_template": True,
    "evaluation.math.0.limit": 11,
    "evaluation.math.0.max_tokens": 31,
    "evaluation.math.0.avg_at": 2,
    "evaluation.math.0.temperature": 0.7,
    "evaluation.math.0.top_p": 0.9,
    "evaluation.general.0.tasks": ["nano_order"],
    "evaluation.general.0.include_path": None,
    "evaluation.general.0.num_fewshot": 2,
    "evaluation.general.0.limit": 6,
    "engine.max_model_len": 96,
}
# Path of each field that changes no outcome, with another value for it.
SETTING = {
    "name": "another",
    "description": "another",
    "budget.equal": None,  # refuses arms, computes nothing: test_plan.py
    "budget.limits": {"prompts": 10_000},
    "evaluation.math.0.name": "another",
    "evaluation.general.0.name": "another",
    "evaluation.keep_answers": 3,
    "engine.kv_cache_gib": 2.0,
    "engine.gpu_memory_utilization": 0.3,
    "engine.enforce_eager": False,
}
# Checked as a whole above: what is inside them belongs to adapters or to the plug-in.
WHOLE = {"methods", "plugins", "overrides", "budget.limits"}


def field_paths(model, prefix=""):
    for name, field in model.model_fields.items():
        path = prefix + name
        inner = list(inner_models(field.annotation))
        if path in WHOLE or not inner:
            yield path
            continue
        for nested, many in inner:
            yield from field_paths(nested, f"{path}.0." if many else f"{path}.")


def inner_models(annotation, many=False):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, many
    for argument in typing.get_args(annotation):
        yield from inner_models(argument, many or typing.get_origin(annotation) is tuple)


def changed(values, path, value):
    *parents, last = path.split(".")
    target = values
    for key in parents:
        target = target[int(key)] if key.isdigit() else target.setdefault(key, {})
    target[last] = value
    return values


def digests(plan):
    return {stage.digest for stage in plan.stages}


def test_every_field_has_chosen_a_side():
    assert sorted(field_paths(Suite)) == sorted([*OUTCOME, *SETTING])


@pytest.mark.parametrize("path", [path for path, value in OUTCOME.items() if value is not None])
def test_outcome_fields_change_a_digest(load, values, path):
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, path, OUTCOME[path])))) != before


@pytest.mark.parametrize("path", [path for path, value in SETTING.items() if value is not None])
def test_setting_fields_change_none(load, values, path):
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, path, SETTING[path])))) == before


@pytest.mark.parametrize("column", ["prompt_column", "chosen_column", "rejected_column"])
def test_columns_of_ready_made_pairs_change_a_digest(load, values, tmp_path, column):
    (tmp_path / "pairs.jsonl").write_text("{}\n", "utf-8")
    values["data"] = {"pairs": {"source": "pairs.jsonl"}}
    before = digests(make_plan(load(values)))
    values["data"]["pairs"][column] = "other"
    assert digests(make_plan(load(values))).isdisjoint(before - _start_model_digests(load, values))


def _start_model_digests(load, values):
    return {e.digest for e in make_plan(load(values)).evaluations if e.point.seed == -1}
