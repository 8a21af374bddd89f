"""ORPO (Hong et al. 2024, arXiv 2403.07691, equations 6 and 7)."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.fields import ORPOFields
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.reference_free import ReferenceFreeMethod


class ORPOSettings(ORPOFields, TrainingSettings):
    """What a suite can set for ORPO."""


class ORPO(ReferenceFreeMethod):
    """NLL(prompt and chosen) - β·log σ(log odds ratio of chosen over rejected)."""

    name: ClassVar[str] = "orpo"
    source: ClassVar[str] = "Hong et al. 2024, arXiv 2403.07691"
    hyperparameters: ClassVar[type[TrainingSettings]] = ORPOSettings

    def configured(self) -> tuple[type[Any], type[Any]]:
        """TRL's ORPOTrainer."""
        from trl.experimental.orpo import ORPOConfig

        from lorr_bench_adapters.trl.reference_free_trainers import ReplayORPOTrainer

        return ReplayORPOTrainer, ORPOConfig

    def loss_settings(self, hyperparameters: ORPOSettings) -> dict[str, Any]:
        """The loss in the words of ORPOConfig."""
        return {"beta": hyperparameters.beta}
