"""The stages of a collection that a reward model scores: answers, their scores, the pairs made of both.

::

    collect: sample → score → pair_scored
    refresh: sample → score → refresh_scored

Answers are stored before the reward model is loaded, so whatever becomes of it, they stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lorr_bench.plan.identity.origins import Origin
from lorr_bench.plan.json_values import JsonObject
from lorr_bench.plan.kinds.answers.pairs import (
    PairScored,
    PairScoredParameters,
    RefreshScored,
    RefreshScoredParameters,
)
from lorr_bench.plan.kinds.answers.sample import Sample, SampleParameters
from lorr_bench.plan.kinds.answers.score import Score, ScoreParameters
from lorr_bench.plan.kinds.collect import Collect, CollectParameters, SamplingParameters
from lorr_bench.plan.kinds.model import ModelPlace, ModelSetting, Weights
from lorr_bench.plan.kinds.refresh import Refresh
from lorr_bench.plan.stage import Role, Stage
from lorr_bench.ports.versions import installed_versions
from lorr_bench.spec.sources import RewardModelSpec


@dataclass(frozen=True)
class Scorer:
    """A reward model that scores answers.

    Attributes:
        parameters: Which, and how it runs.
        setting: Where it lies.
    """

    parameters: ScoreParameters
    setting: ModelSetting

    @classmethod
    def of(cls, spec: RewardModelSpec, origin: Origin) -> Scorer:
        """What a suite says of its reward model, which comes from an origin."""
        weights = Weights(model=origin.identity, dtype=spec.dtype, trust_remote_code=spec.trust_remote_code)
        parameters = ScoreParameters(
            weights=weights,
            template_date=spec.template_date,
            batch_size=spec.batch_size,
            max_length=spec.max_length,
            packages=installed_versions("torch", "transformers"),
        )
        return cls(parameters, ModelSetting(place=ModelPlace(model_path=origin.path, revision=origin.commit)))

    def collection(self, graded: Collect, models: Mapping[Role, str], earlier: Stage | None) -> list[Stage]:
        """The stages of a collection; the last has its pairs.

        Args:
            graded: The same collection with the verifier, without inputs.
            models: Inputs of what samples.
            earlier: The stage with the pairs of the first prompts, which are not asked again; None for all.
        """
        answered = earlier.parameters.asked if isinstance(earlier, PairScored) else None
        asked = graded.parameters
        sampled = Sample(
            label=f"{graded.label}: answers",
            parameters=SampleParameters(**_shared(asked, SamplingParameters), after=answered),
            setting=graded.setting,
            inputs=models,
        )
        scored = self._score(graded.label, sampled)
        before: dict[Role, str] = {} if earlier is None else {"collection": earlier.digest}
        pairs = PairScored(
            label=graded.label,
            parameters=PairScoredParameters(**_shared(asked, PairScoredParameters)),
            inputs={"answers": sampled.digest, "scores": scored.digest, **before},
        )
        return [sampled, scored, pairs]

    def refresh(self, graded: Refresh) -> list[Stage]:
        """The stages that refresh pairs; the last has them.

        Args:
            graded: The same with the verifier.
        """
        asked, inputs = graded.parameters, graded.inputs
        sampled = Sample(
            label=f"{graded.label}: answers",
            parameters=SampleParameters(**_shared(asked, SamplingParameters), refreshed=asked.refreshed),
            setting=graded.setting,
            inputs=inputs,
        )
        scored = self._score(graded.label, sampled)
        pairs = RefreshScored(
            label=graded.label,
            parameters=RefreshScoredParameters(**_shared(asked, RefreshScoredParameters)),
            setting=ModelSetting(place=graded.setting.place),
            inputs={"pairs": inputs["pairs"], "answers": sampled.digest, "scores": scored.digest},
        )
        return [sampled, scored, pairs]

    def _score(self, label: str, sampled: Sample) -> Score:
        return Score(
            label=f"{label}: scores",
            parameters=self.parameters,
            setting=self.setting,
            inputs={"answers": sampled.digest},
        )


def _shared(asked: CollectParameters, kind: type[JsonObject]) -> dict[str, Any]:
    """Those of the parameters that a class has, too."""
    return {field.name: getattr(asked, field.name) for field in fields(kind)}
