"""DPO (Rafailov et al. 2023, arXiv 2305.18290, equation 7) on LLaMA-Factory."""

from __future__ import annotations

from typing import Any, ClassVar

from lorr_bench_adapters.external.llamafactory import LlamaFactoryMethod, LlamaFactorySettings
from lorr_bench_adapters.fields import ReferenceFields
from lorr_bench_adapters.settings import TrainingSettings


class DPOSettings(ReferenceFields, LlamaFactorySettings):
    """What a suite can set for DPO."""


class LlamaFactoryDPO(LlamaFactoryMethod):
    """-log σ(β·Δ), Δ the difference of the log-ratios to the reference."""

    name: ClassVar[str] = "dpo"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290"
    hyperparameters: ClassVar[type[TrainingSettings]] = DPOSettings

    def loss_settings(self, settings: DPOSettings) -> dict[str, Any]:
        """The loss in LLaMA-Factory's words."""
        return {"pref_loss": "sigmoid", "pref_beta": settings.beta}
