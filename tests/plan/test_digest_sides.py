"""Every field of a suite is either part of some digest or stated here as one that changes no outcome."""

import json
import typing

import pytest
from pydantic import BaseModel

from lorr_bench.plan.plan import make_plan
from lorr_bench.ports.outcome import WITHOUT_OUTCOME, changes_results
from lorr_bench.spec.methods import IterativeSpec, LorrPlugin, MethodSpec, PrimingSpec
from lorr_bench.spec.models import Suite

# Path of each field that changes what is computed, with another value for it.
OUTCOME = {
    "model.path": None,  # test_plan.py: test_a_changed_model_is_other_work
    "model.revision": None,  # only for the Hub: test_plan.py
    "model.dtype": "bfloat16",
    "model.trust_remote_code": True,
    "model.template_date": None,  # where a chat template is used: below
    "model.system_prompt": None,
    "model.chat_template_kwargs": None,
    "seeds": [0, 5],
    "data.collect.source": "nano/validation",
    "data.collect.revision": None,  # of a Hub data set: HUB below
    "data.collect.subset": None,
    "data.collect.split": None,
    "data.collect.problem_column": "question",
    "data.collect.answer_column": "solution",
    "data.collect.answer_pattern": "boxed",
    "data.collect.incomplete": "skip",
    "data.collect.template": "Q: {problem}",
    "data.collect.chat_template": True,
    "data.collect.num_prompts": 60,
    "data.collect.extends": [20],
    "data.collect.num_samples": 5,
    "data.collect.temperature": 0.7,
    "data.collect.top_p": 0.9,
    "data.collect.max_tokens": 31,
    "data.collect.truncated": "pair",
    "data.collect.reward_model.path": None,  # REWARD_MODEL below
    "data.collect.reward_model.revision": None,
    "data.collect.reward_model.dtype": None,
    "data.collect.reward_model.trust_remote_code": None,
    "data.collect.reward_model.template_date": None,
    "data.collect.reward_model.batch_size": None,
    "data.collect.reward_model.max_length": None,
    "data.collect.pair_rule": "longest_correct",
    "data.collect.grading.percent": "number",
    "data.collect.grading.units": "ignore",
    "data.collect.grading.order": "never",
    "data.collect.grading.rounding": "none",
    "data.collect.grading.tolerance": 0.01,
    "data.collect.grading.choices": "alone",
    "data.collect.grading.boxes": "last",
    "data.collect.grading.equations": "whole",
    "data.collect.grading.bases": "shown",
    "data.collect.grading.logarithms": "natural",
    "data.collect.grading.domain": "same",
    "data.collect.grading.timeout_seconds": 2.0,
    "data.collect.grading.max_chars": 100,
    "data.pairs.source": None,  # of ready-made pairs: test_what_names_ready_made_pairs_changes_a_digest
    "data.pairs.revision": None,
    "data.pairs.subset": None,
    "data.pairs.split": None,
    "data.pairs.limit": None,
    "data.pairs.type": None,
    "data.pairs.columns": None,  # gives other fields, which count
    "data.pairs.prompt_column": None,
    "data.pairs.chosen_column": None,
    "data.pairs.rejected_column": None,
    "data.pairs.completion_column": None,
    "data.pairs.label_column": None,
    "data.pairs.system_column": None,
    "data.pairs.chat_template": None,
    "budget.unique_pairs": [8, 17],
    "methods": {"dpo": {"learning_rate": 2e-4, "per_device_train_batch_size": 4}},
    "plugins": {"plain": {}, "lorr": {"replays": 4}, "no_reset": {"type": "lorr", "reset": "off"}},
    "overrides": {"dpo+lorr": {"beta": 0.9}},
    "evaluation.math.0.source": "nano/hard",
    "evaluation.math.0.revision": None,  # of a Hub data set: HUB below
    "evaluation.math.0.subset": None,
    "evaluation.math.0.split": None,
    "evaluation.math.0.problem_column": "question",
    "evaluation.math.0.answer_column": "solution",
    "evaluation.math.0.answer_pattern": "boxed",
    "evaluation.math.0.incomplete": "skip",
    "evaluation.math.0.template": "Q: {problem}",
    "evaluation.math.0.chat_template": True,
    "evaluation.math.0.limit": 11,
    "evaluation.math.0.max_tokens": 31,
    "evaluation.math.0.greedy": False,
    "evaluation.math.0.repeats": 4,
    "evaluation.math.0.pass_at": [1],
    "evaluation.math.0.stop": ["Q:"],
    "evaluation.math.0.temperature": 0.7,
    "evaluation.math.0.top_p": 0.9,
    "evaluation.math.0.cluster_column": "off",
    "evaluation.general.0.cluster_column": "question",
    "evaluation.general.0.tasks": ["nano_order"],
    "evaluation.general.0.include_path": None,
    "evaluation.general.0.data_sets": {"owner/set": "abc"},
    "evaluation.general.0.num_fewshot": 2,
    "evaluation.general.0.apply_chat_template": True,
    "evaluation.general.0.fewshot_as_multiturn": None,  # where there is a template: below
    "evaluation.general.0.system_instruction": "Be brief.",
    "evaluation.general.0.metric": "acc",
    "evaluation.general.0.limit": 6,
    "evaluation.seed": 1,
    "evaluation.protocol": "qwen-greedy",  # by what it writes into the benchmarks
    "evaluation.contamination.ngram": 8,
    "evaluation.grading.percent": "number",
    "evaluation.grading.units": "ignore",
    "evaluation.grading.order": "never",
    "evaluation.grading.rounding": "none",
    "evaluation.grading.tolerance": 0.01,
    "evaluation.grading.choices": "alone",
    "evaluation.grading.boxes": "last",
    "evaluation.grading.equations": "whole",
    "evaluation.grading.bases": "shown",
    "evaluation.grading.logarithms": "natural",
    "evaluation.grading.domain": "same",
    "evaluation.grading.timeout_seconds": 2.0,
    "evaluation.grading.max_chars": 100,
    "engine.max_model_len": 96,
    "engine.dtype": "bfloat16",
    "engine.batch_invariant": True,
    "training.num_processes": 2,
    "training.sharding": None,  # of several processes: test_sharding_matters_to_several_processes_alone
    "training.accelerate_config": None,  # likewise
}
OWN_CONFIG = """
distributed_type: FSDP
fsdp_config: {{fsdp_version: 2, fsdp_cpu_ram_efficient_loading: false, fsdp_forward_prefetch: {}}}
"""
# Path of each field that changes no outcome, with another value for it.
SETTING = {
    "name": "another",
    "description": "another",
    "device": "h100-80gb:2",
    "variants": {"larger": {"seeds": [7]}},
    "budget.equal": None,  # refuses arms, computes nothing: test_plan.py
    "budget.limits": {"prompts": 10_000},
    "evaluation.math.0.name": "another",
    "evaluation.math.0.like": None,  # gives other fields, which count
    "evaluation.math.0.prompt": None,  # the same
    "evaluation.math.0.sizes": [40, 50],
    "evaluation.general.0.name": "another",
    "evaluation.keep_answers": 3,
    "analysis.measure.benchmark": "general",
    "analysis.measure.metric": None,  # of a benchmark: test_what_is_tested_changes_no_digest
    "analysis.primary": ["no_reset - plain"],
    "analysis.secondary": ["lorr - no_reset"],
    "analysis.equivalence_margin": 0.02,
    "analysis.sweep": None,  # wants arms along it: test_what_is_tested_changes_no_digest
    "data.pairs.streaming": None,  # likewise
    "published.file": None,  # figures of others, computes nothing: test_published.py
    "published.figures.0.arm": None,
    "published.figures.0.model": None,
    "published.figures.0.source": None,
    "published.figures.0.labels": None,
    "engine.kv_cache_gib": 2,
    "engine.gpu_memory_utilization": 0.3,
    "engine.enforce_eager": False,
    "engine.tensor_parallel_size": 2,
    "engine.data_parallel_size": 2,
    "training.save_steps": 5,
    "training.diagnostics": False,
    "training.deterministic": True,
    "evaluation.general.0.trust_remote_code": True,  # refuses or allows, computes nothing
    "execution.executor": "ray",
    "execution.address": "auto",
    "execution.workers": 3,
    "execution.attempts": 1,
    "execution.retry_delay_seconds": 0,
    "execution.parts": 3,
    "execution.stage_timeout_minutes": 60,
    "execution.keep": "none",
    "execution.report_to": ["tensorboard"],
}
SETTING |= {
    f"execution.resources.{pool}.{resource}": 2
    for pool in ("train", "engine", "grade")
    for resource in ("cpus", "gpus", "memory_gib")
}
# Of a tuned suite: test_tuning_plan.py changes them.
OF_BENCHMARK = [
    path.removeprefix("evaluation.math.0.")
    for path in (*OUTCOME, *SETTING)
    if path.startswith("evaluation.math.0.")
]
TUNING_SETTING = {"name", "like", "prompt", "sizes", "cluster_column"}
OUTCOME |= dict.fromkeys(
    f"tuning.{name}" for name in ("seeds", "grid", "methods", "tries", "unique_pairs", "metric")
)
OUTCOME |= dict.fromkeys(f"tuning.benchmark.{name}" for name in OF_BENCHMARK if name not in TUNING_SETTING)
SETTING |= dict.fromkeys(f"tuning.benchmark.{name}" for name in OF_BENCHMARK if name in TUNING_SETTING)
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


