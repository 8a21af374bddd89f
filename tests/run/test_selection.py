"""What ``--only`` means."""

from pathlib import Path

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.selection import select
from lorr_bench.spec.load import load_suite

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"


@pytest.fixture(scope="module")
def plan():
    return make_plan(load_suite(SMOKE))


def labels(plan, patterns):
    found = select(plan, patterns)
    return [stage.label for stage in plan.stages if stage.digest in found]


def test_an_arm_is_its_training_and_all_its_evaluations(plan):
    points = [point for point in plan.training if point.arm == "dpo+lorr"]
    expected = {plan.training[point] for point in points}
    expected |= {e.digest for e in plan.evaluations if e.point in points}
    expected |= {e.answers for e in plan.evaluations if e.point in points}
    assert select(plan, ["dpo+lorr"]) == expected


def test_stars_stand_for_letters(plan):
    assert select(plan, ["dpo+*"]) >= select(plan, ["dpo+plain"]) | select(plan, ["dpo+lorr"])


def test_a_kind_of_stage(plan):
    assert select(plan, ["collect"]) == {stage.digest for stage in plan.stages if stage.kind == "collect"}


def test_a_label(plan):
    found = labels(plan, ["*start model"])
    assert found
    assert all("start model" in label for label in found)


def test_several_patterns_add_up(plan):
    assert select(plan, ["collect", "dpo+plain"]) == select(plan, ["collect"]) | select(plan, ["dpo+plain"])


def test_a_name_of_nothing_is_refused_with_the_nearest(plan):
    with pytest.raises(SuiteError, match="nothing is called 'dpo\\+lor'") as caught:
        select(plan, ["dpo+lor"])
    assert "dpo+lorr" in caught.value.fix


def test_a_label_that_is_misspelt_is_told_the_nearest(plan):
    with pytest.raises(SuiteError) as caught:
        select(plan, ["colect, seed 0"])
    assert caught.value.fix.startswith("did you mean `collect, seed 0`?")
