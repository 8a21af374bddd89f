"""Look for the problems of a benchmark among the training prompts of a seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from lorr_bench.data.pairs import read_pairs
from lorr_bench.data.prompts import load_problems
from lorr_bench.evaluate.contamination import find_overlap
from lorr_bench.spec.sources import PromptSpec
from lorr_bench.stages.task import Task
from lorr_bench.store.generations import OVERLAPS_FILE, PROBLEMS_FILE, QUESTIONS_FILE, read_lines
from lorr_bench.store.record import Outcome

PAIRS: Final = "pairs"


def contamination(task: Task) -> Outcome:
    """Which problems of a benchmark share an n-gram with a training prompt.

    Raises:
        DataError: The training prompts can't be read.
    """
    prompts, problems = _training_prompts(task), _problems(task.inputs["problems"])
    shared = find_overlap(prompts, problems, task.stage.params["ngram"])
    (task.output / OVERLAPS_FILE).write_text(json.dumps(shared, indent=1), "utf-8")
    metrics = {"prompts": len(prompts), "problems": len(problems), "overlapping": len(shared)}
    return Outcome(metrics=metrics, parts=task.clock.parts)


def _training_prompts(task: Task) -> list[str]:
    """The different problems that a seed's collection asks, without template; of ready-made pairs prompts."""
    if PAIRS in task.inputs:
        pairs = read_pairs(task.inputs[PAIRS] / "pairs.jsonl")
        return list(dict.fromkeys(pair.prompt for pair in pairs))
    params = task.stage.params
    described = {name: value for name, value in params["prompts"].items() if name != "num_prompts"}
    spec = PromptSpec.model_validate({**described, "source": task.stage.setting["source"]})
    count = params["prompts"]["num_prompts"]
    problems = load_problems(spec, folder=Path(), count=count, seed=params["seed"], shuffle=True)
    return list(dict.fromkeys(problem.text for problem in problems))


def _problems(folder: Path) -> list[tuple[str, str]]:
    """Id and text of every problem of a math benchmark, or of every question of lm-eval's tasks."""
    if (folder / PROBLEMS_FILE).exists():
        return [(row["id"], row["problem"]) for row in read_lines(folder / PROBLEMS_FILE)]
    return [(row["id"], row["text"]) for row in read_lines(folder / QUESTIONS_FILE)]