def spoken(path):
    """The key of a field as people write it: without the number of an entry."""
    return path.replace(".0.", ".")


def digests(plan):
    return {stage.digest for stage in plan.stages}


def test_every_field_has_chosen_a_side():
    assert sorted(field_paths(Suite)) == sorted([*OUTCOME, *SETTING])


@pytest.mark.parametrize("path", [*OUTCOME, *SETTING])
def test_what_is_said_of_a_field_is_the_side_that_it_is_on(path):
    assert changes_results(spoken(path)) == (path in OUTCOME)


def test_nothing_is_said_of_a_field_that_is_not_there():
    known = [spoken(path) for path in field_paths(Suite)] + [f"methods.NAME.{key}" for key in METHOD]
    for name in WITHOUT_OUTCOME:
        assert [key for key in known if key == name or key.startswith(f"{name}.")], name


@pytest.mark.parametrize("path", [path for path, value in OUTCOME.items() if value is not None])
def test_outcome_fields_change_a_digest(load, values, path):
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, path, OUTCOME[path])))) != before


@pytest.mark.parametrize("path", [path for path, value in SETTING.items() if value is not None])
def test_setting_fields_change_none(load, values, path):
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, path, SETTING[path])))) == before


def test_what_is_tested_changes_no_digest(load, values):
    values["plugins"]["longer"] = {"type": "lorr", "replays": 5}
    before = make_plan(load(values))
    values["analysis"] = {"measure": "easy avg@2", "primary": ["lorr@8 - no_reset"], "sweep": "replays"}
    after = make_plan(load(values))
    assert after.analysis != before.analysis
    assert digests(after) == digests(before)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt_column": "other"},
        {"prompt_column": None},
        {"chosen_column": "other"},
        {"rejected_column": "other"},
        {"split": "other"},
        {"limit": 9},
        {"columns": "sharegpt"},
        {"chat_template": True},
        {"system_column": "system", "chat_template": True},
    ],
)
def test_what_names_ready_made_pairs_changes_a_digest(load, values, tmp_path, changes):
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "q", "chosen": "c", "rejected": "r"}\n', "utf-8")
    values["data"] = {"pairs": {"source": "pairs.jsonl"}}
    before = digests(make_plan(load(values)))
    values["data"]["pairs"] |= changes
    assert digests(make_plan(load(values))).isdisjoint(before - _untrained_digests(load, values))


