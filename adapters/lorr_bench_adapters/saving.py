"""Find out before the training whether what comes of it can be saved.

Transformers loads some models that it refuses to save, and says so only when it is asked to.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from lorr_bench.errors import ModelError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import GenerationConfig

_LOG: Final = logging.getLogger(__name__)
# How GenerationConfig.validate lists the settings that it refuses, one a line.
_ISSUE: Final = re.compile(r"^- `(\w+)`: ", re.MULTILINE)


def drop_ignored_settings(model: Any) -> None:
    """Take out of a model's generation settings what transformers ignores, but refuses to save.

    For example a temperature beside ``do_sample: false``. What it does heed, such as end tokens, stays.
    """
    config = getattr(model, "generation_config", None)  # a model that does not generate has none
    if config is None:
        return
    ignored = ignored_settings(config)
    for name in ignored:
        _LOG.warning(
            "generation_config: %s = %s is left out of saved models: as the other settings are, it has no "
            "effect, and transformers refuses to save it",
            name,
            getattr(config, name),
        )
        setattr(config, name, None)


def ignored_settings(config: GenerationConfig) -> list[str]:
    """Names of the settings without effect that transformers refuses to save."""
    try:
        config.validate(strict=True)
    except ValueError as error:
        return [name for name in _ISSUE.findall(str(error)) if hasattr(config, name)]
    return []


def has_adapter(model: Any) -> TypeGuard[PeftModel]:
    """Whether a LoRA adapter lies on a model. Does not import peft, which takes seconds."""
    peft = sys.modules.get("peft")  # where nothing has imported it, no model has an adapter
    return peft is not None and isinstance(model, peft.PeftModel)


def base_model(model: Any) -> Any:
    """The model of transformers beneath a LoRA adapter, or the model itself."""
    return model.get_base_model() if has_adapter(model) else model


def check_saving(model: Any, tokenizer: Any, output: Path) -> None:
    """Save everything but the weights beside the place where the model will lie, and remove it again.

    Args:
        model: Of transformers, with or without a LoRA adapter.
        tokenizer: Its tokenizer.
        output: Where it will be saved.

    Raises:
        ModelError: Something of it can't be saved.
    """
    plain = base_model(model)
    parts = {"config.json": plain.config, "the tokenizer": tokenizer}
    if plain.can_generate():
        parts["generation_config.json"] = plain.generation_config
    trial = output.with_name(f"{output.name}.trial")
    try:
        for name, part in parts.items():
            _try_saving(name, part, trial)
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _try_saving(name: str, part: Any, folder: Path) -> None:
    try:
        part.save_pretrained(str(folder))
    except OSError:
        raise  # of the disk, which the stage explains
    except Exception as error:
        raise ModelError(
            f"{name} of the model can't be saved, so nothing is trained: {type(error).__name__}: {error}",
            # Configurations and tokenizers know where they come from, generation settings do not.
            where=str(getattr(part, "name_or_path", "") or name),
            fix="Mend what this names in the model's folder, so that transformers can load and save it.",
        ) from error
