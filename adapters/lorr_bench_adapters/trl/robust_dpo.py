"""Robust DPO (Chowdhury et al. 2024, arXiv 2403.00409): unbiased when a known share of labels is flipped."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.fields import SmoothingFields
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.preference import PreferenceMethod


class RobustDPOSettings(SmoothingFields, TrainingSettings):
    """What a suite can set for robust DPO."""


class RobustDPO(PreferenceMethod):
    """((1-ε)·ℓ(Δ) - ε·ℓ(-Δ)) / (1-2ε), ℓ the loss of DPO."""

    name: ClassVar[str] = "robust_dpo"
    source: ClassVar[str] = "Chowdhury et al. 2024, arXiv 2403.00409"
    loss_type: ClassVar[str] = "robust"
    hyperparameters: ClassVar[type[TrainingSettings]] = RobustDPOSettings

    def loss_settings(self, hyperparameters: RobustDPOSettings) -> dict[str, Any]:
        """The loss in the words of DPOConfig."""
        return {
            **super().loss_settings(hyperparameters),
            "label_smoothing": hyperparameters.label_smoothing,
        }
