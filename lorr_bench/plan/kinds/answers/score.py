"""Score: what a reward model says of stored answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.model import ENGINE_BESIDE, ModelParameters, ModelSetting, ModelStage
from lorr_bench.plan.stage import Kind, Pool, Role, Stage, Work
from lorr_bench.spec.sources import RewardModelSpec


@dataclass(frozen=True, kw_only=True)
class ScoreParameters(ModelParameters):
    """What decides the scores; ``RewardModelSpec`` describes what a suite says of it.

    Attributes:
        weights: Those of the reward model.
        packages: Versions of what runs it.
    """

    template_date: date
    batch_size: int
    max_length: int
    packages: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Score(ModelStage):
    """A score for each stored answer; the model that it works on is the reward model."""

    kind: ClassVar[Kind] = "score"
    version: ClassVar[int] = 1
    pool: ClassVar[Pool] = "train"
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.scored:score"
    roles: ClassVar[frozenset[Role]] = frozenset(("answers",))

    parameters: ScoreParameters
    setting: ModelSetting

    @property
    def reward_model(self) -> RewardModelSpec:
        """What loads the reward model."""
        asked, place = self.parameters, self.setting.place
        return RewardModelSpec(
            path=place.model_path,
            revision=place.revision,
            dtype=asked.weights.dtype,
            trust_remote_code=asked.weights.trust_remote_code,
            template_date=asked.template_date,
            batch_size=asked.batch_size,
            max_length=asked.max_length,
        )

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """Answers to score, and their tokens at most; those of their prompts are not known."""
        sampled = inputs.get("answers")
        if not isinstance(sampled, Sample):
            return Work(units=None, tokens=None, devices=1)
        answers = sampled.work({}).answers
        asked = sampled.parameters
        tokens = None if answers is None else answers * min(asked.max_tokens, self.parameters.max_length)
        return Work(units=answers, tokens=tokens, devices=1, like=asked.prompts.rows.source)

    @property
    def memory_advice(self) -> str:
        """Fewer answers at once, or shorter ones."""
        return f"Lower batch_size or max_length of data.collect.reward_model{ENGINE_BESIDE}"
