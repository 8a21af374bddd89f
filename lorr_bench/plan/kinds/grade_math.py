"""Grade the stored answers to a math benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lorr_bench.plan.kinds.answer_math import AnswerMath
from lorr_bench.plan.stage import Kind, Parameters, Pool, Role, Setting, Stage, Work
from lorr_bench.spec.base import GradingSpec


@dataclass(frozen=True, kw_only=True)
class GradeMathParameters(Parameters):
    """What decides verdicts and scores.

    Attributes:
        grader: What grades, with its version.
        policy: Of the grader.
        pass_at: The k of pass@k.
    """

    grader: str
    policy: GradingSpec
    pass_at: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class GradeMath(Stage):
    """Verdicts, and the scores made of them."""

    kind: ClassVar[Kind] = "grade_math"
    version: ClassVar[int] = 1
    pool: ClassVar[Pool] = "grade"
    entry_point: ClassVar[str] = "lorr_bench.stages.measuring.grade_math:grade_math"
    roles: ClassVar[frozenset[Role]] = frozenset(("answers",))

    parameters: GradeMathParameters
    setting: Setting = field(default_factory=Setting)

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """Answers to grade, as many as were asked for."""
        asked = inputs.get("answers")
        if not isinstance(asked, AnswerMath):
            return Work(units=None, answers=None)
        answers = asked.work({}).answers
        return Work(units=answers, answers=answers, like=asked.parameters.prompts.rows.source)
