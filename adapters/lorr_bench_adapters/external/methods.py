"""The methods on LLaMA-Factory: name, paper, hyper-parameters and loss of each."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.external.llamafactory import LlamaFactoryMethod, LlamaFactorySettings
from lorr_bench_adapters.fields import ORPOFields, ReferenceFields, SimPOFields
from lorr_bench_adapters.settings import TrainingSettings


class DPOSettings(ReferenceFields, LlamaFactorySettings):
    """What a suite can set for DPO."""


class LlamaFactoryDPO(LlamaFactoryMethod):
    """-log σ(β·Δ), equation 7, Δ the difference of the log-ratios to the reference."""

    name: ClassVar[str] = "dpo"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290"
    hyperparameters: ClassVar[type[TrainingSettings]] = DPOSettings

    def loss_settings(self, settings: DPOSettings) -> dict[str, Any]:
        """The loss as LLaMA-Factory's options."""
        return {"pref_loss": "sigmoid", "pref_beta": settings.beta}


class SimPOSettings(SimPOFields, LlamaFactorySettings):
    """What a suite can set for SimPO."""


class LlamaFactorySimPO(LlamaFactoryMethod):
    """-log σ(β·(mean log π(chosen) - mean log π(rejected)) - γ), equation 6, means per token."""

    name: ClassVar[str] = "simpo"
    source: ClassVar[str] = "Meng et al. 2024, arXiv 2405.14734"
    hyperparameters: ClassVar[type[TrainingSettings]] = SimPOSettings

    def loss_settings(self, settings: SimPOSettings) -> dict[str, Any]:
        """The loss as LLaMA-Factory's options; its ``simpo_gamma`` is γ itself."""
        return {
            "pref_loss": "simpo",
            "pref_beta": settings.beta,
            "simpo_gamma": settings.gamma_beta_ratio * settings.beta,
        }


class ORPOSettings(ORPOFields, LlamaFactorySettings):
    """What a suite can set for ORPO."""


class LlamaFactoryORPO(LlamaFactoryMethod):
    """NLL(chosen) - β·log σ(log odds ratio), equations 6 and 7.

    The NLL is that of the response; TRL's has the prompt too.
    """

    name: ClassVar[str] = "orpo"
    source: ClassVar[str] = "Hong et al. 2024, arXiv 2403.07691"
    hyperparameters: ClassVar[type[TrainingSettings]] = ORPOSettings

    def loss_settings(self, settings: ORPOSettings) -> dict[str, Any]:
        """The loss as LLaMA-Factory's options."""
        return {"pref_loss": "orpo", "pref_beta": settings.beta}
