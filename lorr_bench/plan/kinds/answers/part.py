"""Part: a share of the answers of another stage, so that several engines answer it together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from lorr_bench.plan.stage import Kind, Parameters, Pool, Role, Setting, Source, Stage, Work


@dataclass(frozen=True, kw_only=True)
class PartParameters(Parameters):
    """What decides which answers they are.

    Attributes:
        whole: Digest of the stage that they belong to.
        number: Of the part, counted from 0.
        parts: How many there are.
    """

    whole: str
    number: int
    parts: int


@dataclass(frozen=True, kw_only=True)
class PartSetting(Setting):
    """How the whole stage is run.

    Attributes:
        stage: It, as ``Stage.to_dict`` describes it.
    """

    stage: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Part(Stage):
    """Answers to a share of the prompts of a stage; those of all parts are its own, whatever their number."""

    kind: ClassVar[Kind] = "part"
    version: ClassVar[int] = 1
    pool: ClassVar[Pool] = "engine"
    entry_point: ClassVar[str] = "lorr_bench.stages.parts:answer_part"
    roles: ClassVar[frozenset[Role]] = frozenset(("start", "model", "collection"))
    freeable: ClassVar[tuple[str, ...]] = ("answers.jsonl",)

    parameters: PartParameters
    setting: PartSetting

    @cached_property
    def whole(self) -> Stage:
        """The stage that the answers belong to."""
        from lorr_bench.plan.kinds.registry import stage_from_dict  # which knows this kind, too

        return stage_from_dict(self.setting.stage)

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """A part of that of the whole."""
        work, parts = self.whole.work(inputs), self.parameters.parts
        return replace(work, units=None if work.units is None else work.units / parts, tokens=0, answers=None)

    def sources(self) -> Iterator[Source]:
        """Those of the whole."""
        yield from self.whole.sources()

    @property
    def memory_advice(self) -> str:
        """That for the whole."""
        return self.whole.memory_advice