@pytest.mark.parametrize(
    ("data_type", "column"),
    [
        ("unpaired", "completion_column"),
        ("unpaired", "label_column"),
        ("prompt_completion", "completion_column"),
    ],
)
def test_what_names_rows_of_one_response_changes_a_digest(load, values, tmp_path, data_type, column):
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "q", "completion": "c", "label": true}\n', "utf-8")
    values |= {"methods": {"kto" if data_type == "unpaired" else "sft": {}}, "overrides": {}}
    values["plugins"] = {"plain": {}}
    values["analysis"] = {}
    values["data"] = {"pairs": {"source": "pairs.jsonl", "type": data_type}}
    before = digests(make_plan(load(values)))
    values["data"]["pairs"][column] = "other"
    assert digests(make_plan(load(values))).isdisjoint(before - _untrained_digests(load, values))


@pytest.mark.parametrize(("field", "value", "other"), [("subset", "main", True), ("streaming", True, False)])
def test_pairs_of_the_hub_depend_on_their_subset_and_not_on_streaming(load, values, field, value, other):
    values["data"] = {"pairs": {"source": "owner/set", "revision": "a" * 40}}
    before = digests(make_plan(load(values)))
    values["data"]["pairs"][field] = value
    assert (digests(make_plan(load(values))) != before) == other


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "other"),
    [
        ({"prompt": "q", "chosen": "c", "rejected": "r"}, False),
        ({"prompt": [{"role": "user", "content": "q"}], "chosen": [], "rejected": []}, True),
    ],
)
def test_pairs_depend_on_the_model_where_they_are_written_in_its_template(load, values, tmp_path, row, other):
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    values["data"] = {"pairs": {"source": "pairs.jsonl"}}

    def imported():
        return {stage.digest for stage in make_plan(load(values)).stages if stage.kind == "import_pairs"}

    before = imported()
    told = {
        "template_date": "2026-01-01",
        "system_prompt": "Be brief.",
        "chat_template_kwargs": {"enable_thinking": False},
    }
    model = values["model"]
    for field, value in told.items():
        values["model"] = {**model, field: value}
        assert (imported() != before) == other


