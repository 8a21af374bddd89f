"""Named sets of lm-eval tasks, as plain data: what the public leaderboards ran, and how.

Task, metric and filter names are those of lm-eval 0.4.13. All of them download their questions from the Hub;
GPQA is gated there: its authors want the terms accepted by each reader.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, Final


def _one(
    task: str, metric: str, num_fewshot: int | None = None, *, name: str | None = None
) -> dict[str, Any]:
    return {"name": name or task, "tasks": (task,), "num_fewshot": num_fewshot, "metric": metric}


PRESETS: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    # The six of the first Open LLM Leaderboard. The name `gsm8k` is left to the math benchmark.
    "classic": (
        _one("arc_challenge", "acc_norm", 25),
        _one("hellaswag", "acc_norm", 10),
        _one("mmlu", "acc", 5),
        _one("truthfulqa_mc2", "acc", 0),  # six examples stand in its prompt anyway
        _one("winogrande", "acc", 5),
        _one("gsm8k", "exact_match,strict-match", 5, name="gsm8k_fewshot"),
    ),
    # The second Open LLM Leaderboard, the parts of lm-eval's group `leaderboard`: each has a metric of its
    # own. Their few-shot numbers stand in the tasks (BBH 3, MATH 4, MMLU-Pro 5, the others 0).
    "leaderboard": (
        _one("leaderboard_bbh", "acc_norm"),
        _one("leaderboard_gpqa", "acc_norm"),
        _one("leaderboard_ifeval", "prompt_level_strict_acc"),
        _one("leaderboard_math_hard", "exact_match"),
        _one("leaderboard_mmlu_pro", "acc"),
        _one("leaderboard_musr", "acc_norm"),
    ),
    "mmlu_pro": (_one("mmlu_pro", "exact_match,custom-extract", 5),),  # with chain of thought
    "bbh": (_one("bbh", "exact_match,get-answer", 3),),  # with chain of thought
}
"""Benchmarks by name of the preset: each a name, lm-eval tasks, few-shot number (None: the tasks' own) and
metric."""

_IFEVAL: Final = {
    "langdetect": "langdetect",
    "immutabledict": "immutabledict",
    "nltk": "nltk>=3.9.1",
    "pkg_resources": "setuptools<81",
}
_NEEDS: Final[Mapping[str, Mapping[str, str]]] = dict.fromkeys(
    ("ifeval", "leaderboard", "leaderboard_ifeval", "leaderboard_instruction_following"), _IFEVAL
)


def expand_preset(name: str) -> list[dict[str, Any]]:
    """The benchmarks of a preset, as a suite would list them.

    Args:
        name: A key of ``PRESETS``.

    Raises:
        KeyError: There is no such preset.
    """
    return [dict(benchmark) for benchmark in PRESETS[name]]


def packages_needed(tasks: Sequence[str]) -> tuple[str, ...]:
    """What lm-eval needs for these tasks and is not installed.

    IFEval's checks ask for packages that lm-eval itself does without. MATH-hard's ``exact_match`` is graded
    by Math-Verify, which is always there; only its ``exact_match_original``, which no preset reports, asks
    for an older antlr4 runtime.

    Args:
        tasks: Names of lm-eval tasks and groups.

    Returns:
        Requirements for ``pip install``, in order of name.
    """
    modules = {module: need for task in tasks for module, need in _NEEDS.get(task, {}).items()}
    return tuple(sorted(need for module, need in modules.items() if importlib.util.find_spec(module) is None))
