"""Look for the problems of a benchmark among the training prompts of a seed."""

from __future__ import annotations

import json
from pathlib import Path

from lorr_bench.data.pairs import read_pairs
from lorr_bench.data.prompts import load_problems
from lorr_bench.evaluate.contamination import find_overlap
from lorr_bench.plan.kinds.contamination import Contamination, TrainingPrompts
from lorr_bench.stages.task import Task
from lorr_bench.store.generations import OVERLAPS_FILE, PROBLEMS_FILE, QUESTIONS_FILE, read_lines
from lorr_bench.store.record import Outcome


def contamination(task: Task[Contamination]) -> Outcome:
    """Which problems of a benchmark share an n-gram with a training prompt.

    Raises:
        DataError: The training prompts can't be read.
    """
    prompts, problems = _training_prompts(task), _problems(task.inputs["problems"])
    shared = find_overlap(prompts, problems, task.stage.parameters.ngram)
    (task.output / OVERLAPS_FILE).write_text(json.dumps(shared, indent=1), "utf-8")
    metrics = {"prompts": len(prompts), "problems": len(problems), "overlapping": len(shared)}
    return Outcome(metrics=metrics, parts=task.clock.parts)


def _training_prompts(task: Task[Contamination]) -> list[str]:
    """The different problems that a seed's collection asks, without template; of ready-made pairs prompts."""
    parameters, source = task.stage.parameters, task.stage.setting.source
    if parameters.prompts is None or source is None:
        pairs = read_pairs(task.inputs["pairs"] / "pairs.jsonl")
        return list(dict.fromkeys(pair.prompt for pair in pairs))
    return _collected_problems(parameters.prompts, source, parameters.seed)


def _collected_problems(asked: TrainingPrompts, source: str, seed: int) -> list[str]:
    spec, count = asked.prompts.spec(source), asked.num_prompts
    problems = load_problems(spec, folder=Path(), count=count, seed=seed, shuffle=True)
    return list(dict.fromkeys(problem.text for problem in problems))


def _problems(folder: Path) -> list[tuple[str, str]]:
    """Id and text of every problem of a math benchmark, or of every question of lm-eval's tasks."""
    if (folder / PROBLEMS_FILE).exists():
        return [(row["id"], row["problem"]) for row in read_lines(folder / PROBLEMS_FILE)]
    return [(row["id"], row["text"]) for row in read_lines(folder / QUESTIONS_FILE)]
