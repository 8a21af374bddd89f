"""LLaMA-Factory (Zheng et al. 2024, arXiv 2403.13372), in an environment of its own.

Everything that this project knows about that program is in this file. Read from its release 0.9.5:
``disable_shuffling`` takes the rows in the order of the file; the template ``empty`` adds neither first nor
end token, so both are written into the rows; the SFT term of ``pref_ftx`` is the mean over tokens, then over
sequences, as in ``lorr_bench.lorr.objective``. Its ``pref_loss`` values ``ipo`` and ``hinge`` are not offered
here: it does not pass them on to TRL 0.24, and ``sigmoid`` is computed in their place.
"""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Mapping
from email.parser import HeaderParser
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from lorr_bench.errors import MissingPackageError
from lorr_bench.outside import public_variables
from lorr_bench_adapters.external.checkpoints import CheckpointTrainer
from lorr_bench_adapters.external.replay_run import ReplayRun
from lorr_bench_adapters.settings import TrainingSettings

VARIABLE: Final = "LORR_BENCH_LLAMAFACTORY"
PACKAGES: Final = ("llamafactory", "transformers", "trl", "torch")
INSTALL: Final = (
    "python3 -m venv llamafactory-env",
    "llamafactory-env/bin/pip install llamafactory==0.9.5",
    "llamafactory-env/bin/pip install torch==2.11.0 torchaudio==2.11.0 torchvision==0.26.0",
)
# Set by a user for other runs, these would change which Python, or how many processes, train here.
NOT_INHERITED: Final = ("PYTHONPATH", "PYTHONHOME", "FORCE_TORCHRUN", "USE_MCA", "USE_RAY", "USE_V1")


class LlamaFactorySettings(TrainingSettings):
    """What a suite can set for every method; the learning-rate schedule begins anew at each replay."""

    environment: str | None = Field(
        None,
        description=f"folder of LLaMA-Factory's virtual environment; by default that of {VARIABLE}",
        json_schema_extra={"place": True},
    )
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = Field(
        "linear", description="runs through one replay, and begins anew at the next"
    )
    warmup_ratio: float = Field(0.0, ge=0, lt=1, description="share of the steps of each replay")

    @model_validator(mode="after")
    def _only_what_has_an_effect(self) -> Self:
        if self.lora is not None and self.lora.load_in_4bit:
            raise ValueError("load_in_4bit is not passed on to LLaMA-Factory")
        if self.precompute_ref_batch_size != TrainingSettings().precompute_ref_batch_size:
            raise ValueError(
                "precompute_ref_batch_size has no effect: LLaMA-Factory computes its own reference"
            )
        return self


