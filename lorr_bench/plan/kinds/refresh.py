"""Refresh: answer the prompts of some pairs anew with the current policy, before a replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from lorr_bench.plan.json_values import Group
from lorr_bench.plan.kinds.collect import CollectParameters, GradedStage
from lorr_bench.plan.stage import Kind, Role, Stage, Work


@dataclass(frozen=True, kw_only=True)
class Refreshed(Group):
    """Which pairs of a round are made anew.

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

    @property
    def expected(self) -> int:
        """How many pairs are drawn in the mean."""
        return round(self.unique_pairs * self.rollout_ratio)

    @property
    def purpose(self) -> str:
        """What their answers are for: the same whoever scores them."""
        return f"refresh, replay {self.replay}"


@dataclass(frozen=True, kw_only=True)
class RefreshParameters(CollectParameters):
    """What decides the refreshed pairs, beside how the first ones were collected.

    Attributes:
        refreshed: Which of them are made anew.
    """

    refreshed: Refreshed

    @classmethod
    def of(cls, collection: CollectParameters, refreshed: Refreshed) -> RefreshParameters:
        """The refreshing of pairs that were collected so."""
        own = {field.name: getattr(collection, field.name) for field in fields(collection)}
        return cls(**own, refreshed=refreshed)


@dataclass(frozen=True, kw_only=True)
class Refresh(GradedStage):
    """New pairs for some of those of a round."""

    kind: ClassVar[Kind] = "refresh"
    version: ClassVar[int] = 3
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.refresh:refresh"
    roles: ClassVar[frozenset[Role]] = frozenset(("start", "model", "pairs"))

    parameters: RefreshParameters

    @property
    def purpose(self) -> str:
        """The replay before which the answers are made."""
        return self.parameters.refreshed.purpose

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - its own parameters say it
        """Answers times their token limit; rows are drawn with probability ρ, so their number is expected."""
        asked = self.parameters
        answers = asked.refreshed.expected * asked.num_samples
        return self.generation(answers, asked.max_tokens, asked.prompts.rows.source)