def _untrained_digests(load, values):
    """Of the stages that no pair reaches: those of the start model, and the families of the problems."""
    plan = make_plan(load(values))
    start = [e for e in plan.evaluations if e.point.seed == -1]
    others = {stage.digest for stage in plan.stages if stage.kind in ("fingerprint", "families")}
    return others | {digest for e in start for digest in (e.digest, e.answers)}


HUB = {"source": "owner/set", "revision": "abc", "split": "train"}
REWARD_MODEL = {"path": "owner/model", "revision": "abc"}


@pytest.mark.parametrize(
    ("field", "other"),
    [("source", "owner/other"), ("revision", "def"), ("subset", "main"), ("split", "test")],
)
@pytest.mark.parametrize("place", ["data.collect", "evaluation.math.0"])
def test_what_names_hub_problems_changes_a_digest(load, values, place, field, other):
    for name, value in HUB.items():
        changed(values, f"{place}.{name}", value)
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, f"{place}.{field}", other)))) != before


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("path", "owner/other"),
        ("revision", "def"),
        ("dtype", "bfloat16"),
        ("trust_remote_code", True),
        ("template_date", "2025-01-02"),
        ("batch_size", 1),
        ("max_length", 64),
    ],
)
def test_what_describes_a_reward_model_changes_a_digest(load, values, field, other):
    values["data"]["collect"] |= {"reward_model": dict(REWARD_MODEL), "pair_rule": "best_worst"}
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, f"data.collect.reward_model.{field}", other)))) != before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("template_date", "2025-01-03"),
        ("system_prompt", "Be brief."),
        ("chat_template_kwargs", {"enable_thinking": False}),
    ],
)
@pytest.mark.parametrize(
    "switch",
    [
        "data.collect.chat_template",
        "evaluation.math.0.chat_template",
        "evaluation.general.0.apply_chat_template",
    ],
)
def test_what_a_template_is_told_matters_where_one_is_used(load, values, switch, field, other):
    bare = digests(make_plan(load(values)))
    told = {**values, "model": {**values["model"], field: other}}
    assert digests(make_plan(load(told))) == bare
    changed(values, switch, True)
    assert digests(make_plan(load({**told, **{k: v for k, v in values.items() if k != "model"}}))) != digests(
        make_plan(load(values))
    )


