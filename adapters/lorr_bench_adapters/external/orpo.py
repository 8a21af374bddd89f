"""ORPO (Hong et al. 2024, arXiv 2403.07691, equations 6 and 7) on LLaMA-Factory."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.external.llamafactory import LlamaFactoryMethod, LlamaFactorySettings
from lorr_bench_adapters.fields import ORPOFields
from lorr_bench_adapters.settings import TrainingSettings


class ORPOSettings(ORPOFields, LlamaFactorySettings):
    """What a suite can set for ORPO."""


class LlamaFactoryORPO(LlamaFactoryMethod):
    """NLL(chosen) - β·log σ(log odds ratio); the NLL is that of the response, TRL's has the prompt too."""

    name: ClassVar[str] = "orpo"
    source: ClassVar[str] = "Hong et al. 2024, arXiv 2403.07691"
    hyperparameters: ClassVar[type[TrainingSettings]] = ORPOSettings

    def loss_settings(self, settings: ORPOSettings) -> dict[str, Any]:
        """The loss in LLaMA-Factory's words."""
        return {"pref_loss": "orpo", "pref_beta": settings.beta}
