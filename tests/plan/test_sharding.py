"""Reading a configuration of accelerate, and refusing what the suite or resets could not hold to."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import SuiteError
from lorr_bench.plan.sharding import library_of, sharding_of
from lorr_bench.spec.models import TrainingSpec

FSDP = {
    "distributed_type": "FSDP",
    "fsdp_config": {"fsdp_version": 2, "fsdp_cpu_ram_efficient_loading": False},
}
DDP = {"distributed_type": "MULTI_GPU"}
DEEPSPEED = {"distributed_type": "DEEPSPEED", "deepspeed_config": {"zero_stage": 1}}


@pytest.fixture
def read(tmp_path):
    def from_text(text):
        (tmp_path / "own.yaml").write_text(text)
        return sharding_of(TrainingSpec(num_processes=2, accelerate_config="own.yaml"), tmp_path)

    return from_text


@pytest.mark.parametrize("config", [FSDP, DDP, DEEPSPEED])
def test_a_file_is_read_beside_the_suite(read, config):
    assert read(yaml.safe_dump(config)) == config


def test_a_precision_of_none_is_as_if_it_were_not_there(read):
    assert read(yaml.safe_dump({**DDP, "mixed_precision": "no"})) == DDP
    assert read("distributed_type: MULTI_GPU\nmixed_precision: no") == DDP


def test_one_process_shares_nothing(tmp_path):
    assert sharding_of(TrainingSpec(accelerate_config="missing.yaml"), tmp_path) is None
    assert sharding_of(TrainingSpec(sharding="fsdp"), tmp_path) is None


def test_without_a_file_the_name_counts(tmp_path):
    assert sharding_of(TrainingSpec(num_processes=2, sharding="fsdp"), tmp_path) == "fsdp"


@pytest.mark.parametrize(
    ("sharding", "library"),
    [
        (None, "ddp"),
        ("ddp", "ddp"),
        ("fsdp", "fsdp"),
        ("deepspeed_zero2", "deepspeed"),
        ("deepspeed_zero3", "deepspeed"),
        (FSDP, "fsdp"),
        (DDP, "ddp"),
        (DEEPSPEED, "deepspeed"),
    ],
)
def test_what_shares_the_model(sharding, library):
    assert library_of(sharding) == library


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({**DDP, "compute_environment": "AMAZON_SAGEMAKER"}, "compute_environment"),
        ({**DDP, "num_machines": 2}, "num_machines"),
        ({**DDP, "gpu_ids": "0,1"}, "gpu_ids"),
        ({**DDP, "mixed_precision": "fp8"}, "mixed_precision"),
        ({**FSDP, "fsdp_config": {}}, "fsdp_version"),
        ({**FSDP, "fsdp_config": {**FSDP["fsdp_config"], "fsdp_version": 1}}, "fsdp_version"),
        ({**FSDP, "fsdp_config": {"fsdp_version": 2}}, "fsdp_cpu_ram_efficient_loading"),
        (
            {**DEEPSPEED, "deepspeed_config": {"gradient_accumulation_steps": 2}},
            "gradient_accumulation_steps",
        ),
        ({**DEEPSPEED, "deepspeed_config": {"gradient_clipping": 1.0}}, "gradient_clipping"),
        ({**DEEPSPEED, "deepspeed_config": {"deepspeed_config_file": "a.json"}}, "deepspeed_config_file"),
        ({**DEEPSPEED, "deepspeed_config": {"zero3_init_flag": True}}, "zero3_init_flag"),
        ({"distributed_type": "MEGATRON_LM"}, "distributed_type"),
        ({"distributed_type": ["FSDP"]}, "distributed_type"),
        ({}, "distributed_type"),
        (["FSDP"], "distributed_type"),
    ],
)
def test_what_is_said_elsewhere_or_can_not_be_reset_is_refused(read, config, key):
    with pytest.raises(SuiteError, match=key) as caught:
        read(yaml.safe_dump(config))
    assert caught.value.where.endswith("own.yaml")
    assert caught.value.fix


def test_a_missing_file_is_an_error_of_the_suite(tmp_path):
    with pytest.raises(SuiteError, match="can't be read") as caught:
        sharding_of(TrainingSpec(num_processes=2, accelerate_config="missing.yaml"), tmp_path)
    assert caught.value.where == "training.accelerate_config"


def test_a_file_that_is_no_text_is_an_error_of_the_suite(tmp_path):
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(SuiteError, match="can't be read"):
        sharding_of(TrainingSpec(num_processes=2, accelerate_config="own.yaml"), tmp_path)


def test_a_large_file_is_not_read(read):
    with pytest.raises(SuiteError, match="larger than 1 MiB"):
        read("#" * (1 << 20) + "#")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["FSDP", "DEEPSPEED", "no"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["distributed_type", "fsdp_config", "deepspeed_config"]), inner)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@given(JSON)
def test_whatever_the_file_says_only_our_own_error_comes_out(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.yaml").write_text(yaml.safe_dump(content))
    try:
        config = sharding_of(TrainingSpec(num_processes=2, accelerate_config="own.yaml"), folder)
    except SuiteError:
        return
    assert library_of(config) in ("ddp", "fsdp", "deepspeed")
