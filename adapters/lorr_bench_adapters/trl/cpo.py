"""CPO (Xu et al. 2024, arXiv 2401.08417, equations 3 to 5)."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.fields import CPOFields
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.reference_free import ReferenceFreeMethod


class CPOSettings(CPOFields, TrainingSettings):
    """What a suite can set for CPO."""


class CPO(ReferenceFreeMethod):
    """-log σ(β·(log π(chosen) - log π(rejected))) + cpo_alpha·NLL(chosen)."""

    name: ClassVar[str] = "cpo"
    source: ClassVar[str] = "Xu et al. 2024, arXiv 2401.08417"
    hyperparameters: ClassVar[type[TrainingSettings]] = CPOSettings

    def configured(self) -> tuple[type[Any], type[Any]]:
        """TRL's CPOTrainer."""
        from trl.experimental.cpo import CPOConfig

        from lorr_bench_adapters.trl.reference_free_trainers import ReplayCPOTrainer

        return ReplayCPOTrainer, CPOConfig

    def loss_settings(self, hyperparameters: CPOSettings) -> dict[str, Any]:
        """The loss in the words of CPOConfig."""
        return {
            "loss_type": "sigmoid",
            "beta": hyperparameters.beta,
            "cpo_alpha": hyperparameters.cpo_alpha,
        }
