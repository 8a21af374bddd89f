"""GRPO (Shao et al. 2024, arXiv 2402.03300, section 4.1)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.online import OnlineMethod, OnlineSettings


class GRPOSettings(OnlineSettings):
    """What a suite can set for GRPO."""

    beta: float = Field(0.0, ge=0, description="weight of the KL term; TRL's default leaves it out")
    loss_type: Literal["grpo", "dapo", "bnpo", "dr_grpo"] = Field(
        "grpo",
        description="how the loss is averaged over tokens; the paper's is `grpo`, TRL's default `dapo`",
    )


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

    def loss_settings(self, hyperparameters: GRPOSettings) -> dict[str, Any]:
        """The loss in the words of GRPOConfig."""
        return {**super().loss_settings(hyperparameters), "loss_type": hyperparameters.loss_type}
