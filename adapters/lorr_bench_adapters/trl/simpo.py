"""SimPO (Meng et al. 2024, arXiv 2405.14734, equation 6)."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.fields import SimPOFields
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.reference_free import ReferenceFreeMethod


class SimPOSettings(SimPOFields, TrainingSettings):
    """What a suite can set for SimPO."""


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
