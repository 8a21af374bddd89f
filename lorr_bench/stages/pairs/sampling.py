"""Answers of a stage's model to the problems of a seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lorr_bench.data.prompts import load_prompts
from lorr_bench.errors import DataError
from lorr_bench.generate.engine import Engine, Sampling
from lorr_bench.plan.kinds.collect import SamplingStage
from lorr_bench.stages.asking import ask, tell_unasked
from lorr_bench.stages.pairs.answered import Answered
from lorr_bench.stages.task import Task
from lorr_bench.values import Completion, Prompt


def answer_problems(task: Task[SamplingStage], after: int) -> Answered:
    """Sample answers to the problems of the seed.

    Args:
        task: Of the stage.
        after: So many of the problems are left out, the first ones, which have answers elsewhere.

    Raises:
        DataError: They can't be read; or none leaves room for an answer, and nothing was answered before.
        StageError: The engine does not hold the model.
    """
    problems, prompts, engine = prompts_of(task, after)
    completions = sample_answers(task, engine, prompts)
    if not after and not any(completions):
        raise DataError(
            f"none of {len(prompts)} prompts leaves room for an answer in {engine.context} tokens",
            where=task.stage.label,
            fix="Raise engine.max_model_len, shorten data.collect.template, or give shorter problems.",
        )
    return Answered(problems, prompts, completions)


def prompts_of(task: Task[SamplingStage], after: int) -> tuple[Sequence[Prompt], Sequence[Prompt], Engine]:
    """Problems, the same as the model is asked them, and the engine that holds it.

    Args:
        task: Of the stage.
        after: So many of the problems are left out, the first ones.

    Raises:
        DataError: They can't be read.
        StageError: The engine does not hold the model.
    """
    # Before the engine starts: rows that can't be read are told at once.
    problems = load_problems(task.stage)[after:]
    engine = task.engine()
    return problems, _in_template(task.stage, engine, problems), engine


def _in_template(stage: SamplingStage, engine: Engine, problems: Sequence[Prompt]) -> Sequence[Prompt]:
    """What is asked. A reward model has a template of its own, so the problems are kept without this one."""
    chat = stage.parameters.chat
    if chat is None:
        return problems
    return [dataclasses.replace(one, text=engine.chat(one.text, chat.told)) for one in problems]


def sample_answers(
    task: Task[SamplingStage], engine: Engine, prompts: Sequence[Prompt]
) -> list[list[Completion]]:
    """Answers of the stage's model to each prompt, drawn as its parameters say.

    A prompt that leaves no room for an answer in the model's context is not asked, is named in the log, and
    gets no answers.
    """
    with task.clock.part("generate"):
        completions = ask(task, engine, prompts, way_of(task.stage), task.progress)
    tell_unasked(task, engine, prompts, completions)
    return completions


def way_of(stage: SamplingStage) -> Sampling:
    """How a stage draws its answers."""
    asked = stage.parameters
    return Sampling(
        n=asked.num_samples,
        temperature=asked.temperature,
        top_p=asked.top_p,
        max_tokens=asked.max_tokens,
        seed=asked.seed,
        purpose=stage.purpose,
    )


def load_problems(stage: SamplingStage) -> Sequence[Prompt]:
    """The problems of the seed, without chat template; of one round those that belong to it.

    Raises:
        DataError: They can't be read.
    """
    asked = stage.parameters
    spec = asked.prompts.spec(stage.setting.source)
    problems = load_prompts(spec, folder=Path(), count=asked.num_prompts, seed=asked.seed, shuffle=True)
    return problems if asked.part is None else asked.part.of(problems)
