from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from lorr_bench.export.marl_eval_curves import left_out, marl_eval_json
from lorr_bench.values import START, ArmParts, Point, Results, Score, Stratum

ARMS = ("dpo+plain", "dpo+lorr")
BUDGETS = (64, 128)
SEEDS = (0, 1)
BENCHMARKS = (("gsm8k", "math", "greedy"), ("arc", "general", "acc_norm"))


def values(point, benchmark):
    """Right answers to four problems: more with more data, fewer with the second seed."""
    right = {0: 0, 64: 1, 128: 3}[point.unique_pairs] + (point.arm == "dpo+lorr") - (point.seed == 1)
    return tuple(float(index < right) for index in range(4))


def score(point, benchmark, kind, metric):
    found = values(point, benchmark)
    return Score(point, benchmark, kind, metric, sum(found) / len(found), found)


def suite(scores):
    return Results(
        suite="nano",
        description="",
        suite_text="",
        baselines={},
        arms={arm: ArmParts.of(arm) for arm in ARMS},
        held_equal="data",
        equal_quantities=(),
        scores=scores,
        spends={},
        diagnostics={},
        answers=[],
        times=[],
        versions={},
        missing={},
    )


@pytest.fixture
def scores():
    points = [START] + [Point(a, b, s) for a in ARMS for b in BUDGETS for s in SEEDS]
    return [score(point, *benchmark) for point in points for benchmark in BENCHMARKS]


def test_a_metric_of_lm_eval_is_compared_whatever_its_name():
    points = [Point(a, b, s) for a in ARMS for b in BUDGETS for s in SEEDS]
    found = [
        score(point, *of)
        for point in points
        for of in (("humaneval", "general", "pass@1"), ("gsm8k", "math", "pass@4"))
    ]
    assert list(marl_eval_json(suite(found))["nano"]) == ["humaneval"]


def test_the_form_is_marl_evals(scores):
    found = marl_eval_json(suite(scores))
    assert list(found) == ["nano"]
    assert list(found["nano"]) == ["gsm8k", "arc"]
    assert list(found["nano"]["arc"]) == list(ARMS)
    assert list(found["nano"]["arc"]["dpo+lorr"]) == ["seed_0", "seed_1"]
    assert found["nano"]["arc"]["dpo+lorr"]["seed_1"] == {
        "step_0": {"step_count": 0, "accuracy": [0.0, 0.0, 0.0, 0.0]},
        "step_1": {"step_count": 64, "accuracy": [1.0, 0.0, 0.0, 0.0]},
        "step_2": {"step_count": 128, "accuracy": [1.0, 1.0, 1.0, 0.0]},
        "absolute_metrics": {"accuracy": [1.0, 1.0, 1.0, 0.0]},
    }
    assert json.loads(json.dumps(found)) == found


def test_where_problems_do_not_count_alike_the_score_stands_alone(scores):
    strata = (Stratum(1, 0.5), Stratum(3, 0.5))
    weighted = [replace(one, value=0.625, strata=strata) if one.benchmark == "arc" else one for one in scores]
    found = marl_eval_json(suite(weighted))["nano"]
    assert {tuple(step["accuracy"]) for step in found["arc"]["dpo+plain"]["seed_0"].values()} == {(0.625,)}
    assert len(found["gsm8k"]["dpo+plain"]["seed_0"]["step_0"]["accuracy"]) == 4


def test_without_a_start_model_the_first_step_is_the_smallest_budget(scores):
    found = marl_eval_json(suite([s for s in scores if s.point != START]))
    assert found["nano"]["arc"]["dpo+plain"]["seed_0"]["step_0"]["step_count"] == 64


def test_a_benchmark_that_the_start_model_lacks_starts_no_benchmark_at_zero(scores):
    found = marl_eval_json(suite([s for s in scores if (s.point, s.benchmark) != (START, "arc")]))
    steps = {len(run) for task in found["nano"].values() for arm in task.values() for run in arm.values()}
    assert steps == {3}


def test_one_tested_measure_stands_for_a_benchmark_greedy_before_others(scores):
    point = Point("dpo+lorr", 64, 0)
    others = [
        Score(point, "gsm8k", "math", metric, 1.0, (1.0,) * 4) for metric in ("pass@4", "avg@4", "maj@4")
    ]
    assert marl_eval_json(suite([*others, *scores])) == marl_eval_json(suite(scores))


def test_pass_at_1_of_lm_eval_is_its_own_metric_and_stands_for_its_task(scores):
    """Only pass@k of math are functions of other answers; humaneval has no other metric."""
    code = [replace(s, benchmark="humaneval", metric="pass@1") for s in scores if s.kind == "general"]
    assert list(marl_eval_json(suite([*scores, *code]))["nano"]) == ["gsm8k", "arc", "humaneval"]


def without(scores, point, benchmark):
    return [s for s in scores if (s.point, s.benchmark) != (point, benchmark)]


def test_an_arm_that_lacks_anything_is_left_out_and_named(scores):
    results = suite(without(scores, Point("dpo+lorr", 128, 1), "arc"))
    assert left_out(results) == ("dpo+lorr",)
    assert {tuple(task) for task in marl_eval_json(results)["nano"].values()} == {("dpo+plain",)}
    assert left_out(suite(scores)) == ()


def test_a_value_without_a_number_is_lacking(scores):
    point = Point("dpo+plain", 64, 0)
    gone = [replace(s, value=math.nan) if s.point == point else s for s in scores]
    assert left_out(suite(gone)) == ("dpo+plain",)


def test_without_a_complete_arm_there_is_nothing():
    assert marl_eval_json(suite([])) == {}
    assert left_out(suite([])) == ARMS


def test_names_have_no_commas(scores):
    renamed = [
        replace(s, point=replace(s.point, arm=s.point.arm.replace("lorr", "lorr,l=3"))) for s in scores
    ]
    results = replace(suite(renamed), arms={arm: ArmParts.of(arm) for arm in ("dpo+plain", "dpo+lorr,l=3")})
    assert list(marl_eval_json(results)["nano"]["arc"]) == ["dpo+plain", "dpo+lorr;l=3"]
