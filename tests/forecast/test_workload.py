"""Workloads of planned stages, counted by hand."""

import dataclasses

import pytest

from lorr_bench.forecast.workload import Workloads
from lorr_bench.plan.kinds.train import Processes
from lorr_bench.ports.trainer import Lora


@pytest.fixture
def workloads(plan_of):
    """Workloads of the sample suite with changes, by label of their stage."""

    def read(**changes):
        plan = plan_of(**changes)
        reader = Workloads({stage.digest: stage for stage in plan.stages})
        return {stage.label: reader.of(stage) for stage in plan.stages}

    return read


def test_a_collection_is_answers_times_their_limit(workloads):
    """50 prompts, 4 answers of 32 tokens."""
    found = workloads()["collect, seed 0"]
    assert (found.units, found.tokens, found.answers, found.devices) == (6400, 6400, 200, 1)


def test_a_share_of_a_collection_is_rounded_up(workloads):
    """200 answers and 6,400 tokens by 3: 66.7 and 2,133.3."""
    found = workloads()["collect, seed 0"].share(3)
    assert (found.tokens, found.answers) == (2134, 67)
    assert found.units == pytest.approx(6400 / 3)
    assert workloads()["collect, seed 0"].share(1) == workloads()["collect, seed 0"]


def test_a_share_of_what_nobody_tells_is_unknown(workloads):
    found = dataclasses.replace(workloads()["collect, seed 0"], units=None, tokens=None, answers=None).share(
        2
    )
    assert (found.units, found.tokens, found.answers) == (None, None, None)


def test_training_counts_sequences_over_all_replays(workloads):
    """8 pairs are 16 sequences, of 1,024 tokens by default; LoRR passes them three times."""
    found = workloads()
    plain, lorr = found["train dpo+plain, 8 pairs, seed 0"], found["train dpo+lorr, 8 pairs, seed 0"]
    assert (plain.units, plain.tokens) == (16, 16 * 1024)
    assert (lorr.units, lorr.tokens) == (48, 48 * 1024)


def test_seeds_have_equal_workloads_and_budgets_have_not(workloads):
    found = workloads()
    assert found["train dpo+plain, 8 pairs, seed 0"] == found["train dpo+plain, 8 pairs, seed 1"]
    assert found["train dpo+plain, 8 pairs, seed 0"] != found["train dpo+plain, 16 pairs, seed 0"]


def test_training_that_goes_on_counts_its_own_replays(workloads):
    """With rollouts every replay is a stage: 16 sequences each."""
    found = workloads(plugins={"lorr": {"rollout_ratio": 0.5}})
    labels = [label for label in found if label.startswith("train dpo+lorr, 8 pairs, seed 0")]
    assert [found[label].units for label in labels] == [16, 16, 16]


def test_rollouts_are_the_expected_number_of_answers(workloads):
    """Half of 8 rows, 4 answers of 32 tokens."""
    found = workloads(plugins={"lorr": {"rollout_ratio": 0.5}})
    assert found["rollouts before replay 2: dpo+lorr, 8 pairs, seed 0"].units == 4 * 4 * 32


def test_settings_of_the_method_decide_the_memory(workloads):
    lora = {"r": 4, "target_modules": ["q_proj"], "load_in_4bit": True}
    dpo = {"per_device_train_batch_size": 3, "max_length": 64, "bf16": True, "gradient_checkpointing": True}
    training = workloads(methods={"dpo": {**dpo, "lora": lora}})["train dpo+lorr, 8 pairs, seed 0"].training
    assert (training.sequences, training.max_length) == (6, 64)
    assert training.mixed
    assert training.checkpointing
    assert training.lora == Lora(rank=4, targets=("q_proj",), four_bit=True)
    assert training.reset == r"\.(o_proj|down_proj)\."
    assert not training.whole_logits


def test_mixed_precision_says_nothing_on_weights_of_two_bytes(workloads):
    found = workloads(model={"path": "nano", "dtype": "bfloat16"}, methods={"dpo": {"bf16": True}})
    training = found["train dpo+plain, 8 pairs, seed 0"].training
    assert (training.element_bytes, training.mixed) == (2, False)


