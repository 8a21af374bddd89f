"""SimPO (Meng et al. 2024, arXiv 2405.14734, equation 6) on LLaMA-Factory."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from lorr_bench_adapters.external.llamafactory import LlamaFactoryMethod, LlamaFactorySettings
from lorr_bench_adapters.settings import TrainingSettings


class SimPOSettings(LlamaFactorySettings):
    """What a suite can set for SimPO; defaults are the authors' for Llama-3-8B-Instruct."""

    learning_rate: float = Field(1e-6, gt=0, description="peak learning rate. Published: 3e-7 to 1e-6")
    beta: float = Field(2.5, gt=0, description="scale of the reward. Published: 2 to 10")
    gamma_beta_ratio: float = Field(
        0.55, ge=0, description="target margin over beta, as papers quote it. Published: 0 to 1"
    )


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
