"""Whether a reward model can score: all that can be told before the answers are drawn that it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lorr_bench.checks.tokens import has_padding
from lorr_bench.data.tokens import bare_tokenizer
from lorr_bench.errors import ModelError
from lorr_bench.forecast.memory import Machine, Room
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.forecast.peak_memory import reward_peak
from lorr_bench.forecast.workload import Workloads
from lorr_bench.grade.reward import conversation_ids
from lorr_bench.plan.identity.hub_model import fetch_description, folder_here
from lorr_bench.plan.identity.model_files import read_configuration
from lorr_bench.plan.kinds.answers.score import Score
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.trainer import StartModel
from lorr_bench.quantities import size_text
from lorr_bench.spec.models import Suite
from lorr_bench.spec.sources import RewardModelSpec

LABELS_BY_DEFAULT: Final = 2
"""Outputs of a model whose configuration does not say how many it has."""
PLACE: Final = "data.collect.reward_model"
QUESTION, ANSWER = "What is 1 + 1?", "2"
"""The shortest thing to score: a model that has no room for it has room for nothing."""


def reward_model_lines(plan: Plan) -> Iterator[str]:
    """Refuse a model that does not score, and say where answers are scored one by one.

    Args:
        plan: The plan. A model that is not on this machine is not looked at.

    Raises:
        ModelError: It is a language model, or gives several numbers; its tokenizer does not load; its chat
            template does not take a question and an answer, or leaves no room for them.
    """
    score = _first(plan.stages)
    folder = _folder(score.reward_model) if score is not None else None
    if score is not None and folder is not None:
        yield from _lines(score.reward_model, folder)


def readiness_lines(suite: Suite, stages: Sequence[Stage], machine: Callable[[], Machine]) -> Iterator[str]:
    """Refuse a run whose answers nothing could score: before they are drawn, which takes hours.

    Of a model that is not on this machine all but the weights is fetched, and looked at.

    Args:
        suite: Says where stages run; the memory of a cluster's machines is not known here.
        stages: Those that a run is going to do.
        machine: Measures this one.

    Raises:
        ModelError: As ``reward_model_lines``; or the Hub does not give the model to this user, or its weights
            have no room.
    """
    score = _first(stages)
    if score is None:
        return
    spec, folder = score.reward_model, _folder(score.reward_model)
    if folder is None:
        folder = fetch_description(spec.path, spec.revision, f"{PLACE}.path")
        if folder is not None:
            yield from _lines(spec, folder)
    if folder is not None and suite.execution.executor == "local":
        yield from _room_lines(score, folder, suite, machine())


def _first(stages: Sequence[Stage]) -> Score | None:
    return next((stage for stage in stages if isinstance(stage, Score)), None)


def _folder(spec: RewardModelSpec) -> Path | None:
    """Where the model lies on this machine."""
    return Path(spec.path) if Path(spec.path).is_dir() else folder_here(spec.path, spec.revision)


def _lines(spec: RewardModelSpec, folder: Path) -> Iterator[str]:
    config = read_configuration(folder / "config.json")
    _check_outputs(spec, config)
    _check_template(spec, folder)
    pads = config.get("pad_token_id") is not None or has_padding(folder, spec)
    if spec.batch_size > 1 and not pads:
        yield (
            "Padding: neither the reward model nor its tokenizer has a padding token, so answers are scored "
            f"one by one, not {spec.batch_size} at a time. Save it with one (pad_token_id, pad_token)."
        )


def _check_outputs(spec: RewardModelSpec, config: Mapping[str, Any]) -> None:
    kinds = [str(kind) for kind in config.get("architectures") or ()]
    if any(kind.endswith("ForCausalLM") for kind in kinds):
        raise ModelError(
            f"{spec.path} is a language model ({', '.join(kinds)}), and has no trained weights that score",
            where=f"{PLACE}.path",
            fix="Give a reward model: a sequence-classification model with one output.",
        )
    labels = len(config.get("id2label") or ()) or config.get("num_labels", LABELS_BY_DEFAULT)
    if kinds and labels != 1:
        raise ModelError(
            f"{spec.path} gives {labels} numbers for an answer, not one score",
            where=f"{PLACE}.path",
            fix="Give a reward model with one output (num_labels = 1).",
        )


def _check_template(spec: RewardModelSpec, folder: Path) -> None:
    tokenizer = bare_tokenizer(StartModel(str(folder), None, spec.dtype, spec.trust_remote_code))
    try:
        tokens = len(conversation_ids(tokenizer, QUESTION, ANSWER, spec.template_date))
    except Exception as error:  # a template is a program, which raises what it likes
        raise ModelError(
            f"the chat template of {spec.path} does not take a question and an answer: {error}",
            where=f"{PLACE}.path",
            fix="Save the reward model with a template of a user's turn and an assistant's, or without one.",
        ) from error
    if tokens > spec.max_length:
        raise ModelError(
            f"the shortest question with its answer is {tokens} tokens, and longer ones than "
            f"{spec.max_length} get no score",
            where=f"{PLACE}.max_length",
            fix="Raise it.",
        )


def _room_lines(score: Score, folder: Path, suite: Suite, machine: Machine) -> Iterator[str]:
    """Refuse weights that have no room, and say where the longest answers may have none."""
    size, scoring = read_model_size(str(folder), None), Workloads({}).of(score).scoring
    if size is None or scoring is None:
        return
    room, on = _room(suite, machine)
    peak = reward_peak(size, scoring, on_gpu=bool(machine.gpu_bytes))
    if peak.parts["weights"] > room:
        raise ModelError(
            f"the weights of {score.reward_model.path} are {size_text(peak.parts['weights'])} in "
            f"{score.reward_model.dtype}, and {on} has {size_text(room)} for them",
            where=f"{PLACE}.path",
            fix="Set its dtype: bfloat16, or take a smaller model.",
        )
    if peak.bytes > room:
        yield (
            f"Memory: the reward model needs {size_text(peak.bytes)} for {score.parameters.batch_size} "
            f"answers of {scoring.max_length} tokens, and {on} has {size_text(room)}. {score.memory_advice}"
        )


def _room(suite: Suite, machine: Machine) -> tuple[int, str]:
    """Memory for a model that scores, and of what: a GPU keeps what an engine on it leaves."""
    gpu, engine = machine.smallest_gpu, suite.engine
    if gpu is None:
        return machine.main_bytes, "this machine"
    engines = (engine.data_parallel_size or len(machine.gpu_bytes)) * engine.tensor_parallel_size
    if engines < len(machine.gpu_bytes):
        return gpu, "a GPU"
    return Room.of(suite).left(gpu), "a GPU beside an engine that sleeps"
