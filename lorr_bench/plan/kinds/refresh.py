"""Refresh: answer the prompts of some pairs anew with the current policy, before a replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from lorr_bench.plan.kinds.collect import CollectParameters, SamplingStage
from lorr_bench.plan.stage import Kind, Role, Stage, Work


@dataclass(frozen=True, kw_only=True)
class RefreshParameters(CollectParameters):
    """What decides the refreshed pairs, beside how the first ones were collected.

    Attributes:
        rollout_ratio: ρ, the probability with which a pair is drawn.
        unique_pairs: Data budget of the round.
        max_length: Where the method cuts sequences; None for one that does not.
        replay: The replay that follows, counted over all rounds.
    """

    rollout_ratio: float
    unique_pairs: int
    max_length: int | None
    replay: int

    @classmethod
    def of(
        cls,
        collection: CollectParameters,
        *,
        rollout_ratio: float,
        unique_pairs: int,
        max_length: int | None,
        replay: int,
    ) -> RefreshParameters:
        """The refreshing of pairs that were collected so."""
        return cls(
            **{field.name: getattr(collection, field.name) for field in fields(collection)},
            rollout_ratio=rollout_ratio,
            unique_pairs=unique_pairs,
            max_length=max_length,
            replay=replay,
        )


@dataclass(frozen=True, kw_only=True)
class Refresh(SamplingStage):
    """New pairs for some of those of a round."""

    kind: ClassVar[Kind] = "refresh"
    version: ClassVar[int] = 3
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.refresh:refresh"
    roles: ClassVar[frozenset[Role]] = frozenset(("start", "model", "pairs"))

    parameters: RefreshParameters

    @property
    def purpose(self) -> str:
        """The replay before which the answers are made."""
        return f"{self.kind}, replay {self.parameters.replay}"

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - its own parameters say it
        """Answers times their token limit; rows are drawn with probability ρ, so their number is expected."""
        asked = self.parameters
        drawn = round(asked.unique_pairs * asked.rollout_ratio)
        return self.generation(drawn * asked.num_samples, asked.max_tokens, asked.prompts.rows.source)
