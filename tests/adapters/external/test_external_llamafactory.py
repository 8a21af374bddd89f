"""What LLaMA-Factory is given and how its files are read, without LLaMA-Factory."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lorr_bench_adapters.external import llamafactory
from lorr_bench_adapters.external.methods import LlamaFactoryDPO, LlamaFactoryORPO, LlamaFactorySimPO
from lorr_bench_adapters.external.replay_run import ReplayRun
from lorr_bench_adapters.settings import LoraSettings
from pydantic import ValidationError

from lorr_bench.errors import MissingPackageError
from lorr_bench.values import Pair

METHODS = [LlamaFactoryDPO, LlamaFactoryORPO, LlamaFactorySimPO]


@pytest.fixture
def environment(tmp_path):
    """A folder like a virtual environment with LLaMA-Factory, as far as its versions go."""
    packages = tmp_path / "environment" / "lib" / "python3.11" / "site-packages"
    for name, version in (("llamafactory", "0.9.5"), ("torch", "2.11.0+cpu")):
        folder = packages / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        text = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n\nVersion: of the description\n"
        (folder / "METADATA").write_text(text, "utf-8")
    return tmp_path / "environment"


@pytest.fixture
def make_run(tmp_path, environment):
    """Makes a run of two pairs."""

    def make_run(method=LlamaFactoryDPO, adapter=None, **settings):
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        return ReplayRun(
            start=Path("/models/start"),
            model=Path("/models/replay-1"),
            adapter=adapter,
            rows=[Pair("b", "2+2=", "4", "5", 1), Pair("a", "1+1=", "2", "3", 0)],
            sft_weight=0.33,
            seed=7,
            settings=method.hyperparameters(environment=str(environment), **settings),
            trust_remote_code=False,
            begin="<s>",
            end="</s>",
            folder=folder,
        )

    return make_run


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(llamafactory.VARIABLE, raising=False)


def test_the_configuration_holds_every_setting_in_llamafactorys_words(make_run, environment, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run = make_run(
        beta=0.2,
        learning_rate=3e-6,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        lr_scheduler_type="cosine",
        warmup_ratio=0.1,
        weight_decay=0.01,
        adam_beta1=0.8,
        adam_beta2=0.99,
        adam_epsilon=1e-6,
        max_grad_norm=0.5,
        max_length=512,
        bf16=True,
        gradient_checkpointing=True,
    )
    command = LlamaFactoryDPO().command(run)
    file = run.folder / "train.yaml"
    assert command == [str(environment / "bin" / "python"), "-m", "llamafactory.cli", "train", str(file)]
    assert yaml.safe_load(file.read_text("utf-8")) == {
        "stage": "dpo",
        "do_train": True,
        "model_name_or_path": "/models/replay-1",
        "trust_remote_code": False,
        "finetuning_type": "full",
        "ref_model": "/models/start",
        "pref_loss": "sigmoid",
        "pref_beta": 0.2,
        "pref_ftx": 0.33,
        "dataset": "pairs",
        "dataset_dir": str(run.folder),
        "cache_dir": str(run.folder / "cache"),
        "template": "empty",
        "cutoff_len": 513,
        "disable_shuffling": True,
        "output_dir": str(run.folder / "trained"),
        "num_train_epochs": 1,
        "learning_rate": 3e-6,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "weight_decay": 0.01,
        "adam_beta1": 0.8,
        "adam_beta2": 0.99,
        "adam_epsilon": 1e-6,
        "max_grad_norm": 0.5,
        "bf16": True,
        "disable_gradient_checkpointing": False,
        "seed": 7,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


@pytest.mark.parametrize(
    ("targets", "written"),
    [("all-linear", "all"), (("q_proj", "o_proj"), "q_proj,o_proj"), ("o_proj", "o_proj")],
)
def test_lora_trains_an_adapter_whose_reference_is_the_model_below_it(make_run, targets, written):
    run = make_run(lora=LoraSettings(r=4, lora_alpha=8, lora_dropout=0.1, target_modules=targets))
    config = llamafactory.configuration(run, gpu=False)
    lora = {key: value for key, value in config.items() if key.startswith("lora_")}
    assert lora == {"lora_rank": 4, "lora_alpha": 8, "lora_dropout": 0.1, "lora_target": written}
    assert config["finetuning_type"] == "lora"
    assert not {"ref_model", "adapter_name_or_path"} & config.keys()


def test_lora_goes_on_with_the_adapter_of_the_replay_before(make_run):
    run = make_run(lora=LoraSettings(), adapter=Path("/kept/replay-1"))
    assert llamafactory.configuration(run, gpu=False)["adapter_name_or_path"] == "/kept/replay-1"


def test_a_gpu_is_used_where_there_is_one(make_run):
    config = llamafactory.configuration(make_run(), gpu=True)
    assert (config["use_cpu"], config["dataloader_pin_memory"]) == (False, True)


@pytest.mark.parametrize(
    ("method", "settings", "loss"),
    [
        (LlamaFactoryDPO, {"beta": 0.3}, {"pref_loss": "sigmoid", "pref_beta": 0.3}),
        (LlamaFactoryORPO, {"orpo_lambda": 0.3}, {"pref_loss": "orpo", "pref_beta": 0.3}),
        (
            LlamaFactorySimPO,
            {"beta": 2.0, "gamma_beta_ratio": 0.4},
            {"pref_loss": "simpo", "pref_beta": 2.0, "simpo_gamma": 0.8},
        ),
    ],
)
def test_each_loss_is_named_with_its_strengths(method, settings, loss):
    assert method().loss_settings(method.hyperparameters(**settings)) == loss


def test_rows_keep_their_order_and_carry_first_and_end_token(make_run):
    run = make_run()
    llamafactory.write_rows(run)
    assert json.loads((run.folder / "pairs.json").read_text("utf-8")) == [
        {"prompt": "<s>2+2=", "chosen": "4</s>", "rejected": "5</s>"},
        {"prompt": "<s>1+1=", "chosen": "2</s>", "rejected": "3</s>"},
    ]
    assert json.loads((run.folder / "dataset_info.json").read_text("utf-8")) == {
        "pairs": {
            "file_name": "pairs.json",
            "ranking": True,
            "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        }
    }


def test_a_response_that_was_cut_has_no_end_token(make_run):
    run = make_run()
    cut = Pair("b", "2+2=", "4", "5", 1, rejected_truncated=True)
    llamafactory.write_rows(dataclasses.replace(run, rows=[cut]))
    assert json.loads((run.folder / "pairs.json").read_text("utf-8")) == [
        {"prompt": "<s>2+2=", "chosen": "4</s>", "rejected": "5"}
    ]


@pytest.mark.parametrize("named", [None, "/nowhere"])
def test_without_an_environment_the_error_gives_the_commands_that_make_one(make_run, named):
    settings = LlamaFactoryDPO.hyperparameters(environment=named)
    with pytest.raises(MissingPackageError, match="LLaMA-Factory is not installed") as caught:
        LlamaFactoryDPO().variables(settings)
    for command in llamafactory.INSTALL:
        assert command in caught.value.fix
    assert "LORR_BENCH_LLAMAFACTORY" in caught.value.fix


def test_the_documentation_gives_the_same_commands():
    page = Path(__file__).parents[3] / "docs" / "llamafactory.md"
    assert "\n".join(llamafactory.INSTALL) in page.read_text("utf-8")


def test_the_setting_of_the_suite_wins_over_the_variable(environment, monkeypatch):
    settings = LlamaFactoryDPO.hyperparameters
    variables = {llamafactory.VARIABLE: "/from/the/variable"}
    assert llamafactory.find_environment(settings(environment=str(environment)), variables) == environment
    assert llamafactory.environment_folder(settings(), variables) == Path("/from/the/variable")


def test_versions_are_those_of_the_environment(environment, monkeypatch):
    versions = {"llamafactory": "0.9.5", "transformers": "none", "trl": "none", "torch": "2.11.0+cpu"}
    assert (
        LlamaFactoryDPO().packages(LlamaFactoryDPO.hyperparameters(environment=str(environment))) == versions
    )
    monkeypatch.setenv(llamafactory.VARIABLE, str(environment))
    assert LlamaFactoryDPO().packages(LlamaFactoryDPO.hyperparameters()) == versions


def test_versions_without_environment_are_none():
    assert set(LlamaFactoryDPO().packages(LlamaFactoryDPO.hyperparameters()).values()) == {"none"}


def test_the_program_gets_its_own_environment_and_one_device(environment, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name, value in (("PYTHONPATH", "/x"), ("FORCE_TORCHRUN", "1"), ("PATH", "/bin"), ("KEPT", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    variables = LlamaFactoryDPO().variables(LlamaFactoryDPO.hyperparameters(environment=str(environment)))
    assert not {"PYTHONPATH", "FORCE_TORCHRUN"} & variables.keys()
    expected = {
        "KEPT": "1",
        "PATH": f"{environment}/bin:/bin",
        "VIRTUAL_ENV": str(environment),
        "CUDA_VISIBLE_DEVICES": "2",
    }
    assert {name: variables[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("visible", "gpu", "device"),
    [({}, True, "0"), ({"CUDA_VISIBLE_DEVICES": "3"}, True, "3"), ({"CUDA_VISIBLE_DEVICES": "3"}, False, "")],
)
def test_one_device_is_visible_where_this_process_has_any(visible, gpu, device):
    assert llamafactory.visible_device(visible, gpu=gpu) == device


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lora": {"load_in_4bit": True}}, "load_in_4bit is not passed on"),
        ({"precompute_ref_batch_size": 8}, "precompute_ref_batch_size has no effect"),
    ],
)
def test_a_setting_without_effect_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        LlamaFactoryDPO.hyperparameters(**settings)


@pytest.mark.parametrize("method", METHODS)
def test_settings_survive_the_way_through_a_record(method):
    settings = method.hyperparameters(learning_rate=1e-5, environment="/somewhere")
    assert method.hyperparameters.model_validate(settings.model_dump(mode="json")) == settings


def test_progress_is_read_from_whole_lines_only(make_run):
    run = make_run()
    assert LlamaFactoryDPO().steps_done(run) == 0
    run.output.mkdir()
    file = run.output / "trainer_log.jsonl"
    file.write_text("", "utf-8")
    assert LlamaFactoryDPO().steps_done(run) == 0
    lines = ('{"current_steps": 1, "total_steps": 3}', '{"current_steps": 2, "total_steps": 3}')
    file.write_text("\n".join(lines) + '\n{"current_st', "utf-8")
    assert LlamaFactoryDPO().steps_done(run) == 2


def test_the_logs_are_means_over_the_steps(make_run):
    run = make_run()
    run.output.mkdir()
    history = [
        {"loss": 0.7, "rewards/margins": 0.0, "epoch": 0.5, "step": 1},
        {"loss": 0.5, "rewards/margins": 1.0, "epoch": 1.0, "step": 2},
        {"train_runtime": 3.0, "epoch": 1.0, "step": 2},
    ]
    (run.output / "trainer_state.json").write_text(json.dumps({"log_history": history}), "utf-8")
    assert LlamaFactoryDPO().logged(run) == pytest.approx({"loss": 0.6, "rewards/margins": 0.5})


@pytest.mark.slow
def test_importing_the_methods_needs_neither_torch_nor_llamafactory():
    modules = ", ".join(method.__module__ for method in METHODS)
    code = f"import {modules}, sys; print(sorted({{'torch', 'transformers', 'llamafactory'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
