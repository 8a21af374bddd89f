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
SUITES = ("main_table", "iterative_math")
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
    assert {evaluation.kind for evaluation in plan.evaluations} == {"math", "general"}


def test_every_hub_repository_is_pinned_to_a_commit(loaded):
    named = list(sources(yaml.safe_load(resolved_yaml(loaded.suite))))
    assert len(named) >= 8
    assert [entry for entry in named if not COMMIT.fullmatch(entry["revision"])] == []


def test_a_repository_in_a_comment_is_pinned_too():
    for name in SUITES:
        comments = [
            line for line in (FOLDER / f"{name}.yaml").read_text("utf-8").splitlines() if "#   {" in line
        ]
        assert len(comments) >= 3
        assert all(re.search(r"revision: [0-9a-f]{40}[,}]", line) for line in comments)


def test_both_measure_the_same_six_math_sets():
    first, second = (load_suite(FOLDER / f"{name}.yaml").suite.evaluation for name in SUITES)
    assert first == second
    assert [benchmark.name for benchmark in first.math] == [
        "gsm8k", "math500", "minerva_math", "olympiadbench", "aime24", "amc23",
    ]  # fmt: skip


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
    for name in SUITES:
        suite = load_suite(FOLDER / f"{name}.yaml").suite
        assert {task for group in suite.evaluation.general for task in group.tasks} <= known


def test_published_figures_stand_beside_the_arms_that_they_are_about(offline):
    published = make_plan(load_suite(FOLDER / "iterative_math.yaml")).published
    # DPO-VP's README: MATH-500 64.8 for the base, 74.8 after six rounds
    shown = {(line.arm, line.value) for line in published if line.benchmark == "math500"}
    assert shown == {("start", 0.648), ("dpo_iterative+plain", 0.748)}
