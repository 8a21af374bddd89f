"""The files of answers and verdicts to a math benchmark, as stages write and reports read them.

``problems.jsonl``  id, problem, prompt, gold: one row a problem
``answers.jsonl``   one row an answer: id, sampling (``greedy`` or ``sampled``), repeat, text, tokens,
                    truncated, and a key that names everything the text depends on
``generation.json`` what the keys are made of: weights, template, sampling parameters, engine
``families.jsonl``  one row a problem, in the order of the problems: id, family; of lm-eval's tasks also
                    scores, the name of the task or group whose scores it has
``verdicts.jsonl``  one row an answer, in the order of ``answers.jsonl``: extracted, correct, reason

Rows are ordered by sampling, then repeat, then problem, so the first rows are one answer to each problem. An
answer that could not be asked for has the text null.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

PROBLEMS_FILE: Final = "problems.jsonl"
ANSWERS_FILE: Final = "answers.jsonl"
GENERATION_FILE: Final = "generation.json"
VERDICTS_FILE: Final = "verdicts.jsonl"
SCORES_FILE: Final = "scores.json"
OVERLAPS_FILE: Final = "overlaps.json"
QUESTIONS_FILE: Final = "questions.jsonl"
FAMILIES_FILE: Final = "families.jsonl"
SAMPLES_FILE: Final = "samples_{}.jsonl"
GREEDY: Final = "greedy"
SAMPLED: Final = "sampled"


@dataclass(frozen=True, slots=True)
class GradedAnswer:
    """One answer with its problem and its verdict.

    Attributes:
        problem: Row of ``problems.jsonl``.
        answer: Row of ``answers.jsonl``.
        verdict: Row of ``verdicts.jsonl``.
    """

    problem: dict[str, Any]
    answer: dict[str, Any]
    verdict: dict[str, Any]


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def first_answers(answers: Path, grades: Path, chosen: Container[str]) -> Iterator[GradedAnswer]:
    """The first answer to each of the chosen problems; only their rows are parsed.

    Args:
        answers: Folder of an ``answer_math`` stage.
        grades: Folder of the ``grade_math`` stage that graded it.
        chosen: Ids of problems.
    """
    with (
        (answers / ANSWERS_FILE).open(encoding="utf-8") as texts,
        (grades / VERDICTS_FILE).open(encoding="utf-8") as verdicts,
    ):
        for problem, text, verdict in zip(read_lines(answers / PROBLEMS_FILE), texts, verdicts, strict=False):
            if problem["id"] in chosen:
                yield GradedAnswer(problem, json.loads(text), json.loads(verdict))


def graded_answers(answers: Path, grades: Path, first: int | None = None) -> Iterator[GradedAnswer]:
    """Answers with problems and verdicts.

    Args:
        answers: Folder of an ``answer_math`` stage.
        grades: Folder of the ``grade_math`` stage that graded it.
        first: Of so many rows only; all by default.
    """
    problems = {row["id"]: row for row in islice(read_lines(answers / PROBLEMS_FILE), first)}
    rows = zip(read_lines(answers / ANSWERS_FILE), read_lines(grades / VERDICTS_FILE), strict=True)
    for answer, verdict in rows if first is None else islice(rows, min(first, len(problems))):
        yield GradedAnswer(problems[answer["id"]], answer, verdict)