def test_turns_of_examples_matter_in_a_template(load, values):
    changed(values, "evaluation.general.0.apply_chat_template", True)
    one = digests(make_plan(load(values)))
    changed(values, "evaluation.general.0.fewshot_as_multiturn", True)
    assert digests(make_plan(load(values))) != one


def test_the_system_turn_of_the_model_is_that_of_lm_eval_unless_it_has_its_own(load, values):
    values["model"]["system_prompt"] = "Be brief."
    changed(values, "evaluation.general.0.apply_chat_template", True)
    [general, *_] = [s for s in make_plan(load(values)).stages if s.kind == "evaluate_general"]
    assert general.parameters.system_instruction == "Be brief."
    changed(values, "evaluation.general.0.system_instruction", "Be exact.")
    [general, *_] = [s for s in make_plan(load(values)).stages if s.kind == "evaluate_general"]
    assert general.parameters.system_instruction == "Be exact."


@pytest.mark.slow
def test_sharding_matters_to_several_processes_alone(load, values):
    values["training"] = {"num_processes": 1}
    alone = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, "training.sharding", "fsdp")))) == alone
    sharded = digests(make_plan(load(changed(values, "training.num_processes", 2))))
    assert digests(make_plan(load(changed(values, "training.sharding", "ddp")))) != sharded


@pytest.mark.slow
@pytest.mark.parametrize("prefetch", [False, True])
def test_of_a_configuration_of_the_user_the_content_matters_and_not_the_name(
    load, values, tmp_path, prefetch
):
    def planned(name, content):
        (tmp_path / name).write_text(content)
        values["training"] = {"num_processes": 2, "accelerate_config": str(tmp_path / name)}
        return digests(make_plan(load(values)))

    content = OWN_CONFIG.format("true")
    assert planned("a.yaml", content) == planned("b.yaml", content)
    assert (
        planned("c.yaml", OWN_CONFIG.format(str(prefetch).lower())) == planned("a.yaml", content)
    ) is prefetch


# Every field of LoRR and of a method, with another value than its default.
LORR = {
    "replays": 4,
    "reset.factor": 0.25,
    "reset.tensors": "o_proj",
    "reset.anchor": "round",
    "reset.period": 2,
    "reset.optimizer_state": "keep",
    "sft.schedule": "constant",
    "sft.cap": 0.25,
    "sft.weights": [0.1, 0.1, 0.1],
    "rollout_ratio": 0.5,
    "unique_pairs": [16],  # fewer trainings
    "label_noise": 0.1,
}
PRIMING = {"unique_pairs": 4, "replays": 3, "settings": {"learning_rate": 1e-3}}
ADAPTIVE = {
    "signal": "held_out_margin",
    "held_out_pairs": 5,
    "reset": "below_start",
    "scale": 2.0,
    "patience": 2,
}
ITERATIVE = {
    "rounds": 2,
    "temperature": [1.0, 1.0, 0.5],
    "reference": "start",
    "prompts": "reuse",
}
METHOD = {
    "like": None,  # writes the settings of another method here: tests/spec
    "adapter": "ipo",
    "backend": "native",
    "plugins": ["plain"],
    "iterative": {"rounds": 3},
    "priming": {"unique_pairs": 8, "replays": 2},
}
PROMPTS_ALONE = {"unique_pairs": [8, 16], "equal": "prompts"}


def test_every_field_of_lorr_and_of_methods_is_here():
    adaptive = [f"adaptive.{name}" for name in ADAPTIVE]
    assert sorted(field_paths(LorrPlugin)) == sorted(["type", *LORR, *adaptive])
    assert sorted(IterativeSpec.model_fields) == sorted(ITERATIVE)
    assert sorted(PrimingSpec.model_fields) == sorted(PRIMING)
    assert sorted(MethodSpec.model_fields) == sorted(METHOD)


