"""Answers that were sampled and are not scored yet, and how they are stored.

``problems.jsonl``  id, problem, prompt, gold, answers: one row a problem; prompt is what the model was given,
                    answers how many it gave
``answers.jsonl``   one row an answer, in the order of the problems: id, repeat, text, tokens, truncated, end
``scores.jsonl``    one row an answer, in the same order: id, repeat, score; null where it could not be scored
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from lorr_bench.stages.task import Task
from lorr_bench.store.generations import ANSWERS_FILE, PROBLEMS_FILE, read_lines
from lorr_bench.values import Completion, Prompt

SCORED_FILE: Final = "scores.jsonl"

Scored = Sequence[Sequence[float | None]]
"""Scores in the nesting of the answers; None for an answer that could not be scored."""


@dataclass(frozen=True)
class Answered:
    """Problems with their answers.

    Attributes:
        problems: What is asked, without any chat template.
        prompts: The same as the model is given it.
        completions: The answers to each; none to one that leaves no room.
    """

    problems: Sequence[Prompt]
    prompts: Sequence[Prompt]
    completions: Sequence[Sequence[Completion]]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What a stage stored in its folder."""
        problems = list(read_lines(folder / PROBLEMS_FILE))
        answers = read_lines(folder / ANSWERS_FILE)
        return cls(
            [Prompt(row["id"], row["problem"], row["gold"]) for row in problems],
            [Prompt(row["id"], row["prompt"], row["gold"]) for row in problems],
            [[_completion(each) for each in islice(answers, row["answers"])] for row in problems],
        )

    def write(self, task: Task[Any]) -> None:
        """Write the files of the stage."""
        asked = zip(self.problems, self.prompts, self.completions, strict=True)
        task.write_lines(
            PROBLEMS_FILE,
            (
                {
                    "id": problem.id,
                    "problem": problem.text,
                    "prompt": prompt.text,
                    "gold": problem.answer,
                    "answers": len(row),
                }
                for problem, prompt, row in asked
            ),
        )
        task.write_lines(
            ANSWERS_FILE,
            (
                {"id": prompt.id, "repeat": repeat, **asdict(answer)}
                for prompt, row in zip(self.prompts, self.completions, strict=True)
                for repeat, answer in enumerate(row)
            ),
        )

    @property
    def answers(self) -> int:
        """How many there are."""
        return sum(map(len, self.completions))

    @property
    def generated_tokens(self) -> int:
        """Of all answers."""
        return sum(answer.tokens for row in self.completions for answer in row)

    @property
    def spend(self) -> dict[str, float]:
        """What they cost in answers and tokens."""
        return {"verifier_calls": self.answers, "generated_tokens": self.generated_tokens}

    def write_scores(self, task: Task[Any], scores: Scored) -> None:
        """Write a row for each answer."""
        task.write_lines(
            SCORED_FILE,
            (
                {"id": prompt.id, "repeat": repeat, "score": score}
                for prompt, row in zip(self.prompts, scores, strict=True)
                for repeat, score in enumerate(row)
            ),
        )

    def read_scores(self, folder: Path) -> Scored:
        """The scores of the answers, as a stage stored them in its folder."""
        rows = read_lines(folder / SCORED_FILE)
        return [[each["score"] for each in islice(rows, len(row))] for row in self.completions]


def _completion(row: dict[str, Any]) -> Completion:
    return Completion(row["text"], row["tokens"], truncated=row["truncated"], end=row["end"])
