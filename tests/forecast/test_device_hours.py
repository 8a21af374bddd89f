"""Hours on GPUs that are not here, against arithmetic by hand on two models whose shapes are published.

Llama-3.2-3B, a block: 2 · 3072² + 2 · 1024 · 3072 + 3 · 8192 · 3072 = 100,663,296; 28 of them, and a head of
128256 · 3072, give N = 3,212,574,720. Qwen2.5-7B likewise: 233,046,016 a block, N = 7,070,285,824.
"""

import pytest

from lorr_bench.forecast.calibration import Measured
from lorr_bench.forecast.device_hours import Range, formula_seconds, forward_flops, hours_by_kind
from lorr_bench.forecast.devices import Devices, read_devices
from lorr_bench.forecast.estimates import Estimates
from lorr_bench.forecast.memory import Machine
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.forecast.workload import Generation, Scoring, Training, Workload
from lorr_bench.plan.plan import make_plan
from lorr_bench.ports.trainer import Lora

LLAMA = "meta-llama/Llama-3.2-3B-Instruct"
QWEN = "Qwen/Qwen2.5-7B"
REWARD = "Skywork/Skywork-Reward-Llama-3.1-8B-v0.2"
H100 = read_devices("h100-80gb").device
PUBLISHED_PARAMETERS = {
    LLAMA: 3_212_749_824,
    QWEN: 7_615_616_512,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen/Qwen2.5-Math-7B": 7_615_616_512,
    "mistralai/Mistral-7B-Instruct-v0.2": 7_241_732_096,
    REWARD: 8_030_261_248 - 128_256 * 4096,  # Llama-3.1-8B without its output head
}


def sizes(path, revision):
    return read_model_size(path, revision)


def training(**changes):
    values = {
        "element_bytes": 4, "sequences": 8, "max_length": 4096, "mixed": True, "checkpointing": True,
        "lora": None, "processes": 1, "sharding": "ddp", "whole_logits": False, "reset": None,
        "diagnostics": False,
    }  # fmt: skip
    return Training(**{**values, **changes})


def seconds(workload, model=LLAMA):
    found = formula_seconds(workload, read_model_size(model), H100)
    return found.low, found.high


@pytest.mark.parametrize("name", PUBLISHED_PARAMETERS)
def test_models_of_the_paper_suites_are_known_without_their_files(name):
    assert read_model_size(name, "any").parameters == PUBLISHED_PARAMETERS[name]


def test_operations_of_a_forward_pass():
    assert forward_flops(read_model_size(LLAMA), 4096) == 2 * 3_212_574_720 + 2 * 28 * 4096 * 3072
    assert forward_flops(read_model_size(QWEN), 512) == 2 * 7_070_285_824 + 2 * 28 * 512 * 3584


LLAMA_TOKEN = 7_129_792_512
"""Operations of a token of 4,096: 6,425,149,440 + 704,643,072."""


@pytest.mark.parametrize(
    ("changes", "passes", "peak"),
    [
        ({}, 4, 989e12),
        ({"checkpointing": False}, 3, 989e12),
        ({"lora": Lora(rank=8, targets="all-linear", four_bit=False)}, 3, 989e12),
        ({"mixed": False}, 4, 67e12),
        ({"mixed": False, "element_bytes": 2}, 4, 989e12),
    ],
)
def test_training_is_as_many_forward_passes_over_the_peak(changes, passes, peak):
    """At worst 20 % of the peak and full sequences; at best 45 %, and sequences of a quarter."""
    work = Workload("train", "", 1.0, tokens=1_000_000, training=training(**changes))
    low, high = seconds(work)
    assert high == pytest.approx(passes * LLAMA_TOKEN * 1e6 / (0.2 * peak))
    assert low == pytest.approx(passes * LLAMA_TOKEN * 1e6 / 4 / (0.45 * peak))


def test_processes_share_the_tokens():
    alone = Workload("train", "", 1.0, tokens=1_000_000, training=training())
    shared = Workload("train", "", 1.0, tokens=1_000_000, devices=4, training=training(processes=4))
    assert seconds(shared) == pytest.approx([span / 4 for span in seconds(alone)])


def test_scoring_is_one_forward_pass():
    work = Workload("reference", "", 1.0, tokens=1_000_000, scoring=Scoring(4, 8 * 4096, 4096, mixed=True))
    assert seconds(work)[1] == pytest.approx(LLAMA_TOKEN * 1e6 / (0.2 * 989e12))


def generation(**changes):
    values = {
        "element_bytes": 2, "context": 4096, "gpu_share": 0.9, "kv_cache_gib": 1, "tensor_parallel": 1,
    }  # fmt: skip
    return Generation(**{**values, **changes})


def answers(**changes):
    return Workload(
        "collect", "", 1.0, tokens=1_024_000, answers=1000, devices=changes.get("tensor_parallel", 1),
        generation=generation(**changes),
    )  # fmt: skip


def test_generation_reads_weights_and_cache_for_every_256_tokens():
    """Qwen2.5-7B in bfloat16: 15.23 GB of weights, 57,344 bytes of cache a token, 1,000 answers of 1,024.

    An L40S has 256 of them on their way, and reads 0.864 TB a second.
    """
    weights, cache = 2 * 7_615_616_512, 2 * 28 * 4 * 128 * 2
    at_worst = 1_024_000 / 256 * (weights + 256 * 512 * cache) / 0.864e12 / 0.3
    at_best = 256_000 / 256 * (weights + 256 * 128 * cache) / 0.864e12 / 0.7
    l40s = read_devices("l40s").device
    found = formula_seconds(answers(), read_model_size(QWEN), l40s)
    assert (found.low, found.high) == pytest.approx((at_best, at_worst))
    assert at_worst == pytest.approx(351.0, rel=0.01)  # with a pocket calculator


