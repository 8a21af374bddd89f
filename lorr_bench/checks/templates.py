"""Whether the model has the chat template asked for, and pairs are written as questions are asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from lorr_bench.errors import ModelError
from lorr_bench.plan.identity.model_files import read_configuration
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.plan.plan import Plan
from lorr_bench.spec.models import Suite
from lorr_bench.spec.sources import PromptSpec

TEMPLATE_FILES: Final = ("chat_template.jinja", "chat_template.json")
TOKENIZER_SETTINGS: Final = "tokenizer_config.json"
MAX_NAMES: Final = 4
TURN_MARKS: Final = re.compile(r"<\|?\w+\|?>|\[/?INST\]")
"""Marks of turns that a prompt's own template may write, as the prompt `qwen-math-cot` does."""


def check_template(plan: Plan) -> None:
    """Refuse texts in a chat template that the start model does not have.

    Args:
        plan: The plan. A model that is not on this machine is not looked at.

    Raises:
        ModelError: There is none.
    """
    folder, suite = Path(plan.model.path), plan.suite
    file = suite.data.pairs
    asked = {
        "data.collect": suite.data.collect is not None and suite.data.collect.chat_template,
        "data.pairs": file is not None and file.chat_template,
        **{f"evaluation.math ({math.name})": math.chat_template for math in suite.evaluation.math},
        **{f"evaluation.general ({one.name})": one.apply_chat_template for one in suite.evaluation.general},
    }
    using = [place for place, wanted in asked.items() if wanted]
    if using and folder.is_dir() and not _has_template(folder):
        raise ModelError(
            f"the tokenizer has no chat template, which {_asking(using)} for",
            where=str(folder),
            fix="Set chat_template: false (of a benchmark: another `prompt`; of lm-eval's tasks: "
            "apply_chat_template: false), or use an instruction-tuned model.",
        )


def _has_template(folder: Path) -> bool:
    if any((folder / name).is_file() for name in TEMPLATE_FILES):
        return True
    settings = read_configuration(folder / TOKENIZER_SETTINGS)
    return not settings or bool(settings.get("chat_template"))


def template_lines(plan: Plan) -> Iterator[str]:
    """Warnings of benchmarks that ask in another form than the pairs are written in.

    Args:
        plan: The plan. Ready-made pairs whose form their first row does not tell are left to those who read
            them.
    """
    trained = _trained_in_template(plan)
    asked = _asked_in_template(plan.suite)
    other = [name for name, inside in asked.items() if inside is not trained]
    if trained is None or not other:
        return
    place = "data.collect" if plan.suite.data.collect is not None else "data.pairs"
    if trained:
        yield (
            f"Chat template: the pairs are written in it ({place}), {_asking(other)} without it: what is "
            f"trained is not what is asked for. {_ask_in_template(plan.suite, other)} asks in it, too."
        )
    else:
        yield (
            f"Chat template: {_asking(other)} in it, the pairs are written without it ({place}): what is "
            f"trained is not what is asked for. `{place}.chat_template: true` trains in it, too."
        )


def _trained_in_template(plan: Plan) -> bool | None:
    """Whether pairs are written in the chat template; None where that is not known before they are read."""
    collect, file = plan.suite.data.collect, plan.suite.data.pairs
    if collect is not None:
        return _in_template(collect)
    if file is not None and file.chat_template:
        return True
    stage = next(stage for stage in plan.stages if isinstance(stage, ImportPairs))
    return False if stage.template_model is None else None


def _asked_in_template(suite: Suite) -> Mapping[str, bool]:
    """By name of the benchmark."""
    math = {one.name: _in_template(one) for one in suite.evaluation.math}
    return math | {one.name: one.apply_chat_template for one in suite.evaluation.general}


def _in_template(spec: PromptSpec) -> bool:
    return spec.chat_template or TURN_MARKS.search(spec.template) is not None


def _ask_in_template(suite: Suite, names: Sequence[str]) -> str:
    """The settings that put these benchmarks into the chat template."""
    general = {one.name for one in suite.evaluation.general}
    settings = ["`prompt: chat`"] * any(name not in general for name in names)
    settings += ["`apply_chat_template: true` (lm-eval)"] * any(name in general for name in names)
    return " or ".join(settings)


def _asking(names: Sequence[str]) -> str:
    """Subject and verb."""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{', '.join(names[:MAX_NAMES])}{more} {'asks' if len(names) == 1 else 'ask'}"
