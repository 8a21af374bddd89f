"""Answer a math benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lorr_bench.plan.kinds.model import EngineParameters, EngineStage
from lorr_bench.plan.kinds.prompts import ChatTemplate, PromptSetting, PromptSource
from lorr_bench.plan.stage import Kind, Role, Source, Stage, Work


@dataclass(frozen=True, kw_only=True)
class AnswerMathParameters(EngineParameters):
    """What decides the answers; ``MathBenchmark`` describes what a suite says of it.

    Attributes:
        prompts: What is asked.
        chat: What the model's chat template is told; None where none is used.
        limit: How many problems are asked; None for all.
        seed: Of the repeats.
    """

    prompts: PromptSource
    chat: ChatTemplate | None = None
    limit: int | None
    max_tokens: int
    greedy: bool
    repeats: int
    stop: tuple[str, ...]
    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class AnswerMathSetting(PromptSetting):
    """Where the problems lie, and how many there must be.

    Attributes:
        sizes: Numbers of problems that the benchmark can have; empty where any will do.
    """

    sizes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class AnswerMath(EngineStage):
    """Answers of a model: greedy, and sampled as often as the protocol says."""

    kind: ClassVar[Kind] = "answer_math"
    version: ClassVar[int] = 3
    entry_point: ClassVar[str] = "lorr_bench.stages.measuring.answer_math:answer_math"
    roles: ClassVar[frozenset[Role]] = frozenset(("start", "model"))

    parameters: AnswerMathParameters
    setting: AnswerMathSetting

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - its own parameters say it
        """Answers times their token limit."""
        asked = self.parameters
        problems = asked.limit or max(self.setting.sizes, default=None)
        answers = None if problems is None else problems * (asked.greedy + asked.repeats)
        return self.generation(answers, asked.max_tokens, asked.prompts.rows.source)

    def sources(self) -> Iterator[Source]:
        """The model, and the problems."""
        yield from super().sources()
        yield Source(self.setting.source, self.parameters.prompts.rows.source, "file")

    @staticmethod
    def tokens(metrics: Mapping[str, Any], spend: Mapping[str, float]) -> int:  # noqa: ARG004 - the base's
        """Those of the answers."""
        return int(metrics.get("tokens", 0))
