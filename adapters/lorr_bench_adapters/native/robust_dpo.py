"""Robust DPO (Chowdhury et al. 2024, arXiv 2403.00409): unbiased when a known share of labels is flipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.fields import SmoothingFields
from lorr_bench_adapters.native.method import PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor


class RobustDPOSettings(SmoothingFields, NativeSettings):
    """What a suite can set for robust DPO."""


class RobustDPO(ReferenceMethod):
    """((1-ε)·ℓ(Δ) - ε·ℓ(-Δ)) / (1-2ε), ℓ the loss of DPO."""

    name: ClassVar[str] = "robust_dpo"
    source: ClassVar[str] = "Chowdhury et al. 2024, arXiv 2403.00409"
    hyperparameters: ClassVar[type[NativeSettings]] = RobustDPOSettings

    def losses(self, pairs: PairScores, settings: RobustDPOSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.robust_dpo(
            *pairs.log_probs, beta=settings.beta, label_smoothing=settings.label_smoothing
        )
