"""Evaluate on general reasoning: lm-eval's own tasks, on the suite's one engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lorr_bench.evaluate.general import evaluate_general as run_lm_eval
from lorr_bench.evaluate.harness import DataSource, PromptForm
from lorr_bench.evaluate.scores import OVER_QUESTIONS, TaskScore
from lorr_bench.generate.counting import counted
from lorr_bench.plan.kinds.evaluate_general import EvaluateGeneral
from lorr_bench.stages.task import Task
from lorr_bench.store.generations import QUESTIONS_FILE, SAMPLES_FILE, SCORES_FILE
from lorr_bench.store.record import Outcome


def evaluate_general(task: Task[EvaluateGeneral]) -> Outcome:
    """Scores of lm-eval tasks; its own results and samples lie beside them in its own shapes.

    Raises:
        MissingPackageError: A task needs a package that is not installed.
        DataError: lm-eval knows no such task, or a task does not have the metric.
        StageError: A task has no number for each question, or the engine does not hold the model.
    """
    parameters, setting = task.stage.parameters, task.stage.setting
    engine = task.engine()
    with task.clock.part("lm_eval"), counted(engine.llm, task.progress):
        result = run_lm_eval(
            engine.llm,
            model_path=Path(engine.home),
            tasks=parameters.tasks,
            include_path=Path(setting.include_path) if setting.include_path else None,
            num_fewshot=parameters.num_fewshot,
            metric=parameters.metric,
            limit=parameters.limit,
            seed=parameters.seed,
            trust_task_files=setting.trust_task_files,
            source=_source(task.stage),
            form=_form(task.stage),
        )
    (task.output / "results.json").write_text(json.dumps(result.results, default=str), "utf-8")
    for name, samples in result.samples.items():
        task.write_lines(SAMPLES_FILE.format(name), samples)
    scores = {score.task: {"scores": {score.metric: _written(score)}} for score in result.scores}
    (task.output / SCORES_FILE).write_text(json.dumps(scores), "utf-8")
    questions = dict(question for score in result.scores for question in score.questions)
    task.write_lines(QUESTIONS_FILE, ({"id": name, "text": text} for name, text in questions.items()))
    _tell_missing(task, result.scores)
    metrics: dict[str, Any] = {score.task: {score.metric: score.value} for score in result.scores}
    return Outcome(metrics={**metrics, "cut_prompts": result.cut_prompts}, parts=task.clock.parts)


def _tell_missing(task: Task[EvaluateGeneral], scores: Sequence[TaskScore]) -> None:
    """Say what stands for a group that has no score of its own in lm-eval; once, of the start model."""
    for score in scores:
        if score.aggregation == OVER_QUESTIONS and "model" not in task.inputs:
            task.notice(
                f"{task.stage.label}: lm-eval gives the group {score.task} no {score.metric} of its own; "
                f"reported is the mean over all {score.n} questions of its {len(score.members)} tasks."
            )


def _source(stage: EvaluateGeneral) -> DataSource:
    start, commits = stage.setting.task_start, stage.parameters.data_sets or {}
    known = sorted((name, commit) for name, commit in commits.items() if commit is not None)
    return DataSource(tuple(known), Path(start) if start else None)


def _form(stage: EvaluateGeneral) -> PromptForm:
    asked = stage.parameters
    return PromptForm(
        chat=asked.chat.told if asked.chat else None,
        system_instruction=asked.system_instruction,
        fewshot_as_multiturn=bool(asked.fewshot_as_multiturn),
    )


def _written(score: TaskScore) -> dict[str, Any]:
    return {
        "value": score.value,
        "per_problem": list(score.per_problem),
        "deviation": None,
        "reason": "",
        "filter": score.filter,
        "aggregation": score.aggregation,
        **({"strata": [asdict(stratum) for stratum in score.strata]} if score.strata else {}),
    }
