"""What a suite becomes: which stages, shared by whom, refused when."""

import itertools
from collections import Counter

import pytest

from lorr_bench.errors import BudgetError, DataError, ModelError, SuiteError
from lorr_bench.plan.plan import make_plan, plan_digest
from lorr_bench.values import START, Point


@pytest.fixture
def plan(load, values):
    return make_plan(load(values))


def stages_of(plan, kind):
    return [stage for stage in plan.stages if stage.kind == kind]


def test_counts_by_hand(plan):
    """2 seeds, 2 budgets, 3 arms: 12 trainings; 13 models measured on 1 + 1 benchmarks, of which each
    is looked for in the prompts of each seed; the embedded problems have families."""
    assert Counter(stage.kind for stage in plan.stages) == {
        "fingerprint": 1,
        "collect": 2,
        "reference": 2,
        "train": 12,
        "answer_math": 13,
        "grade_math": 13,
        "contamination": 4,
        "families": 1,
        "evaluate_general": 13,
    }


def test_inputs_come_before_those_who_read_them(plan):
    seen = set()
    for stage in plan.stages:
        assert seen.issuperset(stage.inputs.values())
        seen.add(stage.digest)


def test_arms_of_a_seed_share_collection_and_reference(plan):
    for seed in (0, 1):
        inputs = [
            next(s for s in plan.stages if s.digest == digest).inputs
            for point, digest in plan.training.items()
            if point.seed == seed
        ]
        assert set(inputs[0]) == {"pairs", "reference"}
        assert all(other == inputs[0] for other in inputs)


def test_seeds_share_nothing_but_the_start_model(plan):
    by_seed = [{stage.digest for stage in plan.stages if f"seed {seed}" in stage.label} for seed in (0, 1)]
    assert by_seed[0].isdisjoint(by_seed[1])
    assert len({e.digest for e in plan.evaluations if e.point == START}) == 2


def test_the_first_plugin_of_a_method_is_its_baseline(load, values):
    values["methods"]["ipo"] = {"plugins": ["no_reset", "lorr"]}
    assert make_plan(load(values)).baselines == {
        "dpo+plain": "dpo+plain",
        "dpo+lorr": "dpo+plain",
        "dpo+no_reset": "dpo+plain",
        "ipo+lorr": "ipo+lorr",  # first in the order of the suite
        "ipo+no_reset": "ipo+lorr",
    }


def test_plain_and_lorr_differ_in_the_parts_alone(plan):
    stages = {stage.digest: stage for stage in plan.stages}
    plain = stages[plan.training[Point("dpo+plain", 8, 0)]].parameters.to_dict()
    lorr = stages[plan.training[Point("dpo+lorr", 8, 0)]].parameters.to_dict()
    assert {name for name in plain if plain[name] != lorr[name]} == {"sft_weights", "reset", "stop_after"}
    assert (plain["sft_weights"], plain["reset"]) == ([0.0], None)
    assert lorr["sft_weights"] == pytest.approx([1 / 6, 1 / 3, 1 / 2])


def test_an_override_reaches_its_arm_alone(load, values):
    values["overrides"] = {"dpo+lorr": {"beta": 0.7}}
    plan = make_plan(load(values))
    betas = {arm.name: arm.hyperparameters.beta for arm in plan.arms}
    assert betas == {"dpo+plain": 0.1, "dpo+lorr": 0.7, "dpo+no_reset": 0.1}


def test_an_override_at_a_budget_counts_there_alone_and_before_the_arms_own(load, values):
    values["overrides"] = {"dpo+lorr": {"beta": 0.7}, "dpo+lorr@16": {"beta": 0.9, "learning_rate": 2e-4}}
    plan = make_plan(load(values))
    stages = {stage.digest: stage for stage in plan.stages}
    found = {
        (point.arm, point.unique_pairs): stages[digest].parameters.hyperparameters
        for point, digest in plan.training.items()
    }
    assert {place: settings["beta"] for place, settings in found.items()} == {
        ("dpo+plain", 8): 0.1, ("dpo+lorr", 8): 0.7, ("dpo+no_reset", 8): 0.1,
        ("dpo+plain", 16): 0.1, ("dpo+lorr", 16): 0.9, ("dpo+no_reset", 16): 0.1,
    }  # fmt: skip
    assert [found["dpo+lorr", pairs]["learning_rate"] for pairs in (8, 16)] == [1e-4, 2e-4]


def test_an_override_at_a_budget_is_checked_with_its_line(load, values):
    values["overrides"] = {"dpo+lorr@16": {"betta": 1}}
    with pytest.raises(SuiteError, match=r"suite\.yaml:\d+.*betta"):
        make_plan(load(values))


def test_what_an_override_at_a_budget_asks_for_is_checked_too(load, values):
    """A LoRA adapter can't reset its base to a fresh initialisation, also where one budget alone has it."""
    values["plugins"] = {"plain": {}, "fresh": {"type": "lorr", "reset": {"anchor": "init"}}}
    assert make_plan(load(values))
    values["overrides"] = {"dpo+fresh@16": {"lora": {"r": 4}}}
    with pytest.raises(SuiteError, match=r"dpo\+fresh can't be: a LoRA adapter can't reset"):
        make_plan(load(values))


