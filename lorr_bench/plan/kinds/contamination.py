"""Look for the problems of a benchmark among the training prompts of a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from lorr_bench.plan.json_values import JsonObject
from lorr_bench.plan.kinds.answer_math import AnswerMath
from lorr_bench.plan.kinds.evaluate_general import EvaluateGeneral
from lorr_bench.plan.kinds.prompts import PromptSource
from lorr_bench.plan.stage import Kind, Parameters, Pool, Role, Setting, Source, Stage, Work


@dataclass(frozen=True, kw_only=True)
class TrainingPrompts(JsonObject):
    """The prompts of a collection.

    Attributes:
        prompts: What is asked.
        num_prompts: How many, for each seed.
    """

    prompts: PromptSource
    num_prompts: int


@dataclass(frozen=True, kw_only=True)
class ContaminationParameters(Parameters):
    """What decides the overlap.

    Attributes:
        ngram: Words in a row that count as a match.
        seed: Whose prompts.
        prompts: They; None where ready-made pairs have them.
    """

    ngram: int
    seed: int
    prompts: TrainingPrompts | None


@dataclass(frozen=True, kw_only=True)
class ContaminationSetting(Setting):
    """Where the training prompts lie.

    Attributes:
        source: None where ready-made pairs have them.
    """

    source: str | None


@dataclass(frozen=True, kw_only=True)
class Contamination(Stage):
    """Which problems share words with a training prompt."""

    kind: ClassVar[Kind] = "contamination"
    version: ClassVar[int] = 2
    pool: ClassVar[Pool] = "grade"
    entry_point: ClassVar[str] = "lorr_bench.stages.measuring.contamination:contamination"
    roles: ClassVar[frozenset[Role]] = frozenset(("problems", "pairs"))

    parameters: ContaminationParameters
    setting: ContaminationSetting

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """Training prompts, each compared with all problems."""
        prompts, asked = self.parameters.prompts, inputs.get("problems")
        like: str | None = None
        if isinstance(asked, AnswerMath):
            like = asked.parameters.prompts.rows.source
        elif isinstance(asked, EvaluateGeneral):
            like = ", ".join(asked.parameters.tasks)
        return Work(units=None if prompts is None else prompts.num_prompts, like=like)

    def sources(self) -> Iterator[Source]:
        """The training prompts."""
        if self.parameters.prompts is not None and self.setting.source is not None:
            yield Source(self.setting.source, self.parameters.prompts.prompts.rows.source, "file")