@pytest.mark.parametrize("key", METHOD)
def test_what_is_said_of_a_key_of_a_method_is_the_side_that_it_is_on(key):
    assert changes_results(f"methods.NAME.{key}") == (METHOD[key] is not None)


@pytest.mark.parametrize("path", LORR)
def test_fields_of_lorr_change_a_digest(load, values, path):
    values["budget"] = PROMPTS_ALONE
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, f"plugins.lorr.{path}", LORR[path])))) != before


@pytest.mark.parametrize("field", ADAPTIVE)
def test_fields_of_adaptive_lorr_change_a_digest(load, values, field):
    values["plugins"]["lorr"] = {"adaptive": {"held_out_pairs": 4}}
    before = digests(make_plan(load(values)))
    after = changed(values, f"plugins.lorr.adaptive.{field}", ADAPTIVE[field])
    assert digests(make_plan(load(after))) != before


def test_adaptive_lorr_that_is_off_leaves_the_parameters_as_they_were(load, values):
    before = make_plan(load(values))
    values["plugins"]["lorr"] = {**(values["plugins"]["lorr"] or {}), "adaptive": "off"}
    trained = [stage for stage in make_plan(load(values)).stages if stage.kind == "train"]
    assert digests(make_plan(load(values))) == digests(before)
    assert not any("adaptive" in stage.parameters.to_dict() for stage in trained)


@pytest.mark.parametrize("field", ITERATIVE)
def test_fields_of_rounds_change_a_digest(load, values, field):
    values["budget"] = PROMPTS_ALONE
    values["methods"]["dpo"]["iterative"] = {"rounds": 3}
    before = digests(make_plan(load(values)))
    assert (
        digests(make_plan(load(changed(values, f"methods.dpo.iterative.{field}", ITERATIVE[field]))))
        != before
    )


@pytest.mark.parametrize("field", PRIMING)
def test_fields_of_a_priming_change_a_digest(load, values, field):
    values["methods"]["dpo"]["priming"] = {"unique_pairs": 8, "replays": 2}
    before = digests(make_plan(load(values)))
    after = digests(make_plan(load(changed(values, f"methods.dpo.priming.{field}", PRIMING[field]))))
    assert after != before


@pytest.mark.parametrize("field", [field for field, value in METHOD.items() if value is not None])
def test_fields_of_a_method_change_a_digest(load, values, field):
    before = digests(make_plan(load(values)))
    assert digests(make_plan(load(changed(values, f"methods.dpo.{field}", METHOD[field])))) != before


def test_where_a_backend_lies_changes_no_digest(load, values):
    values["methods"] = {"dpo": {"backend": "llamafactory", "environment": "/one"}}
    one = make_plan(load(values))
    other = make_plan(load(changed(values, "methods.dpo.environment", "/two")))
    assert digests(other) == digests(one)
    places = [stage.setting.places for stage in other.stages if stage.kind == "train"]
    assert places
    assert all(place == {"environment": "/two"} for place in places)


def test_the_verifier_of_an_online_method_is_part_of_its_training(load, values):
    values["methods"] = {
        "grpo": {"per_device_train_batch_size": 4, "num_generations": 2, "max_completion_length": 8}
    }
    values["plugins"] = {"plain": {}}
    before = make_plan(load(values))
    after = make_plan(load(changed(values, "data.collect.grading.tolerance", 0.5)))
    trained = [stage for plan in (before, after) for stage in plan.stages if stage.kind == "train"]
    assert {stage.parameters.grading.tolerance for stage in trained} == {0.0, 0.5}


@pytest.mark.parametrize(("chat_template", "told"), [(True, "2025-01-01"), (False, "None")])
def test_the_date_of_a_template_is_said_where_pairs_are_written_in_it(
    load, values, tmp_path, chat_template, told
):
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "q", "chosen": "c", "rejected": "r"}\n', "utf-8")
    values["model"] = {"path": "owner/model", "revision": "a" * 40}
    values["data"] = {"pairs": {"source": "pairs.jsonl", "chat_template": chat_template}}
    assert str(make_plan(load(values)).template_date) == told
