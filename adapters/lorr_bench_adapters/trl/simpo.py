"""SimPO (Meng et al. 2024, arXiv 2405.14734, equation 6)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.reference_free import ReferenceFreeMethod


class SimPOSettings(TrainingSettings):
    """What a suite can set for SimPO; defaults are the authors' for Llama-3-8B-Instruct."""

    learning_rate: float = Field(1e-6, gt=0, description="peak learning rate. Published: 3e-7 to 1e-6")
    beta: float = Field(2.5, gt=0, description="scale of the reward. Published: 2 to 10")
    gamma_beta_ratio: float = Field(
        0.55, ge=0, description="target margin over beta, as papers quote it. Published: 0 to 1"
    )


class SimPO(ReferenceFreeMethod):
    """-log σ(β·(mean log π(chosen) - mean log π(rejected)) - γ)."""

    name: ClassVar[str] = "simpo"
    source: ClassVar[str] = "Meng et al. 2024, arXiv 2405.14734"
    hyperparameters: ClassVar[type[TrainingSettings]] = SimPOSettings

    def configured(self) -> tuple[type[Any], type[Any]]:
        """TRL's CPOTrainer, which holds SimPO."""
        from trl.experimental.cpo import CPOConfig

        from lorr_bench_adapters.trl.reference_free_trainers import ReplayCPOTrainer

        return ReplayCPOTrainer, CPOConfig

    def loss_settings(self, hyperparameters: SimPOSettings) -> dict[str, Any]:
        """The loss in the words of CPOConfig, whose margin is γ itself; cpo_alpha 0 is SimPO proper."""
        return {
            "loss_type": "simpo",
            "beta": hyperparameters.beta,
            "simpo_gamma": hyperparameters.gamma_beta_ratio * hyperparameters.beta,
            "cpo_alpha": 0.0,
        }
