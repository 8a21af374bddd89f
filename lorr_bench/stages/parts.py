"""Answer a share of the prompts of another stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from lorr_bench.errors import StageError
from lorr_bench.generate.engine import Engine, Sampling
from lorr_bench.plan.kinds.answer_math import AnswerMath
from lorr_bench.plan.kinds.answers.part import Part
from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.stages.asking import ask
from lorr_bench.stages.measuring.answer_math import questions, samplings
from lorr_bench.stages.pairs.kept import Kept
from lorr_bench.stages.pairs.sampling import prompts_of, way_of
from lorr_bench.stages.part_answers import FILE, answer_rows, share_of
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import Prompt


def answer_part(task: Task[Part]) -> Outcome:
    """Ask the share of the prompts, in each way in which the whole stage asks.

    Raises:
        DataError: The prompts can't be read.
        StageError: The engine does not hold the model.
    """
    asked, own = task.stage.parameters, cast("Task[Any]", task)
    whole = replace(own, stage=task.stage.whole)
    prompts, ways, engine = _asked(whole)
    places = share_of(prompts, asked.number, asked.parts)
    mine = [prompts[place] for place in places]
    rows: list[dict[str, Any]] = []
    for sampling in ways:
        with task.clock.part("generate"):
            completions = ask(whole, engine, mine, sampling, task.progress)
        rows += answer_rows(sampling, places, completions)
    task.write_lines(FILE, rows)
    return Outcome(metrics={"prompts": len(places)}, parts=task.clock.parts)


def _asked(whole: Task[Any]) -> tuple[Sequence[Prompt], Sequence[Sampling], Engine]:
    """What the whole stage asks, in which ways, and the engine that holds its model."""
    stage = whole.stage
    if isinstance(stage, AnswerMath):
        engine = whole.engine()
        _, questioned = questions(whole, engine)
        return questioned, [sampling for _, sampling in samplings(stage.parameters)], engine
    if isinstance(stage, Collect):
        after = len(Kept.read(whole.inputs.get("collection")).prompts)
    elif isinstance(stage, Sample):
        after = stage.parameters.after or 0
    else:
        raise StageError(f"a {stage.kind} stage has no parts", where=stage.label, fix="Run the suite again.")
    _, prompts, engine = prompts_of(whole, after)
    return prompts, [way_of(stage)], engine
