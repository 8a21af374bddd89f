"""Evaluate on general reasoning: lm-eval's own tasks, on the suite's one engine."""

from __future__ import annotations

import json
from pathlib import Path

from lorr_bench.evaluate.general import evaluate_general as run_lm_eval
from lorr_bench.stages.evaluate import EVALUATION_SEED, SCORES_FILE
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome


def evaluate_general(task: Task) -> Outcome:
    """Scores of lm-eval tasks; its own results and samples lie beside them in its own shapes.

    Raises:
        DataError: lm-eval knows no such task.
    """
    params = task.stage.params
    engine = task.engines.engine(task.stage, task.clock)
    with task.clock.part("load"):
        engine.load(task.model.path)
    include_path = task.stage.setting["include_path"]
    with task.clock.part("lm_eval"):
        result = run_lm_eval(
            engine.llm,
            model_path=Path(engine.folder(task.start_model.path)),
            tasks=params["tasks"],
            include_path=Path(include_path) if include_path else None,
            num_fewshot=params["num_fewshot"],
            limit=params["limit"],
            seed=EVALUATION_SEED,
        )
    (task.output / "results.json").write_text(json.dumps(result.results, default=str), "utf-8")
    for name, samples in result.samples.items():
        task.write_lines(f"samples_{name}.jsonl", samples)
    scores = {score.task: {score.metric: list(score.per_problem)} for score in result.scores}
    (task.output / SCORES_FILE).write_text(json.dumps(scores), "utf-8")
    metrics = {score.task: {score.metric: score.value} for score in result.scores}
    return Outcome(metrics=metrics, parts=task.clock.parts)
