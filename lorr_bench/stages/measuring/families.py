"""Find which problems of a benchmark belong together: variants of a template, questions on one text.

A stage of its own, so that another column changes no answer and no verdict. The problems of a math benchmark
are read from their source; the documents of lm-eval's tasks are those that the evaluation of a model wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from lorr_bench.data.prompts import family_of, load_families
from lorr_bench.data.rows import Row
from lorr_bench.plan.kinds.families import Families, FamilyRows
from lorr_bench.stages.task import Task
from lorr_bench.store.generations import (
    FAMILIES_FILE,
    QUESTIONS_FILE,
    SAMPLES_FILE,
    SCORES_FILE,
    read_lines,
)
from lorr_bench.store.record import Outcome

Family = Mapping[str, str]
"""A row of the file: ``id``, ``family``, and of lm-eval's tasks ``scores``."""


def families(task: Task[Families]) -> Outcome:
    """The family of each problem, in the order of the scores.

    Raises:
        DataError: The problems can't be read, or one has no family in the column.
    """
    stage, column = task.stage, task.stage.parameters.cluster_column
    if stage.parameters.problems is None:
        found = list(_of_tasks(task.inputs["problems"], column))
    else:
        found = list(_of_source(stage.parameters.problems, stage.setting.source or "", column))
    task.write_lines(FAMILIES_FILE, found)
    different = {(row.get("scores"), row["family"]) for row in found}
    return Outcome(metrics={"problems": len(found), "families": len(different)}, parts=task.clock.parts)


def _of_source(problems: FamilyRows, source: str, column: str) -> Iterator[Family]:
    named = load_families(problems.rows.spec(source), column, folder=Path(), count=problems.limit)
    return ({"id": name, "family": family} for name, family in named)


def _of_tasks(folder: Path, column: str) -> Iterator[Family]:
    """Of every question; where several tasks are scored together, a family is one of its task.

    Args:
        folder: Of an ``evaluate_general`` stage, whose questions are in the order of its scores.
        column: Field of the tasks' documents.
    """
    asked = read_lines(folder / QUESTIONS_FILE)
    for name, table in json.loads((folder / SCORES_FILE).read_text("utf-8")).items():
        (score,) = table["scores"].values()
        questions = [row["id"] for row in islice(asked, len(score["per_problem"]))]
        tasks = sorted({_task_of(question) for question in questions})
        documents = {row.id: row for of in tasks for row in _documents(folder, of)}
        for question in questions:
            family = family_of(documents[question], column)
            told = family if len(tasks) == 1 else f"{_task_of(question)}/{family}"
            yield {"scores": name, "id": question, "family": told}


def _task_of(question: str) -> str:
    """The task of an id such as ``task/12``."""
    return question.rpartition("/")[0]


def _documents(folder: Path, task: str) -> Iterator[Row]:
    for row in read_lines(folder / SAMPLES_FILE.format(task)):
        index = row["doc_id"]
        yield Row(row["doc"], f"lm-eval task {task}, document {index}", f"{task}/{index}")