class LlamaFactoryMethod(CheckpointTrainer):
    """A loss of LLaMA-Factory's stage ``dpo``. A subclass names it."""

    backend: ClassVar[str] = "llamafactory"
    version: ClassVar[int] = 2
    hyperparameters: ClassVar[type[TrainingSettings]] = LlamaFactorySettings

    @abstractmethod
    def loss_settings(self, settings: Any) -> dict[str, Any]:
        """The loss as LLaMA-Factory's options."""

    def packages(self, hyperparameters: LlamaFactorySettings) -> dict[str, str]:
        """Versions in LLaMA-Factory's environment; ``none`` where there is no such environment."""
        folder = environment_folder(hyperparameters, os.environ)
        return {name: installed_version(folder, name) for name in PACKAGES}

    def variables(self, settings: LlamaFactorySettings) -> dict[str, str]:
        """This process's variables, on one device, with that environment's programs first."""
        import torch

        environment = find_environment(settings, os.environ)
        own = {k: value for k, value in public_variables(os.environ).items() if k not in NOT_INHERITED}
        return {
            **own,
            "VIRTUAL_ENV": str(environment),
            "PATH": f"{environment / 'bin'}{os.pathsep}{own.get('PATH', os.defpath)}",
            "CUDA_VISIBLE_DEVICES": visible_device(own, gpu=torch.cuda.is_available()),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def command(self, run: ReplayRun) -> list[str]:
        """Write rows and configuration; ``python -m llamafactory.cli train``."""
        import torch
        import yaml

        environment = find_environment(run.settings, os.environ)
        write_rows(run)
        config = {**configuration(run, gpu=torch.cuda.is_available()), **self.loss_settings(run.settings)}
        file = run.folder / "train.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
        return [str(environment / "bin" / "python"), "-m", "llamafactory.cli", "train", str(file)]

    def steps_done(self, run: ReplayRun) -> int:
        """From ``trainer_log.jsonl``, to which each step adds a line."""
        file = run.output / "trainer_log.jsonl"
        if not file.exists():
            return 0
        whole_lines = file.read_text("utf-8").split("\n")[:-1]
        return int(json.loads(whole_lines[-1])["current_steps"]) if whole_lines else 0

    def logged(self, run: ReplayRun) -> dict[str, float]:
        """Means over the steps in ``trainer_state.json``: loss, rewards and log-probabilities."""
        state = json.loads((run.output / "trainer_state.json").read_text("utf-8"))
        steps = [entry for entry in state["log_history"] if "loss" in entry]
        names = sorted(steps[0].keys() - {"step", "epoch"})
        return {name: fmean(entry[name] for entry in steps) for name in names}


def write_rows(run: ReplayRun) -> None:
    """The pairs in order, and the ``dataset_info.json`` that describes them.

    What is cut has no end token: it is not finished.
    """
    rows = [
        {
            "prompt": run.begin + pair.prompt.removeprefix(run.begin),
            "chosen": pair.chosen + ("" if pair.chosen_truncated else pair.chosen_end or run.end),
            "rejected": pair.rejected + ("" if pair.rejected_truncated else pair.rejected_end or run.end),
        }
        for pair in run.rows
    ]
    columns = {name: name for name in ("prompt", "chosen", "rejected")}
    described = {"pairs": {"file_name": "pairs.json", "ranking": True, "columns": columns}}
    (run.folder / "pairs.json").write_text(json.dumps(rows), "utf-8")
    (run.folder / "dataset_info.json").write_text(json.dumps(described), "utf-8")


def configuration(run: ReplayRun, *, gpu: bool) -> dict[str, Any]:
    """Everything but the loss, as LLaMA-Factory's options."""
    settings: LlamaFactorySettings = run.settings
    return {
        "stage": "dpo",
        "do_train": True,
        "model_name_or_path": str(run.model),
        "trust_remote_code": run.trust_remote_code,
        **_trained_weights(run),
        "pref_ftx": run.sft_weight,
        "dataset": "pairs",
        "dataset_dir": str(run.folder),
        "cache_dir": str(run.folder / "cache"),
        "template": "empty",
        # The rows fit already. At just its cutoff, LLaMA-Factory can cut a token by rounding.
        "cutoff_len": settings.max_length + 1,
        "disable_shuffling": True,
        "output_dir": str(run.output),
        "num_train_epochs": 1,
        **settings.training_arguments(),
        "disable_gradient_checkpointing": not settings.gradient_checkpointing,
        "seed": run.seed,
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _trained_weights(run: ReplayRun) -> dict[str, Any]:
    """All weights, the reference beside them; or an adapter, which has the reference below it."""
    lora = run.settings.lora
    if lora is None:
        return {"finetuning_type": "full", "ref_model": str(run.start)}
    targets = lora.target_modules if isinstance(lora.target_modules, str) else ",".join(lora.target_modules)
    goes_on = {"adapter_name_or_path": str(run.adapter)} if run.adapter else {}
    return {
        "finetuning_type": "lora",
        "lora_rank": lora.r,
        "lora_alpha": lora.lora_alpha,
        "lora_dropout": lora.lora_dropout,
        "lora_target": "all" if targets == "all-linear" else targets,
        **goes_on,
    }


def visible_device(variables: Mapping[str, str], *, gpu: bool) -> str:
    """The first device that this process sees; on several, LLaMA-Factory would enlarge the global batch."""
    if not gpu:
        return ""
    return variables.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]


def environment_folder(settings: LlamaFactorySettings | None, variables: Mapping[str, str]) -> Path | None:
    """The folder that the suite or the variable names, if any."""
    named = (settings.environment if settings else None) or variables.get(VARIABLE)
    return Path(named).absolute() if named else None


def find_environment(settings: LlamaFactorySettings, variables: Mapping[str, str]) -> Path:
    """LLaMA-Factory's virtual environment.

    Raises:
        MissingPackageError: None is named, or LLaMA-Factory is not in it.
    """
    folder = environment_folder(settings, variables)
    if folder is not None and installed_version(folder, "llamafactory") != "none":
        return folder
    place = f"in {folder}" if folder else f"anywhere known: neither `environment` nor {VARIABLE} is set"
    commands = "\n  ".join(INSTALL)
    raise MissingPackageError(
        f"LLaMA-Factory is not installed {place}",
        where="methods.*.environment",
        fix=f"Make one, and name its folder in `environment` or in {VARIABLE}:\n  {commands}",
    )


def installed_version(environment: Path | None, package: str) -> str:
    """Version of a package in a virtual environment, read from its files; ``none`` where it is missing."""
    if environment is None:
        return "none"
    found = sorted(environment.glob(f"lib/python3*/site-packages/{package}-*.dist-info/METADATA"))
    return str(HeaderParser().parsestr(found[0].read_text("utf-8"))["Version"]) if found else "none"
