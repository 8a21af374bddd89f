"""Estimates of whole plans, and whether memory will do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.forecast.calibration import Measured
from lorr_bench.forecast.estimates import Estimates
from lorr_bench.forecast.memory import ASLEEP_BYTES, Machine, MemoryEstimates, Room, verdict
from lorr_bench.forecast.model_size import ModelSize, read_model_size
from lorr_bench.forecast.workload import Generation, Scoring, Workload, Workloads

GIB = 1 << 30
CPU = Machine((), 16 * GIB)
NANO_PARAMETERS = 869_504  # counted by hand in test_model_size


def nano(path, revision):
    return read_model_size(path, revision)


def estimates(plan, *, done=(), measured=(), sizes=nano, machine=CPU):
    return Estimates(plan, set(done), list(measured), sizes, machine)


def kinds(plan, **more):
    return {estimate.kind: estimate for estimate in estimates(plan, **more).by_kind()}


def test_every_stage_of_the_plan_is_counted_once(plan_of):
    plan = plan_of()
    assert sum(kind.stages for kind in estimates(plan).by_kind()) == len(plan.stages)


def test_without_measured_stages_time_is_unknown(plan_of):
    assert all(kind.seconds.value is None for kind in estimates(plan_of()).by_kind())


def test_tokens_of_a_plan_are_bounded_by_its_limits(plan_of):
    """2 seeds of 50 · 4 answers of 32 tokens; 13 models (2 seeds, 2 budgets, 3 arms, the start) of 30."""
    found = kinds(plan_of())
    assert (found["collect"].tokens.value, found["collect"].tokens.bound) == (2 * 6400, "at most")
    assert found["answer_math"].tokens.value == 13 * 30 * 32


def test_stages_that_are_done_cost_nothing_more(plan_of):
    plan = plan_of()
    found = kinds(plan, done=[stage.digest for stage in plan.stages])
    assert {kind.left for kind in found.values()} == {0}
    assert {kind.seconds.value for kind in found.values()} == {0}
    assert {kind.disk.value for kind in found.values()} == {0}


def test_measured_stages_of_one_seed_tell_the_time_of_the_other(plan_of):
    """Seed 0 of each of 6 trainings took a second a replay; seed 1 will take the same 2 · (1 + 3 + 3)."""
    plan = plan_of()
    workloads = Workloads({stage.digest: stage for stage in plan.stages})
    trained = [s for s in plan.stages if s.kind == "train" and s.parameters.seed == 0]
    measured = [Measured(workloads.of(s), NANO_PARAMETERS, float(s.parameters.replays)) for s in trained]
    found = kinds(plan, done=[stage.digest for stage in trained], measured=measured)["train"]
    assert (found.left, found.seconds.value, str(found.seconds)) == (6, 14, "measured: 6 alike")


def test_device_hours_count_every_device(plan_of):
    plan = plan_of(training={"num_processes": 2}, seeds=[0])
    workloads = Workloads({stage.digest: stage for stage in plan.stages})
    measured = [Measured(workloads.of(s), NANO_PARAMETERS, 5) for s in plan.stages if s.kind == "train"]
    found = kinds(plan, measured=measured)["train"]
    assert (found.seconds.value, found.device_seconds.value) == (6 * 5, 2 * 6 * 5)


@pytest.mark.parametrize(("keep", "models"), [("last", 12), ("best", 6), ("none", 0)])
def test_weights_on_the_disk_follow_the_policy(keep, models, plan_of):
    """3 arms, 2 budgets, 2 seeds."""
    disk = kinds(plan_of(execution={"keep": keep}))["train"].disk
    assert disk.value == models * NANO_PARAMETERS * 4


def test_the_start_model_elsewhere_leaves_memory_and_weights_unknown(plan_of):
    found = kinds(plan_of(), sizes=lambda path, revision: None)
    assert str(found["train"].disk) == "no model on this machine"
    assert found["train"].largest.memory.verdict == "unknown"
    assert found["collect"].largest.memory.figure.value is None


def test_the_largest_training_is_that_with_an_anchor(plan_of):
    assert estimates(plan_of()).largest("train").stage.label == "train dpo+lorr, 8 pairs, seed 0"


def test_a_kind_that_the_plan_does_not_have_has_no_largest_stage(plan_of):
    assert estimates(plan_of()).largest("refresh") is None


def test_arms_with_equal_needs_stand_together(plan_of):
    groups = estimates(plan_of()).by_arm()
    assert [group.arms for group in groups] == [("dpo+lorr",), ("dpo+plain", "dpo+no_reset")]


def test_another_program_that_trains_has_no_formula(plan_of):
    found = kinds(plan_of(methods={"dpo": {"backend": "llamafactory"}}))["train"].largest.memory
    assert (str(found.figure), found.verdict) == ("no formula for this trainer", "unknown")


def test_a_measured_peak_counts_before_the_formula_on_the_same_sort_of_device(plan_of):
    plan = plan_of(plugins={"plain": {}}, seeds=[0], budget={"unique_pairs": [8]})
    stage = next(stage for stage in plan.stages if stage.kind == "train")
    workload = Workloads({s.digest: s for s in plan.stages}).of(stage)
    on_cpu = Measured(workload, NANO_PARAMETERS, 1, peak_memory_bytes=20 * GIB)
    on_gpu = Measured(workload, NANO_PARAMETERS, 1, peak_memory_bytes=30 * GIB, on_gpu=True)
    memory = kinds(plan, measured=[on_cpu, on_gpu])["train"].largest.memory
    assert (memory.figure.value, str(memory.figure)) == (20 * GIB, "measured: 1 alike")
    assert memory.verdict == "does not fit"


# 10 parameters; 8 bytes of key-value cache for each token in two bytes.
TINY = ModelSize({"embed": (10,)}, 1, 4, 4, 1, 1, 2, 5, context=None)


# 8,192 tokens of 3 · (4 + 4) units in two bytes, 256 · 5 logits of 2 and 24 bytes.
FIRST_PASS = 8_192 * 2 * 24 + 256 * 5 * 26


def engine(share=0.5, context=100):
    generation = Generation(2, context, share, 1, 1)
    return Workload("collect", "tiny", 1, generation=generation)


def memory(workload, gpu, sizes=lambda path, revision: TINY):
    return MemoryEstimates(TINY, sizes, Machine((gpu,), GIB), Room(0.5), []).of(workload)


def test_an_engine_fits_when_its_share_holds_weights_and_one_context():
    """20 bytes of weights and 100 · 8 of cache in half a GPU, beside what the first pass takes."""
    needed = 820 + FIRST_PASS
    assert memory(engine(), 2 * needed).verdict == "fits"
    assert memory(engine(), 2 * needed - 2).verdict == "does not fit"


def scorer():
    scoring = Scoring(element_bytes=2, tokens=20, max_length=10, mixed=False)
    return Workload("score", "reward", 1, scoring=scoring, scorer=("reward", "abc"))


@pytest.mark.parametrize(
    ("gpu", "expected"), [(2 * 1176, "fits"), (2 * 980, "may not fit"), (2 * 979, "does not fit")]
)
def test_a_reward_model_must_fit_beside_the_engine(gpu, expected):
    """20 bytes of weights; of 20 tokens 2 · (2 · 4 + 3 · 4) of a block, and 8 of keys and values: 980 of half a GPU."""
    asked = []

    def sizes(path, revision):
        asked.append((path, revision))
        return TINY

    found = memory(scorer(), gpu, sizes)
    assert (found.figure.value, found.verdict) == (980, expected)
    assert set(asked) == {("reward", "abc")}


def test_of_a_reward_model_elsewhere_nothing_is_said():
    found = memory(scorer(), 1640, lambda path, revision: None)
    assert (found.figure.value, found.verdict, found.figure.basis) == (
        None,
        "unknown",
        "no model on this machine",
    )


@pytest.mark.parametrize(
    ("execution", "room"),
    [
        ({}, 40 * GIB - ASLEEP_BYTES),  # they take turns, and the engine sleeps
        ({"executor": "ray"}, 40 * GIB),  # a slot of its own has all of its GPU
        ({"executor": "ray", "resources": {"train": {"gpus": 0.5}, "engine": {"gpus": 0.5}}}, 30 * GIB),
        ({"executor": "ray", "resources": {"train": {"gpus": 1}, "engine": {"gpus": 0.5}}}, 40 * GIB),
    ],
)
def test_training_has_what_an_engine_leaves_of_a_gpu(plan_of, execution, room):
    plan = plan_of(engine={"gpu_memory_utilization": 0.25}, execution=execution)
    assert kinds(plan, machine=Machine((80 * GIB, 40 * GIB), GIB))["train"].largest.memory.room == room


def test_an_engine_that_sleeps_keeps_no_more_than_its_share():
    assert Room(0.25).left(GIB) == 3 * GIB // 4


@pytest.mark.parametrize(
    ("needed", "expected"), [(80, "fits"), (90, "may not fit"), (100, "may not fit"), (101, "does not fit")]
)
def test_a_verdict_allows_for_what_a_formula_leaves_out(needed, expected):
    """A quarter more than 80 is just 100."""
    assert verdict(needed, 100, 0.25) == expected


@pytest.mark.slow
@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_without_tolerance_a_verdict_is_certain(needed, room):
    assert verdict(needed, room) == ("fits" if needed <= room else "does not fit")


def test_grading_takes_no_device_however_long(plan_of):
    found = kinds(plan_of())["grade_math"]
    assert (found.seconds.value, found.device_seconds.value) == (None, 0)