def test_a_plugin_is_trained_and_charged_at_the_budgets_it_names(load, values):
    values["plugins"]["no_reset"]["unique_pairs"] = [16]
    plan = make_plan(load(values))
    trained = {(point.arm, point.unique_pairs) for point in plan.training}
    assert trained == {
        ("dpo+plain", 8), ("dpo+lorr", 8), ("dpo+plain", 16), ("dpo+lorr", 16), ("dpo+no_reset", 16),
    }  # fmt: skip
    assert set(plan.predicted) == trained
    assert {(e.point.arm, e.point.unique_pairs) for e in plan.evaluations} == trained | {("start", 0)}


def test_a_suite_that_grows_keeps_its_work(load, values):
    """But for references, which are made again for a larger budget: one forward pass, and no training."""
    small = {stage.digest for stage in make_plan(load(values)).stages if stage.kind != "reference"}
    values["seeds"] = [0, 1, 2]
    values["budget"]["unique_pairs"] = [8, 16, 40]
    values["plugins"]["twice"] = {"type": "lorr", "replays": 2}
    values["evaluation"]["math"].append(
        {"name": "hard", "source": "nano/hard", "limit": 10, "max_tokens": 64}
    )
    assert small < {stage.digest for stage in make_plan(load(values)).stages}


def test_the_budgets_of_a_seed_share_the_reference_of_the_largest(load, values):
    """40 pairs are two forward passes of 32, whatever the smaller budgets are."""
    values["budget"]["unique_pairs"] = [8, 40]
    plan = make_plan(load(values))
    references = [stage for stage in plan.stages if stage.kind == "reference"]
    assert [stage.parameters.unique_pairs for stage in references] == [64] * len(values["seeds"])
    used = {stage.inputs["reference"] for stage in plan.stages if stage.kind == "train"}
    assert used == {stage.digest for stage in references}


def test_labelled_rows_have_a_reference_for_each_budget(load, values):
    """Their KL estimate mixes rows, and those of a larger budget are none of a smaller one's business."""
    values["methods"] = {"kto": {"per_device_train_batch_size": 4}}
    values["budget"]["unique_pairs"] = [8, 16]
    plan = make_plan(load(values))
    sizes = sorted(stage.parameters.unique_pairs for stage in plan.stages if stage.kind == "reference")
    assert sizes == sorted([8, 16] * len(values["seeds"]))


FAMILIES = {"source": "mine.jsonl", "cluster_column": "text"}


@pytest.fixture
def with_families(load, values, tmp_path):
    """Digests by kind of the small suite whose benchmarks have columns with families."""
    (tmp_path / "mine.jsonl").write_text('{"problem": "p", "answer": "1", "text": "t"}\n', "utf-8")

    def planned(math, general, **changes):
        values["evaluation"]["math"][0] |= {"source": "mine.jsonl", "cluster_column": math, **changes}
        values["evaluation"]["general"][0]["cluster_column"] = general
        found = {}
        for stage in make_plan(load(values)).stages:
            found.setdefault(stage.kind, set()).add(stage.digest)
        return found

    return planned


@pytest.mark.parametrize("after", [("other", "gold"), ("off", "off"), (None, None)])
def test_other_families_are_no_other_answers_and_no_other_scores(with_families, after):
    before, found = with_families("text", "question"), with_families(*after)
    old, new = before.pop("families"), found.pop("families", set())
    assert (len(old), len(new), old & new) == (2, 2 * (after[0] == "other"), set())
    assert before == found


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"limit": 9}, False), ({"problem_column": "q"}, False), ({"answer_column": "a"}, False),
        ({"answer_pattern": "boxed"}, False), ({"incomplete": "skip"}, False), ({"source": "b.jsonl"}, False),
        ({"template": "Q: {problem}"}, True), ({"max_tokens": 8}, True), ({"repeats": 4}, True),
    ],
)  # fmt: skip
def test_families_depend_on_what_chooses_the_problems_and_not_on_how_they_are_asked(
    with_families, tmp_path, changes, same
):
    (tmp_path / "b.jsonl").write_text('{"problem": "q", "answer": "1", "text": "t"}\n', "utf-8")
    before, found = with_families("text", "off"), with_families("text", "off", **changes)
    assert (before["families"] == found["families"]) is same
    assert before["answer_math"] != found["answer_math"]


def test_families_of_a_file_are_read_before_anything_is_answered(load, values, tmp_path):
    """Those of lm-eval's tasks are read from what the evaluation of the start model wrote."""
    (tmp_path / "mine.jsonl").write_text('{"problem": "p", "answer": "1", "text": "t"}\n', "utf-8")
    values["evaluation"]["math"][0] |= FAMILIES
    values["evaluation"]["general"][0]["cluster_column"] = "question"
    plan = make_plan(load(values))
    stages = {stage.digest: stage for stage in plan.stages}
    start = {e.benchmark: e.answers for e in plan.evaluations if e.point == START}
    assert set(plan.families) == {"easy", "general"}
    assert stages[plan.families["easy"]].inputs == {}
    assert stages[plan.families["general"]].inputs == {"problems": start["general"]}


