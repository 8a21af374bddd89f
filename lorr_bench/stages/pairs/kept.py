"""What a collection keeps of its answers, and how a larger one goes on from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lorr_bench.data.pairs import read_pairs, without_repeats, write_pairs
from lorr_bench.stages.task import Task
from lorr_bench.stages.training.rows import ANSWERS_FILE, PROMPTS_FILE
from lorr_bench.stages.training.selection import PAIRS_FILE
from lorr_bench.store.generations import read_lines
from lorr_bench.values import Pair

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Kept:
    """Answers and pairs of the first prompts of a seed.

    Attributes:
        answers: Rows of ``answers.jsonl``.
        prompts: Rows of ``prompts.jsonl``, one a prompt, those included that have no answers.
        pairs: Each content once.
    """

    answers: Rows = ()
    prompts: Rows = ()
    pairs: Sequence[Pair] = ()

    @classmethod
    def read(cls, folder: Path | None) -> Self:
        """What a stage kept in its folder; nothing without one.

        Raises:
            DataError: Its pairs are damaged.
        """
        if folder is None:
            return cls()
        answers, prompts = (list(read_lines(folder / name)) for name in (ANSWERS_FILE, PROMPTS_FILE))
        return cls(answers, prompts, read_pairs(folder / PAIRS_FILE))

    def and_then(self, answers: Iterable[dict[str, Any]], prompts: Rows, pairs: Iterable[Pair]) -> Kept:
        """These, and behind them those of the next prompts; a pair that is here already is left out.

        Args:
            answers: Rows of the next answers.
            prompts: Rows of the next prompts.
            pairs: Theirs, with places that count from the first of them.
        """
        before = len(self.prompts)
        moved = [dataclasses.replace(pair, prompt_index=before + pair.prompt_index) for pair in pairs]
        return Kept(
            [*self.answers, *answers], [*self.prompts, *prompts], without_repeats([*self.pairs, *moved])
        )

    @property
    def answered(self) -> int:
        """Prompts that have answers."""
        return sum(row["answers"] > 0 for row in self.prompts)

    @property
    def truncated_share(self) -> float:
        """Share of the answers that the token limit ended."""
        return self._share("truncated")

    @property
    def correct_share(self) -> float:
        """Share of the answers that the verifier found right."""
        return self._share("correct")

    @property
    def scores(self) -> list[float]:
        """Those of the answers that could be scored."""
        return [row["score"] for row in self.answers if row["score"] is not None]

    @property
    def final_answers(self) -> int:
        """Answers in which the verifier found a final answer."""
        return sum(row["extracted"] is not None for row in self.answers)

    def _share(self, name: str) -> float:
        count: int = sum(row[name] for row in self.answers)
        return count / len(self.answers)

    def write(self, task: Task[Any]) -> None:
        """Write the files of the stage."""
        task.write_lines(ANSWERS_FILE, self.answers)
        task.write_lines(PROMPTS_FILE, self.prompts)
        write_pairs(task.output / PAIRS_FILE, self.pairs)
