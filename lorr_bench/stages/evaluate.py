"""Evaluate on math: greedy and avg@k, graded by Math-Verify."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lorr_bench.data.prompts import load_prompts
from lorr_bench.generate.engine import Engine, Sampling
from lorr_bench.stages.answers import answer_rows, grade_answers
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import Completion, Prompt, Verdict

SCORES_FILE = "scores.json"
ANSWERS_FILE = "answers.jsonl"
EVALUATION_SEED = 0


def evaluate_math(task: Task) -> Outcome:
    """Greedy accuracy and avg@k; every answer with its verdict lies in ``answers.jsonl``.

    Raises:
        DataError: The problems can't be read.
    """
    params = task.stage.params
    engine = task.engines.engine(task.stage, task.clock)
    with task.clock.part("load"):
        engine.load(task.model.path)
    spec = task.prompt_spec()
    prompts = load_prompts(
        spec,
        folder=Path(),
        count=params["limit"],
        seed=EVALUATION_SEED,
        shuffle=False,
        render=engine.chat if spec.chat_template else None,
    )
    scores: dict[str, list[float]] = {}
    rows: list[dict[str, Any]] = []
    for metric, sampling in _samplings(params):
        completions, verdicts = _answer(task, engine, prompts, sampling)
        scores[metric] = [sum(v.correct for v in judged) / len(judged) for judged in verdicts]
        rows += [{"metric": metric, **row} for row in answer_rows(prompts, completions, verdicts)]
    task.write_lines(ANSWERS_FILE, rows)
    (task.output / SCORES_FILE).write_text(json.dumps({task.stage.setting["benchmark"]: scores}), "utf-8")
    metrics: dict[str, Any] = {name: sum(values) / len(values) for name, values in scores.items()}
    metrics["problems"] = len(prompts)
    metrics["truncated_share"] = sum(row["truncated"] for row in rows) / len(rows)
    metrics["no_answer_share"] = sum(row["extracted"] is None for row in rows) / len(rows)
    metrics["timeouts"] = sum(row["reason"] == "timeout" for row in rows)
    metrics["mean_tokens"] = sum(row["tokens"] for row in rows) / len(rows)
    return Outcome(metrics=metrics, parts=task.clock.parts)


def _samplings(params: Any) -> list[tuple[str, Sampling]]:
    greedy = Sampling(n=1, temperature=0.0, top_p=1.0, max_tokens=params["max_tokens"], seed=EVALUATION_SEED)
    found = [("greedy", greedy)]
    if k := params["avg_at"]:
        drawn = Sampling(
            n=k,
            temperature=params["temperature"],
            top_p=params["top_p"],
            max_tokens=params["max_tokens"],
            seed=EVALUATION_SEED,
        )
        found.append((f"avg@{k}", drawn))
    return found


def _answer(
    task: Task, engine: Engine, prompts: Sequence[Prompt], sampling: Sampling
) -> tuple[list[list[Completion]], list[list[Verdict]]]:
    with task.clock.part("generate"):
        completions = engine.generate([prompt.text for prompt in prompts], sampling)
    with task.clock.part("grade"):
        return completions, grade_answers(prompts, completions)
