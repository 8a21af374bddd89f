"""Find which problems of a benchmark belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lorr_bench.plan.json_values import Group
from lorr_bench.plan.kinds.prompts import ProblemRows
from lorr_bench.plan.stage import Kind, Parameters, Pool, Role, Setting, Source, Stage, Work


@dataclass(frozen=True, kw_only=True)
class FamilyRows(Group):
    """The problems of a math benchmark, which are read from their source.

    Attributes:
        rows: They.
        limit: How many; None for all.
        embedded: Identity of what finds the families of the embedded problems; None for others.
    """

    rows: ProblemRows
    limit: int | None
    embedded: str | None


@dataclass(frozen=True, kw_only=True)
class FamiliesParameters(Parameters):
    """What decides the families.

    Attributes:
        cluster_column: Names the family of each problem.
        problems: Of a math benchmark; None for lm-eval's tasks, whose evaluation wrote them.
    """

    cluster_column: str
    problems: FamilyRows | None = None


@dataclass(frozen=True, kw_only=True)
class FamiliesSetting(Setting):
    """Where the problems of a math benchmark lie."""

    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Families(Stage):
    """The family of each problem."""

    kind: ClassVar[Kind] = "families"
    version: ClassVar[int] = 1
    pool: ClassVar[Pool] = "grade"
    entry_point: ClassVar[str] = "lorr_bench.stages.measuring.families:families"
    roles: ClassVar[frozenset[Role]] = frozenset(("problems",))

    parameters: FamiliesParameters
    setting: FamiliesSetting = field(default_factory=FamiliesSetting)

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - its own parameters say it
        """Reading the problems once; of lm-eval's tasks, what was written of them."""
        problems = self.parameters.problems
        if problems is None:
            return Work(units=None)
        return Work(units=problems.limit, like=problems.rows.source)

    def sources(self) -> Iterator[Source]:
        """The problems of a math benchmark."""
        if self.parameters.problems is not None and self.setting.source is not None:
            yield Source(self.setting.source, self.parameters.problems.rows.source, "file")