def test_an_unknown_adapter_names_the_nearest(load, values):
    values["methods"] = {"dop": {}}
    with pytest.raises(SuiteError, match="no adapter is called 'dop'") as caught:
        make_plan(load(values))
    assert "dpo" in caught.value.fix


def test_a_wrong_hyperparameter_has_its_line_and_the_nearest_name(load, values):
    values["methods"] = {"dpo": {"learnin_rate": 1e-4}}
    with pytest.raises(SuiteError, match=r"suite\.yaml:\d+.*learnin_rate") as caught:
        make_plan(load(values))
    assert "learning_rate" in str(caught.value)


def test_unequal_updates_are_refused_when_updates_are_held_equal(load, values):
    values["budget"]["equal"] = "updates"
    with pytest.raises(BudgetError, match=r"dpo\+lorr needs 6 optimizer_steps, dpo\+plain has 2"):
        make_plan(load(values))


@pytest.mark.parametrize(
    ("quantity", "limit", "needed"),
    [
        ("prompts", 49, 50),
        ("verifier_calls", 199, 200),
        ("unique_pairs", 15, 16),
        ("pair_visits", 47, 48),
        ("optimizer_steps", 11, 12),
    ],
)
def test_an_arm_over_a_limit_is_refused_and_one_at_it_is_not(load, values, quantity, limit, needed):
    values["budget"]["limits"] = {quantity: needed}
    make_plan(load(values))
    values["budget"]["limits"] = {quantity: limit}
    with pytest.raises(BudgetError, match=f"needs {needed} {quantity}, the limit is {limit}"):
        make_plan(load(values))


def test_a_missing_model_folder(load, values):
    values["model"] = "no/such/folder"
    with pytest.raises(ModelError, match="no model folder"):
        make_plan(load(values))


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_an_incomplete_model_folder(load, values, tmp_path, missing):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if name != missing:
            (folder / name).write_bytes(b"{}")
    values["model"] = "model"
    with pytest.raises(ModelError, match="the model folder has no"):
        make_plan(load(values))


def test_a_changed_model_is_other_work(load, values, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(b"{}")
    values["model"] = "model"
    before = plan_digest(make_plan(load(values)))
    assert plan_digest(make_plan(load(values))) == before
    (folder / "model.safetensors").write_bytes(b"{ }")
    assert plan_digest(make_plan(load(values))) != before


def test_ready_made_pairs_need_no_engine_to_train(load, values, tmp_path):
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n', "utf-8")
    values["data"] = {"pairs": {"source": "pairs.jsonl"}}
    plan = make_plan(load(values))
    assert len(stages_of(plan, "import_pairs")) == 2
    assert plan.predicted["dpo+plain", 8].verifier_calls == 0


@pytest.mark.parametrize(
    ("place", "source"),
    list(itertools.product(["collect", "math"], ["nano/medium", "no_such_file.jsonl"])),
)
def test_a_missing_source_of_problems(load, values, place, source):
    target = values["data"]["collect"] if place == "collect" else values["evaluation"]["math"][0]
    target["source"] = source
    with pytest.raises(DataError) as caught:
        make_plan(load(values))
    assert place in caught.value.where


def test_a_missing_folder_of_tasks(load, values):
    values["evaluation"]["general"][0]["include_path"] = "no_such_folder"
    with pytest.raises(DataError, match="no folder of lm-eval tasks"):
        make_plan(load(values))


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        (("float32", None, False), None),
        (("float32", None, True), "bfloat16"),
        (("bfloat16", None, True), None),
        (("float16", None, True), None),
        (("float32", "float32", True), None),
        (("float32", "float16", True), "float16"),
        (("bfloat16", "float32", False), "float32"),
    ],
)
def test_the_dtype_of_the_engine_is_told_where_it_is_not_the_model_s(values, load, given, recorded):
    model, engine, gpu_build = given
    values["model"]["dtype"] = model
    values["engine"] = {"dtype": engine}
    asked = stages_of(make_plan(load(values), gpu_build=gpu_build), "answer_math")[0].parameters
    assert asked.generator.engine_dtype == recorded
    assert asked.dtype_in_engine == (recorded or model)
    assert ("engine_dtype" in asked.to_dict()) == (recorded is not None)
    assert asked.to_dict()["dtype"] == model


def test_another_dtype_of_the_engine_trains_no_model_anew_that_has_its_pairs(values, load, tmp_path):
    row = '{"prompt": "p%d", "chosen": "a", "rejected": "b"}\n'
    (tmp_path / "pairs.jsonl").write_text("".join(row % n for n in range(16)), "utf-8")
    values["data"] = {"pairs": {"source": str(tmp_path / "pairs.jsonl")}}
    digests = []
    for dtype in ("float32", "bfloat16"):
        values["engine"] = {"dtype": dtype}
        plan = make_plan(load(values))
        digests.append({stage.digest for stage in plan.stages if stage.kind in {"train", "fingerprint"}})
    assert digests[0] == digests[1]
