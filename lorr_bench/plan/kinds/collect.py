"""Collect: ask prompts, grade the answers, pair better with worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lorr_bench.plan.json_values import JsonObject
from lorr_bench.plan.kinds.model import EngineParameters, EngineStage
from lorr_bench.plan.kinds.prompts import ChatTemplate, PromptCount, PromptSetting, PromptSource
from lorr_bench.plan.stage import Kind, Role, Source, Stage, Work
from lorr_bench.spec.base import GradingSpec
from lorr_bench.spec.sources import ROW_RULES

COLLECTING: Final = "collect"
"""What answers are for from which pairs are collected."""


@dataclass(frozen=True, kw_only=True)
class SamplingParameters(PromptCount, EngineParameters):
    """What decides sampled answers; ``CollectSpec`` describes what a suite says of it.

    Attributes:
        prompts: What is asked.
        chat: What the model's chat template is told; None where none is used.
        seed: Of prompts and answers.
    """

    prompts: PromptSource
    chat: ChatTemplate | None = None
    num_samples: int
    temperature: float
    top_p: float
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class PairingParameters(JsonObject):
    """What decides which scored answers are paired; ``CollectSpec`` describes what a suite says of it.

    Attributes:
        max_tokens: Token limit of an answer.
        seed: Draws among answers.
    """

    max_tokens: int
    truncated: Literal["leave_out", "pair"]
    pair_rule: ROW_RULES
    seed: int


@dataclass(frozen=True, kw_only=True)
class CollectParameters(PairingParameters, SamplingParameters):
    """What decides the pairs of a collection; ``CollectSpec`` describes what a suite says of it.

    Attributes:
        grader: What grades, with its version.
        reward_model: Nothing: what a reward model scores has stages of its own. Digests of collections hold
            the key.
        seed: Of prompts, answers and pairs.
    """

    grading: GradingSpec
    reward_model: None
    grader: str


@dataclass(frozen=True, kw_only=True)
class SamplingStage(EngineStage):
    """A stage that samples answers."""

    roles: ClassVar[frozenset[Role]] = frozenset(("start", "model"))

    parameters: SamplingParameters
    setting: PromptSetting

    @property
    def purpose(self) -> str:
        """What its answers are for, with the round: the same whoever scores them."""
        part = self.parameters.part
        return COLLECTING if part is None else f"{COLLECTING}, round {part.number}"

    def sources(self) -> Iterator[Source]:
        """The model, and the prompts."""
        yield from super().sources()
        yield Source(self.setting.source, self.parameters.prompts.rows.source, "file")

    @staticmethod
    def tokens(metrics: Mapping[str, object], spend: Mapping[str, float]) -> int:  # noqa: ARG004 - the base's
        """Those of the answers."""
        return int(spend.get("generated_tokens", 0))


@dataclass(frozen=True, kw_only=True)
class GradedStage(SamplingStage):
    """A stage that samples answers, grades them and pairs them up."""

    parameters: CollectParameters


@dataclass(frozen=True, kw_only=True)
class Collect(GradedStage):
    """Preference pairs from answers to the prompts of a seed; the input ``collection`` has the first ones."""

    kind: ClassVar[Kind] = "collect"
    version: ClassVar[int] = 4
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.collect:collect"
    roles: ClassVar[frozenset[Role]] = SamplingStage.roles | {"collection"}

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """Answers times their token limit, of the prompts that no earlier collection asked."""
        asked, earlier = self.parameters, inputs.get("collection")
        answered = earlier.parameters.asked if isinstance(earlier, Collect) else 0
        answers = (asked.asked - answered) * asked.num_samples
        return self.generation(answers, asked.max_tokens, asked.prompts.rows.source)
