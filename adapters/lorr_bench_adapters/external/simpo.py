"""SimPO (Meng et al. 2024, arXiv 2405.14734, equation 6) on LLaMA-Factory."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.external.llamafactory import LlamaFactoryMethod, LlamaFactorySettings
from lorr_bench_adapters.fields import SimPOFields
from lorr_bench_adapters.settings import TrainingSettings


class SimPOSettings(SimPOFields, LlamaFactorySettings):
    """What a suite can set for SimPO."""


class LlamaFactorySimPO(LlamaFactoryMethod):
    """-log σ(β·(mean log π(chosen) - mean log π(rejected)) - γ)."""

    name: ClassVar[str] = "simpo"
    source: ClassVar[str] = "Meng et al. 2024, arXiv 2405.14734"
    hyperparameters: ClassVar[type[TrainingSettings]] = SimPOSettings

    def loss_settings(self, settings: SimPOSettings) -> dict[str, Any]:
        """The loss in LLaMA-Factory's words; its ``simpo_gamma`` is γ itself."""
        return {
            "pref_loss": "simpo",
            "pref_beta": settings.beta,
            "simpo_gamma": settings.gamma_beta_ratio * settings.beta,
        }
