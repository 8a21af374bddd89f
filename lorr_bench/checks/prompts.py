"""Whether the model has the template that prompts are put in, and answers fit the length of training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import ModelError
from lorr_bench.plan.plan import Plan

TEMPLATE_FILES: Final = ("chat_template.jinja", "chat_template.json")
TOKENIZER_SETTINGS: Final = "tokenizer_config.json"
MAX_NAMES: Final = 4


def check_template(plan: Plan) -> None:
    """Refuse prompts in a chat template that the start model does not have.

    Args:
        plan: The plan. A model that is not on this machine is not looked at.

    Raises:
        ModelError: There is none.
    """
    folder, suite = Path(plan.model.path), plan.suite
    asked = {
        "data.collect": suite.data.collect is not None and suite.data.collect.chat_template,
        **{f"evaluation.math ({math.name})": math.chat_template for math in suite.evaluation.math},
    }
    using = [place for place, wanted in asked.items() if wanted]
    if using and folder.is_dir() and not _has_template(folder):
        more = f" and {len(using) - MAX_NAMES} more" if len(using) > MAX_NAMES else ""
        raise ModelError(
            f"the tokenizer has no chat template, which {', '.join(using[:MAX_NAMES])}{more} ask for",
            where=str(folder),
            fix="Set chat_template: false (of a benchmark: another `prompt`), or use an instruction-tuned "
            "model.",
        )


def _has_template(folder: Path) -> bool:
    if any((folder / name).is_file() for name in TEMPLATE_FILES):
        return True
    try:
        settings: Any = json.loads((folder / TOKENIZER_SETTINGS).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return True  # whoever loads the tokenizer says what is wrong with it
    return not isinstance(settings, dict) or bool(settings.get("chat_template"))


def length_lines(plan: Plan) -> Iterator[str]:
    """Warnings of collected answers that can be longer than what is trained on, or than the engine's context.

    Args:
        plan: The plan.
    """
    collect, context = plan.suite.data.collect, plan.suite.engine.max_model_len
    if collect is None:
        return
    if context is not None and collect.max_tokens >= context:
        yield (
            f"Lengths: data.collect.max_tokens is {collect.max_tokens:,}, the engine's context for prompt "
            f"and answer {context:,}: no answer gets that long. Raise engine.max_model_len."
        )
    short: dict[int, list[str]] = {}
    for arm in plan.arms:
        length = arm.known_settings.max_length
        if length is not None and length <= collect.max_tokens and not arm.adapter.online:
            short.setdefault(length, []).append(arm.name)
    for length, names in short.items():
        yield (
            f"Lengths: answers have up to {collect.max_tokens:,} tokens (data.collect.max_tokens), prompt "
            f"and answer are cut at max_length = {length:,} in {', '.join(names)}. Raise max_length, or "
            "lower max_tokens."
        )
