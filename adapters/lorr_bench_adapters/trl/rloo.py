"""RLOO (Ahmadian et al. 2024, arXiv 2402.14740, equation 7)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.online import OnlineMethod, OnlineSettings


class RLOOSettings(OnlineSettings):
    """What a suite can set for RLOO."""

    beta: float = Field(0.05, ge=0, description="weight of the KL term in the reward; TRL's default")


class RLOO(OnlineMethod):
    """REINFORCE whose baseline is the mean reward of the other answers to the same prompt."""

    name: ClassVar[str] = "rloo"
    source: ClassVar[str] = "Ahmadian et al. 2024, arXiv 2402.14740"
    hyperparameters: ClassVar[type[TrainingSettings]] = RLOOSettings

    def configured(self) -> tuple[type[Any], type[Any]]:
        """TRL's RLOOTrainer."""
        from trl import RLOOConfig

        from lorr_bench_adapters.trl.online_trainers import ReplayRLOOTrainer

        return ReplayRLOOTrainer, RLOOConfig