def test_a_large_gpu_has_so_many_answers_on_their_way_that_it_computes_longer_than_it_reads():
    """All 1,000 of them: 2 · 7.07 GFLOP a token and 2 · 28 · 3,584 for each of 512 before it, at 989 TFLOP/s."""
    flops = 2 * 7_070_285_824 + 2 * 28 * 3584 * 512
    assert flops / 989e12 > (2 * 7_615_616_512 / 1000 + 512 * 57_344) / 3.35e12
    assert seconds(answers(), QWEN)[1] == pytest.approx(1_024_000 * flops / 989e12 / 0.3)


def test_a_small_share_holds_few_answers_at_once():
    """At 0.2 of 81,559 MiB there is room for 1,872,928,973 bytes of cache: 63.8 answers of 512 tokens."""
    weights, cache = 2 * 7_615_616_512, 57_344
    at_once = (0.2 * 81_559 * 2**20 - weights) / (512 * cache)
    assert at_once == pytest.approx(63.8, rel=0.01)
    at_worst = 1_024_000 / at_once * (weights + at_once * 512 * cache) / 3.35e12 / 0.3
    assert seconds(answers(gpu_share=0.2), QWEN)[1] == pytest.approx(at_worst)


def test_two_gpus_read_twice_as_fast():
    assert seconds(answers(tensor_parallel=2), QWEN) == pytest.approx(
        [span / 2 for span in seconds(answers(), QWEN)]
    )


def test_a_reward_model_reads_every_answer():
    work = Workload("score", "", 1000, tokens=1_024_000, scorer=(REWARD, None))
    reading = 2 * PUBLISHED_PARAMETERS[REWARD] * 1_024_000 / (0.2 * 989e12)
    assert seconds(work, REWARD)[1] == pytest.approx(reading)


def test_what_nobody_tells_is_unknown():
    work = Workload("evaluate_general", "", None, tokens=None, answers=None, generation=generation())
    assert formula_seconds(work, read_model_size(QWEN), H100) is None


def hours(plan, devices, measured=(), done=()):
    machine = Machine((devices.device.memory_bytes,) * devices.number, 1 << 30)
    estimates = Estimates(plan, set(done), list(measured), sizes, machine)
    return {found.kind: found for found in hours_by_kind(estimates, sizes, devices)}


@pytest.mark.slow
def test_stages_side_by_side_share_the_hours_and_grading_has_none(plan_of):
    """12 trainings: on 4 GPUs a quarter of the time, on 100 a twelfth."""
    plan = plan_of()
    found = hours(plan, Devices(H100, 4))
    assert "grade_math" not in found
    train = found["train"]
    assert (train.left, train.unknown, train.measured) == (12, 0, 0)
    assert train.seconds.high == pytest.approx(train.device_seconds.high / 4)
    many = hours(plan, Devices(H100, 100))["train"]
    assert many.seconds.high == pytest.approx(train.device_seconds.high / 12)


def test_engines_that_share_a_stage_are_busy_side_by_side(plan_of):
    """Two collections in 4 parts each keep 8 of 100 GPUs busy, with the cost of 8 collections a quarter as large."""
    apart = hours(plan_of(), Devices(H100, 100))["collect"]
    assert apart.seconds.high == pytest.approx(apart.device_seconds.high / 2)
    smaller = {"collect": {"source": "nano/train", "num_prompts": 25, "num_samples": 2, "max_tokens": 32}}
    quarter = hours(plan_of(data=smaller), Devices(H100, 100))["collect"].device_seconds
    shared = hours(plan_of(execution={"parts": 4}), Devices(H100, 100))["collect"]
    assert shared.device_seconds.high == pytest.approx(4 * quarter.high)
    assert shared.seconds.high == pytest.approx(shared.device_seconds.high / 8)


def test_a_training_of_four_processes_does_not_run_on_one_gpu(plan_of):
    plan = plan_of(training={"num_processes": 4})
    assert hours(plan, Devices(H100, 1))["train"].seconds is None
    assert hours(plan, Devices(H100, 4))["train"].seconds is not None


def test_lm_eval_is_unknown_until_it_was_measured(plan_of):
    assert hours(plan_of(), Devices(H100, 1))["evaluate_general"].unknown == 13


def test_measured_stages_replace_the_formula_on_the_same_device_alone(plan_of):
    plan = plan_of()
    machine = Machine((H100.memory_bytes,), 1 << 30)
    workloads = Estimates(plan, set(), [], sizes, machine).workloads_left["train"]
    measured = [Measured(w, 869_504, 7.0, gpu="NVIDIA H100 80GB HBM3") for w in workloads]
    found = hours(plan, Devices(H100, 1), measured)["train"]
    assert (found.device_seconds, found.measured) == (Range(12 * 7.0, 12 * 7.0), 12)
    other = hours(plan, read_devices("l40s"), measured)["train"]
    assert other.measured == 0


def test_what_an_online_method_generates_is_not_guessed(load, values):
    values["methods"] = {"grpo": {}}
    values["plugins"] = {"plain": {}}
    plan = make_plan(load(values))
    assert hours(plan, Devices(H100, 1))["train"].unknown == 4


def test_a_plan_that_is_done_takes_no_hours(plan_of):
    plan = plan_of()
    assert hours(plan, Devices(H100, 1), done=[stage.digest for stage in plan.stages]) == {}