@pytest.mark.parametrize(
    ("method", "plugins", "sequences", "micro_batch"),
    [
        ("kto", ["plain"], 16, 4),  # both responses of 8 pairs, one a row
        ("sft", ["plain"], 8, 4),  # the chosen ones
        ("rejection_sampling", ["plain"], 200, 4),  # every answer, were all right
        ("simpo", ["plain"], 16, 8),
    ],
)
def test_each_kind_of_rows_has_its_sequences(method, plugins, sequences, micro_batch, workloads):
    settings = {"per_device_train_batch_size": 4, "plugins": plugins}
    found = workloads(methods={method: settings})[f"train {method}+plain, 8 pairs, seed 0"]
    assert (found.units, found.training.sequences) == (sequences, micro_batch)
    assert found.training.whole_logits == (method == "simpo")


def test_an_online_method_counts_its_own_answers(workloads):
    """50 prompts, 2 answers each, of 1,024 and 256 tokens by default."""
    found = workloads(
        methods={"grpo": {"num_generations": 2, "plugins": ["plain"]}},
        budget={"unique_pairs": [8], "equal": "prompts"},
    )["train grpo+plain, 8 pairs, seed 0"]
    assert (found.units, found.training.max_length) == (100, 1280)


def test_another_program_has_no_formula(workloads):
    found = workloads(methods={"dpo": {"backend": "llamafactory"}})
    assert found["train dpo+plain, 8 pairs, seed 0"].training is None


def test_processes_and_sharding_are_devices(workloads):
    found = workloads(training={"num_processes": 2, "sharding": "fsdp"})["train dpo+plain, 8 pairs, seed 0"]
    assert (found.devices, found.training.processes, found.training.sharding) == (2, 2, "fsdp")


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"distributed_type": "FSDP"}, "fsdp"),
        ({"distributed_type": "MULTI_GPU"}, "ddp"),
        ({"distributed_type": "DEEPSPEED", "deepspeed_config": {"zero_stage": 3}}, "deepspeed_zero3"),
        ({"distributed_type": "DEEPSPEED"}, "deepspeed_zero2"),
    ],
)
def test_a_configuration_of_the_user_counts_as_the_nearest_shipped_one(config, name, plan_of):
    plan = plan_of()
    stage = next(stage for stage in plan.stages if stage.kind == "train")
    parameters = dataclasses.replace(stage.parameters, processes=Processes(2, config))
    changed = dataclasses.replace(stage, parameters=parameters)
    assert Workloads({}).of(changed).training.sharding == name


@pytest.mark.parametrize(("budgets", "pairs"), [([8, 16], 32), ([8, 33], 50)])
def test_a_reference_scores_the_largest_budget_in_whole_batches(workloads, budgets, pairs):
    """Two responses each, of 1,024 tokens by default: of 32 pairs a forward pass has 32,768 tokens at most.

    50 prompts give no more pairs.
    """
    read = workloads(budget={"unique_pairs": budgets})
    [found] = {w for label, w in read.items() if label.startswith("reference")}
    assert found.units == 2 * pairs
    assert found.scoring.tokens == 32_768


def test_answers_to_a_benchmark_are_greedy_and_repeated(workloads):
    """10 problems, one greedy answer and two more, of 32 tokens."""
    found = workloads()
    assert (found["easy answers: start model"].answers, found["easy answers: start model"].tokens) == (
        30,
        960,
    )
    assert found["easy: start model"].units == 30


def test_lm_eval_alone_knows_its_questions(workloads):
    found = workloads()["general: start model"]
    assert (found.units, found.tokens) == (None, None)


def test_a_model_cut_over_gpus_occupies_them(workloads):
    assert workloads(engine={"tensor_parallel_size": 2})["collect, seed 0"].devices == 2


def test_imported_pairs_and_grading_need_no_device(workloads, tmp_path):
    (tmp_path / "pairs.jsonl").write_text("", "utf-8")
    found = workloads(data={"pairs": {"source": "pairs.jsonl"}})
    assert found["pairs, seed 0"].devices == 0
    assert found["easy: start model"].devices == 0
    assert found["train dpo+plain, 8 pairs, seed 0"].units == 16
