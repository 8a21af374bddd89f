"""Take the fingerprint of the start model, by which an engine is known to hold its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lorr_bench.plan.kinds.model import ModelParameters, ModelSetting, ModelStage
from lorr_bench.plan.stage import Kind, Pool, Role, Stage, Work


@dataclass(frozen=True, kw_only=True)
class FingerprintParameters(ModelParameters):
    """What decides a fingerprint.

    Attributes:
        packages: Versions of what computes it.
    """

    packages: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Fingerprint(ModelStage):
    """Log-probabilities of a handful of texts."""

    kind: ClassVar[Kind] = "fingerprint"
    version: ClassVar[int] = 1
    pool: ClassVar[Pool] = "train"
    entry_point: ClassVar[str] = "lorr_bench.stages.fingerprint:fingerprint"

    parameters: FingerprintParameters
    setting: ModelSetting

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - it reads none
        """One model: nearly all of it is the loading."""
        return Work(units=1, devices=1)
