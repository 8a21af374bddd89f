"""How the processes of a training run share a model: a configuration of accelerate, shipped or the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from lorr_bench.errors import SuiteError
from lorr_bench.spec.document import MAX_BYTES, read_document
from lorr_bench.spec.models import TrainingSpec

Sharding = str | Mapping[str, Any]
"""The name of a shipped configuration, or what the user's own says."""
Library = Literal["ddp", "fsdp", "deepspeed"]

WHERE: Final = "training.accelerate_config"
_LIBRARIES: Final[dict[str, Library]] = {"MULTI_GPU": "ddp", "FSDP": "fsdp", "DEEPSPEED": "deepspeed"}
_PRECISION_FIX: Final = "Leave it out: the method's `bf16` says it."
_SUITE_FIX: Final = "Leave it out: the suite's hyper-parameters say it."
_DEVICES_FIX: Final = "Leave it out: a run has one machine, and each of its workers has GPUs of its own."
_SHARDED_LATER_FIX: Final = "Set it to false: anchor and diagnostics look at the weights before they are cut."
_LIMITS: Final[tuple[tuple[str, tuple[Any, ...], str], ...]] = (
    ("compute_environment", (None, "LOCAL_MACHINE"), _DEVICES_FIX),
    ("num_machines", (None, 1), _DEVICES_FIX),
    ("gpu_ids", (None, "all"), _DEVICES_FIX),
    ("mixed_precision", (None, False, "no"), _PRECISION_FIX),
    ("deepspeed_config.gradient_accumulation_steps", (None, "auto"), _SUITE_FIX),
    ("deepspeed_config.gradient_clipping", (None, "auto"), _SUITE_FIX),
    ("deepspeed_config.deepspeed_config_file", (None,), "Say it in `deepspeed_config` itself."),
    ("deepspeed_config.zero3_init_flag", (None, False), _SHARDED_LATER_FIX),
)
"""Key, values that it may have, and what to do about others."""
_FSDP_LIMITS: Final[tuple[tuple[str, tuple[Any, ...], str], ...]] = (
    ("fsdp_config.fsdp_version", (2,), "Set it to 2: resets know its sharded parameters alone."),
    ("fsdp_config.fsdp_cpu_ram_efficient_loading", (False,), _SHARDED_LATER_FIX),
)


def sharding_of(training: TrainingSpec, folder: Path) -> Sharding | None:
    """What the suite asks for; None for one process.

    Args:
        training: Of the suite.
        folder: What the path of a configuration is relative to.

    Raises:
        SuiteError: The configuration is missing, not readable, or says what the suite says.
    """
    if training.num_processes == 1:
        return None
    if training.accelerate_config is None:
        return training.sharding
    return _read(folder / training.accelerate_config)


def library_of(sharding: Sharding | None) -> Library:
    """What shares the model between processes."""
    if isinstance(sharding, Mapping):
        return _LIBRARIES[sharding["distributed_type"]]
    name = sharding or "ddp"
    return "deepspeed" if name.startswith("deepspeed") else "fsdp" if name == "fsdp" else "ddp"


def _read(path: Path) -> dict[str, Any]:
    fix = "Give a YAML file as `accelerate config` writes it."
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode("utf-8")
    except (OSError, ValueError) as error:
        raise SuiteError(f"the file can't be read: {error}", where=WHERE, fix=fix) from error
    if len(text) > MAX_BYTES:
        raise SuiteError(f"{path} is larger than 1 MiB", where=WHERE, fix=fix)
    config = read_document(text, lambda line: f"{path}:{line}").value
    _check(config, path)
    config.pop("mixed_precision", None)
    return {**config}


def _check(config: Any, path: Path) -> None:
    kind = config.get("distributed_type") if isinstance(config, dict) else None
    if not isinstance(kind, str) or kind not in _LIBRARIES:
        raise SuiteError(
            f"`distributed_type` is {kind!r}, not {', '.join(_LIBRARIES)}",
            where=str(path),
            fix="Write the file by `accelerate config`, or use `training.sharding`.",
        )
    for key, allowed, fix in _LIMITS + (_FSDP_LIMITS if kind == "FSDP" else ()):
        value = _value(config, key)
        if not any(value is other or (type(value) is type(other) and value == other) for other in allowed):
            raise SuiteError(f"`{key}` is {value!r}", where=str(path), fix=fix)


def _value(config: dict[str, Any], key: str) -> Any:
    section, _, name = key.rpartition(".")
    inside = config.get(section) if section else config
    return inside.get(name) if isinstance(inside, dict) else None
