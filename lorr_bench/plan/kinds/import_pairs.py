"""Import ready-made pairs, in the order of a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from lorr_bench.plan.stage import Kind, Parameters, Pool, Role, Setting, Source, Stage, Work
from lorr_bench.spec.sources import PairFileSpec


@dataclass(frozen=True, kw_only=True)
class ImportPairsParameters(Parameters):
    """Which pairs, in which order; ``PairFileSpec`` describes the columns.

    Attributes:
        source: Identity of what lies there.
        revision: Commit of a Hub data set.
        seed: Of the order.
    """

    source: str
    revision: str | None
    split: str
    prompt_column: str
    chosen_column: str
    rejected_column: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class ImportPairsSetting(Setting):
    """Where the pairs lie, and how many are needed.

    Attributes:
        source: A file, or a Hub id.
        unique_pairs: The largest data budget; a set with fewer pairs is refused.
    """

    source: str
    unique_pairs: int


@dataclass(frozen=True, kw_only=True)
class ImportPairs(Stage):
    """The pairs of a ready-made set, each once."""

    kind: ClassVar[Kind] = "import_pairs"
    version: ClassVar[int] = 3
    pool: ClassVar[Pool] = "train"
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.collect:import_pairs"

    parameters: ImportPairsParameters
    setting: ImportPairsSetting

    @property
    def file(self) -> PairFileSpec:
        """What reads the pairs."""
        asked = self.parameters
        return PairFileSpec(
            source=self.setting.source,
            revision=asked.revision,
            split=asked.split,
            prompt_column=asked.prompt_column,
            chosen_column=asked.chosen_column,
            rejected_column=asked.rejected_column,
        )

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - it reads none
        """How many pairs there are is not known before they are read."""
        return Work(units=None, like=self.parameters.source)

    def sources(self) -> Iterator[Source]:
        """The pairs."""
        yield Source(self.setting.source, self.parameters.source, "file")
