"""Conservative DPO (Mitchell 2023): DPO with smoothed labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.fields import SmoothingFields
from lorr_bench_adapters.native.method import PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor


class CDPOSettings(SmoothingFields, NativeSettings):
    """What a suite can set for conservative DPO."""


class CDPO(ReferenceMethod):
    """-(1-ε)·log σ(β·Δ) - ε·log σ(-β·Δ): stops at the margin where the odds of the labels are met."""

    name: ClassVar[str] = "cdpo"
    source: ClassVar[str] = "Mitchell 2023, https://ericmitchell.ai/cdpo.pdf"
    hyperparameters: ClassVar[type[NativeSettings]] = CDPOSettings

    def losses(self, pairs: PairScores, settings: CDPOSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.cdpo(*pairs.log_probs, beta=settings.beta, label_smoothing=settings.label_smoothing)
