"""Compute reference log-probabilities, once for all arms that share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from lorr_bench.plan.kinds.answers.pairs import is_collection
from lorr_bench.plan.kinds.model import ENGINE_BESIDE, ModelParameters, ModelSetting
from lorr_bench.plan.kinds.train import AdapterStage, LabelNoise, responses_of
from lorr_bench.plan.stage import Kind, Pool, Role, Stage, Work
from lorr_bench.ports.trainer import RowKind

OF_EACH_RESPONSE: Final[tuple[RowKind, ...]] = ("pairs", "labels")
"""Kinds of rows to which a pair gives a sequence for each response; to others it gives one."""


@dataclass(frozen=True, kw_only=True)
class ReferenceParameters(ModelParameters):
    """What decides the log-probabilities.

    Attributes:
        backend: What computes them.
        packages: Versions of what it uses.
        rows: What the method trains on.
        settings: What else changes them, as the adapter says.
        unique_pairs: How many pairs give the rows.
        label_noise: Which pairs are the wrong way round; None where none is.
    """

    backend: str
    packages: Mapping[str, str]
    rows: RowKind
    settings: Mapping[str, Any]
    unique_pairs: int
    label_noise: LabelNoise | None = None


@dataclass(frozen=True, kw_only=True)
class ReferenceSetting(ModelSetting):
    """What computes them, of the arms that share them the first.

    Attributes:
        adapter: Full name of the adapter.
        hyperparameters: Of the arm.
        processes: That share the rows, each with a GPU and a whole model; None is one.
    """

    adapter: str
    hyperparameters: Mapping[str, Any]
    processes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Reference(AdapterStage):
    """Tokens of the rows of a data budget, with their log-probabilities by the reference model."""

    kind: ClassVar[Kind] = "reference"
    version: ClassVar[int] = 4
    pool: ClassVar[Pool] = "train"
    entry_point: ClassVar[str] = "lorr_bench.stages.training.train:reference"
    roles: ClassVar[frozenset[Role]] = frozenset(("pairs", "model"))
    freeable: ClassVar[tuple[str, ...]] = ("reference.parquet",)

    parameters: ReferenceParameters
    setting: ReferenceSetting

    @property
    def adapter_name(self) -> str:
        """That of the first arm that has it computed."""
        return self.setting.adapter

    @property
    def settings(self) -> Mapping[str, Any]:
        """Those of that arm."""
        return self.setting.hyperparameters

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """One forward pass over the rows of the largest budget; a prompt gives one pair at most."""
        asked, pairs = self.parameters, inputs.get("pairs")
        most = pairs.parameters.asked if is_collection(pairs) else asked.unique_pairs
        each = responses_of(inputs) if asked.rows in OF_EACH_RESPONSE else 1
        sequences = min(most, asked.unique_pairs) * each
        length = self.known_settings.max_length
        return Work(
            units=sequences,
            tokens=sequences * length if length else None,
            devices=self.setting.processes or 1,
            like=(asked.backend, asked.rows, length),
        )

    @property
    def memory_advice(self) -> str:
        """Fewer rows at once."""
        return f"Lower precompute_ref_batch_size{ENGINE_BESIDE}"
