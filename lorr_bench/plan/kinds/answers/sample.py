"""Sample: answers to prompts, stored before anything scores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lorr_bench.plan.kinds.collect import SamplingParameters, SamplingStage
from lorr_bench.plan.kinds.refresh import Refreshed
from lorr_bench.plan.stage import Kind, Role, Stage, Work


@dataclass(frozen=True, kw_only=True)
class SampleParameters(SamplingParameters):
    """What decides the answers.

    Attributes:
        after: So many of the prompts are left to another stage, the first ones; None where none are.
        refreshed: Whose prompts are asked where rows of the input ``pairs`` are drawn; None for all prompts.
    """

    after: int | None = None
    refreshed: Refreshed | None = None

    @property
    def answered(self) -> int:
        """Prompts that the stage asks; of drawn rows their number is expected."""
        return self.refreshed.expected if self.refreshed else self.asked - (self.after or 0)


@dataclass(frozen=True, kw_only=True)
class Sample(SamplingStage):
    """Answers to the prompts of a seed, or to those of pairs that are drawn."""

    kind: ClassVar[Kind] = "sample"
    version: ClassVar[int] = 1
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.scored:sample"
    roles: ClassVar[frozenset[Role]] = SamplingStage.roles | {"pairs"}

    parameters: SampleParameters

    @property
    def purpose(self) -> str:
        """What its answers are for: of drawn rows with the replay before which they are made."""
        refreshed = self.parameters.refreshed
        return refreshed.purpose if refreshed else super().purpose

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - its own parameters say it
        """Answers times their token limit."""
        asked = self.parameters
        answers = asked.answered * asked.num_samples
        return self.generation(answers, asked.max_tokens, asked.prompts.rows.source)
