"""Pairs made of stored answers and their scores: of a collection, and of rows that were drawn anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeGuard

from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.collect import Collect, PairingParameters
from lorr_bench.plan.kinds.model import ModelParameters, ModelSetting, ModelStage
from lorr_bench.plan.kinds.prompts import PromptCount
from lorr_bench.plan.kinds.refresh import Refreshed
from lorr_bench.plan.stage import Kind, Parameters, Pool, Role, Setting, Stage, Work


@dataclass(frozen=True, kw_only=True)
class PairScoredParameters(PairingParameters, PromptCount, Parameters):
    """What decides the pairs of a collection, beside its answers and scores."""


@dataclass(frozen=True, kw_only=True)
class PairScored(Stage):
    """Preference pairs of a collection; the input ``collection`` has those of the first prompts."""

    kind: ClassVar[Kind] = "pair_scored"
    version: ClassVar[int] = 1
    pool: ClassVar[Pool] = "grade"
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.scored:pair_scored"
    roles: ClassVar[frozenset[Role]] = frozenset(("answers", "scores", "collection"))

    parameters: PairScoredParameters
    setting: Setting = field(default_factory=Setting)

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """Answers to pair up."""
        return _answers(inputs)


@dataclass(frozen=True, kw_only=True)
class RefreshScoredParameters(PairingParameters, ModelParameters):
    """What decides the refreshed pairs, beside their answers and scores.

    Attributes:
        weights: Those of the start model, whose tokenizer says what fits.
        refreshed: Which of them are made anew.
    """

    refreshed: Refreshed


@dataclass(frozen=True, kw_only=True)
class RefreshScored(ModelStage):
    """New pairs for some of those of a round."""

    kind: ClassVar[Kind] = "refresh_scored"
    version: ClassVar[int] = 1
    pool: ClassVar[Pool] = "grade"
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.refresh:refresh_scored"
    roles: ClassVar[frozenset[Role]] = frozenset(("pairs", "answers", "scores"))

    parameters: RefreshScoredParameters
    setting: ModelSetting

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """Answers to pair up."""
        return _answers(inputs)


Collection = Collect | PairScored
"""What can have the pairs of a collection."""


def is_collection(stage: Stage | None) -> TypeGuard[Collection]:
    """Whether a stage has the pairs of a collection, whatever scored its answers."""
    return isinstance(stage, Collect | PairScored)


def _answers(inputs: Mapping[Role, Stage]) -> Work:
    sampled = inputs.get("answers")
    answers = sampled.work({}).answers if isinstance(sampled, Sample) else None
    return Work(units=answers, answers=answers)
