"""The suites at paper scale: what they say must load, plan without a network, and name only what exists."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
import yaml

from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite, resolved_yaml

FOLDER = Path(__file__).parents[2] / "suites" / "paper"
SUITES = sorted(file.stem for file in FOLDER.glob("*.yaml"))
WITH_GENERAL = ("main_table", "iterative_math")
"""Those that measure general reasoning, and name other models."""
OF_THE_MAIN_TABLE = sorted(set(SUITES) - {"main_table", "iterative_math", "online_math"})
"""Those that vary LoRR on the main table's pairs."""
SHARING = [
    (name, variant)
    for name in OF_THE_MAIN_TABLE
    for variant in ("1x80gb", "4x80gb", "8x80gb")
    if (name, variant) != ("priming", "1x80gb")  # of another model: an adapter can't be primed and reset
]
COMMIT = re.compile(r"[0-9a-f]{40}")


@pytest.fixture
def offline(monkeypatch):
    """Any connection fails the test."""

    def refuse(*_, **__):
        raise AssertionError("planning opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(params=SUITES)
def loaded(request):
    return load_suite(FOLDER / f"{request.param}.yaml")


def sources(value):
    """Every mapping of the suite that names a Hub repository."""
    if isinstance(value, dict):
        if "revision" in value:
            yield value
        for inner in value.values():
            yield from sources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from sources(inner)


def test_they_plan_without_a_network(loaded, offline):
    plan = make_plan(loaded)
    assert plan.stages
    kinds = {"math", "general"} if loaded.path.stem in WITH_GENERAL else {"math"}
    assert {evaluation.kind for evaluation in plan.evaluations} == kinds


def test_what_is_tested_is_said_and_no_default(loaded):
    analysis = loaded.suite.analysis
    assert analysis.measure is not None
    assert analysis.primary


def test_every_hub_repository_is_pinned_to_a_commit(loaded):
    named = list(sources(yaml.safe_load(resolved_yaml(loaded.suite))))
    assert len(named) >= 8
    assert [entry for entry in named if not COMMIT.fullmatch(entry["revision"])] == []


def test_a_repository_in_a_comment_is_pinned_too():
    for name in WITH_GENERAL:
        comments = [
            line for line in (FOLDER / f"{name}.yaml").read_text("utf-8").splitlines() if "#   {" in line
        ]
        assert len(comments) >= 3
        assert all(re.search(r"revision: [0-9a-f]{40}[,}]", line) for line in comments)


def test_all_measure_the_same_six_math_sets(loaded):
    evaluation = loaded.suite.evaluation
    assert [benchmark.name for benchmark in evaluation.math] == [
        "gsm8k", "math500", "minerva_math", "olympiadbench", "aime24", "amc23",
    ]  # fmt: skip
    main_table = load_suite(FOLDER / "main_table.yaml").suite.evaluation
    assert evaluation.math == main_table.math
    if loaded.path.stem in WITH_GENERAL:
        assert evaluation.general == main_table.general


def stages_by_label(name, variant):
    """Digests of the stages that make pairs and train, by label."""
    plan = make_plan(load_suite(FOLDER / f"{name}.yaml", [f"variant={variant}", "evaluation.general=[]"]))
    kinds = ("sample", "score", "pair_scored", "collect", "train")
    return {stage.label: stage.digest for stage in plan.stages if stage.kind in kinds}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), SHARING)
def test_work_of_the_main_table_is_not_done_again(name, variant, offline):
    """Pairs are made once for all, and so are the arms that both have."""
    own, main_table = stages_by_label(name, variant), stages_by_label("main_table", variant)
    shared = own.keys() & main_table.keys()
    assert {label: own[label] for label in shared} == {label: main_table[label] for label in shared}
    made = {label for label in own if not label.startswith(("train", "prime"))}
    assert made <= shared


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["1x80gb", "4x80gb", "8x80gb"])
def test_rounds_beside_online_methods_are_those_of_the_iterative_suite(variant, offline):
    own, iterative = stages_by_label("online_math", variant), stages_by_label("iterative_math", variant)
    rounds = {label for label in iterative if "dpo_iterative" in label}
    assert rounds
    assert {label: own[label] for label in rounds} == {label: iterative[label] for label in rounds}


def test_online_methods_answer_and_grade_no_more_than_rounds(offline):
    spends = {
        name: spend
        for (name, _), spend in make_plan(load_suite(FOLDER / "online_math.yaml")).predicted.items()
    }
    rounds = spends.pop("dpo_iterative+lorr")
    assert {"grpo+plain", "rloo+plain"} <= spends.keys()
    for spend in spends.values():
        assert (spend.prompts, spend.verifier_calls) == (rounds.prompts, rounds.verifier_calls)


def test_components_are_all_eight_combinations(offline):
    arms = make_plan(load_suite(FOLDER / "components.yaml")).arms
    parts = {(arm.replays == 3, arm.reset is not None, any(arm.sft_weights)) for arm in arms}
    assert len(arms) == len(parts) == 8


def test_every_method_of_the_main_table_has_lorr_and_its_baseline(offline):
    plan = make_plan(load_suite(FOLDER / "main_table.yaml"))
    methods = {"dpo", "ipo", "slic", "apo_zero", "kto", "simpo", "cpo", "orpo"}
    pairs = {f"{method}+{plugin}" for method in methods for plugin in ("plain", "lorr")}
    assert {arm.name for arm in plan.arms} == pairs | {"sft+plain"}


def test_every_optimizer_step_of_the_main_table_sees_128_pairs(offline):
    for arm in make_plan(load_suite(FOLDER / "main_table.yaml")).arms:
        rows_of_a_pair = 2 if arm.adapter.rows == "labels" else 1
        assert arm.hyperparameters.global_batch_size == 128 * rows_of_a_pair, arm.name


def test_three_rounds_cost_what_one_does(offline):
    plan = make_plan(load_suite(FOLDER / "iterative_math.yaml"))
    spends = {name: spend for (name, _), spend in plan.predicted.items()}
    one, three = spends["dpo+plain"], spends["dpo_iterative+plain"]
    assert (three.prompts, three.unique_pairs) == (one.prompts, one.unique_pairs)
    rounds = [
        stage for stage in plan.stages if "dpo_iterative+plain" in stage.label and stage.kind == "train"
    ]
    assert len(rounds) == 3 * len(plan.suite.seeds)


@pytest.mark.slow
def test_lm_eval_has_every_general_task():
    import lm_eval.tasks
    from lm_eval.tasks import TaskManager

    own = Path(lm_eval.tasks.__file__).parent  # all of its folders take seconds to read
    folders = [own / folder for folder in ("bbh", "arc", "commonsense_qa", "mmlu_pro")]
    known = set(TaskManager(include_path=folders, include_defaults=False).all_tasks)
    for name in WITH_GENERAL:
        suite = load_suite(FOLDER / f"{name}.yaml").suite
        assert {task for group in suite.evaluation.general for task in group.tasks} <= known


def test_published_figures_stand_beside_the_arms_that_they_are_about(offline):
    published = make_plan(load_suite(FOLDER / "iterative_math.yaml")).published
    # DPO-VP's README: MATH-500 64.8 for the base, 74.8 after six rounds
    shown = {(line.arm, line.value) for line in published if line.benchmark == "math500"}
    assert shown == {("start", 0.648), ("dpo_iterative+plain", 0.748)}
