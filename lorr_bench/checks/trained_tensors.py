"""Whether resets and adapters find their tensors in the model, whose names are in the head of its files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from lorr_bench.errors import SuiteError
from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.peak_memory import is_lora_target
from lorr_bench.plan.arms import Arm
from lorr_bench.ports.trainer import Lora
from lorr_bench.spec.methods import RESET_PRESETS

PREFIXES: Final = ("", "model.", "transformer.", "gpt_neox.")
"""What a causal model puts before the names of a checkpoint that was saved without its output head."""
MAX_SHOWN: Final = 12


def check_trained_tensors(arms: Iterable[Arm], model: ModelSize | None) -> None:
    """Refuse a reset pattern or an adapter's targets that match no tensor of the model.

    Args:
        arms: Of the plan.
        model: The start model; None where nothing is known of it, and nothing is checked.

    Raises:
        SuiteError: Nothing matches; the error lists layers that there are.
    """
    if model is None:
        return
    for arm in arms:
        lora = arm.known_settings.lora
        if lora is not None:
            _check_targets(arm, lora, model)
        if arm.reset is not None and not _matches(arm.reset.pattern, _trained(model, lora)):
            pattern, what = arm.reset.pattern, "tensors of the model"
            if lora is not None:
                what = f"layers of the adapter, which sits on {_targets_text(lora.targets)}"
            raise SuiteError(
                f"{arm.name}: the reset ({_preset(pattern)}) matches none of the {what}",
                where=f"plugins.{arm.plugin}.reset.tensors",
                fix=f"{_layers(model.linear)} Give a preset or a regular expression that is found in them"
                f"{', or put the adapter on the layers that are reset' if lora else ''}.",
            )


def target_lines(arms: Iterable[Arm], model: ModelSize | None) -> Iterator[str]:
    """Warnings of names among an adapter's targets that match no layer beside others that do.

    Args:
        arms: Of the plan.
        model: The start model; None where nothing is known of it.
    """
    if model is None or not model.linear:
        return
    unmatched: dict[tuple[str, ...], dict[str, None]] = {}
    for arm in arms:
        lora = arm.known_settings.lora
        if lora is not None and not isinstance(lora.targets, str):
            names = tuple(name for name in lora.targets if not _finds(model, (name,)))
            unmatched.setdefault(names, {})[arm.method] = None
    for names, methods in unmatched.items():
        if names:
            yield (
                f"LoRA: no layer of the model is called {' or '.join(names)} (target_modules of "
                f"{', '.join(methods)}); the other targets have adapters. {_layers(model.linear)}"
            )


def _finds(model: ModelSize, targets: str | tuple[str, ...]) -> bool:
    return any(is_lora_target(name, targets) for name in model.linear)


def _check_targets(arm: Arm, lora: Lora, model: ModelSize) -> None:
    if model.linear and not _finds(model, lora.targets):
        raise SuiteError(
            f"{arm.name}: the adapter's targets ({_targets_text(lora.targets)}) match no layer of the model",
            where=f"methods.{arm.method}",
            fix=f"{_layers(model.linear)} Name some of them, or all-linear.",
        )


def _trained(model: ModelSize, lora: Lora | None) -> list[str]:
    """Names of the trained tensors that a reset chooses from."""
    if lora is None:
        return list(model.tensors)
    return [f"{name}.lora_B.default.weight" for name in model.linear if is_lora_target(name, lora.targets)]


def _matches(pattern: str, names: Iterable[str]) -> bool:
    search = re.compile(pattern).search
    return any(search(prefix + name) for name in names for prefix in PREFIXES)


def _preset(pattern: str) -> str:
    names = [name for name, expression in RESET_PRESETS.items() if expression == pattern]
    return f"{names[0]}: {pattern}" if names else pattern


def _targets_text(targets: str | tuple[str, ...]) -> str:
    return targets if isinstance(targets, str) else ", ".join(targets)


def _layers(linear: Mapping[str, object]) -> str:
    """The sorts of layers that there are: those of a block once."""
    sorts = list(dict.fromkeys(name.rpartition(".")[2] for name in linear))
    return f"Its linear layers are called {', '.join(sorts[:MAX_SHOWN])}."
