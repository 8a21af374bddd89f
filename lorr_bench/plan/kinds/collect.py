"""Collect: ask prompts, score the answers, pair better with worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from lorr_bench.plan.json_values import JsonObject
from lorr_bench.plan.kinds.model import Dtype, EngineParameters, EngineStage
from lorr_bench.plan.kinds.prompts import ChatTemplate, PromptSetting, PromptSource, Round
from lorr_bench.plan.stage import Kind, Role, Source, Stage, Work
from lorr_bench.spec.base import GradingSpec
from lorr_bench.spec.sources import ROW_RULES, RewardModelSpec


@dataclass(frozen=True, kw_only=True)
class RewardModel(JsonObject):
    """A reward model that scores answers; ``RewardModelSpec`` describes its settings.

    Attributes:
        model: Its identity.
        packages: Versions of what runs it.
    """

    model: str
    dtype: Dtype
    trust_remote_code: bool
    template_date: date
    batch_size: int
    max_length: int
    packages: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RewardModelPlace(JsonObject):
    """Where a reward model lies.

    Attributes:
        path: A folder, or a Hub id.
        revision: Commit of a Hub id.
    """

    path: str
    revision: str | None


@dataclass(frozen=True, kw_only=True)
class CollectParameters(EngineParameters):
    """What decides the pairs of a collection; ``CollectSpec`` describes what a suite says of it.

    Attributes:
        prompts: What is asked.
        chat: What the model's chat template is told; None where none is used.
        grader: What grades, with its version.
        reward_model: What scores in place of the grader.
        seed: Of prompts, answers and pairs.
        part: The round that asks its share of the prompts; None where all are asked.
    """

    prompts: PromptSource
    chat: ChatTemplate | None = None
    num_prompts: int
    num_samples: int
    temperature: float
    top_p: float
    max_tokens: int
    truncated: Literal["leave_out", "pair"]
    grading: GradingSpec
    reward_model: RewardModel | None
    pair_rule: ROW_RULES
    grader: str
    seed: int
    part: Round | None = None

    @property
    def asked(self) -> int:
        """Prompts that are asked; of a round its own share."""
        return self.part.share(self.num_prompts) if self.part else self.num_prompts


@dataclass(frozen=True, kw_only=True)
class CollectSetting(PromptSetting):
    """Where prompts and models lie."""

    reward_model: RewardModelPlace | None = None


@dataclass(frozen=True, kw_only=True)
class SamplingStage(EngineStage):
    """A stage that samples answers and pairs them up."""

    roles: ClassVar[frozenset[Role]] = frozenset(("start", "model"))

    parameters: CollectParameters
    setting: CollectSetting

    @property
    def reward_model(self) -> RewardModelSpec | None:
        """What loads the reward model; None where the grader scores."""
        described, place = self.parameters.reward_model, self.setting.reward_model
        if described is None or place is None:
            return None
        return RewardModelSpec(
            path=place.path,
            revision=place.revision,
            dtype=described.dtype,
            trust_remote_code=described.trust_remote_code,
            template_date=described.template_date,
            batch_size=described.batch_size,
            max_length=described.max_length,
        )

    @property
    def purpose(self) -> str:
        """What its answers are for: its kind, and the round."""
        return (
            self.kind if self.parameters.part is None else f"{self.kind}, round {self.parameters.part.number}"
        )

    def sources(self) -> Iterator[Source]:
        """The models, and the prompts."""
        yield from super().sources()
        described, place = self.parameters.reward_model, self.setting.reward_model
        if described is not None and place is not None:
            yield Source(place.path, described.model, "model")
        yield Source(self.setting.source, self.parameters.prompts.rows.source, "file")

    @staticmethod
    def tokens(metrics: Mapping[str, object], spend: Mapping[str, float]) -> int:  # noqa: ARG004 - the base's
        """Those of the answers."""
        return int(spend.get("generated_tokens", 0))


@dataclass(frozen=True, kw_only=True)
class Collect(SamplingStage):
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
