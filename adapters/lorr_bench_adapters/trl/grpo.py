"""GRPO (Shao et al. 2024, arXiv 2402.03300, section 4.1)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.online import OnlineMethod, OnlineSettings


class GRPOSettings(OnlineSettings):
    """What a suite can set for GRPO."""

    beta: float = Field(0.0, ge=0, description="weight of the KL term; TRL's default leaves it out")


class GRPO(OnlineMethod):
    """Policy gradient with rewards normalised within the answers to one prompt."""

    name: ClassVar[str] = "grpo"
    source: ClassVar[str] = "Shao et al. 2024, arXiv 2402.03300"
    hyperparameters: ClassVar[type[TrainingSettings]] = GRPOSettings

    def configured(self) -> tuple[type[Any], type[Any]]:
        """TRL's GRPOTrainer."""
        from trl import GRPOConfig

        from lorr_bench_adapters.trl.online_trainers import ReplayGRPOTrainer

        return ReplayGRPOTrainer, GRPOConfig
