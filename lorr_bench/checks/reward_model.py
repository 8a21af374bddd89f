"""Whether a reward model can score, by its configuration: it is loaded only when answers are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lorr_bench.checks.tokens import has_padding
from lorr_bench.errors import ModelError
from lorr_bench.plan.identity.model_files import read_configuration
from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.plan.plan import Plan
from lorr_bench.spec.sources import RewardModelSpec

LABELS_BY_DEFAULT: Final = 2
"""Outputs of a model whose configuration does not say how many it has."""


def reward_model_lines(plan: Plan) -> Iterator[str]:
    """Refuse a model that does not score, and say where answers are scored one by one.

    Args:
        plan: The plan. A model that is not on this machine is not looked at.

    Raises:
        ModelError: It is a language model, or gives several numbers, or its tokenizer does not load.
    """
    spec = next((stage.reward_model for stage in plan.stages if isinstance(stage, Collect)), None)
    if spec is None or not Path(spec.path).is_dir():
        return
    config = read_configuration(Path(spec.path) / "config.json")
    _check(spec, config)
    if spec.batch_size > 1 and not _pads(spec, config):
        yield (
            "Padding: neither the reward model nor its tokenizer has a padding token, so answers are scored "
            f"one by one, not {spec.batch_size} at a time. Save it with one (pad_token_id, pad_token)."
        )


def _check(spec: RewardModelSpec, config: Mapping[str, Any]) -> None:
    where = "data.collect.reward_model.path"
    kinds = [str(kind) for kind in config.get("architectures") or ()]
    if any(kind.endswith("ForCausalLM") for kind in kinds):
        raise ModelError(
            f"{spec.path} is a language model ({', '.join(kinds)}), and has no trained weights that score",
            where=where,
            fix="Give a reward model: a sequence-classification model with one output.",
        )
    labels = len(config.get("id2label") or ()) or config.get("num_labels", LABELS_BY_DEFAULT)
    if kinds and labels != 1:
        raise ModelError(
            f"{spec.path} gives {labels} numbers for an answer, not one score",
            where=where,
            fix="Give a reward model with one output (num_labels = 1).",
        )


def _pads(spec: RewardModelSpec, config: Mapping[str, Any]) -> bool:
    return config.get("pad_token_id") is not None or has_padding(Path(spec.path), spec)
