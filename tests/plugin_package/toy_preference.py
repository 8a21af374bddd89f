"""NCA (Chen et al. 2024, arXiv 2402.05369) on pairs, by a loss that TRL's DPOTrainer has."""

from typing import ClassVar

from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.preference import PreferenceMethod, PreferenceSettings
from pydantic import Field


class NCASettings(PreferenceSettings):
    """What a suite can set for NCA."""

    beta: float = Field(0.01, gt=0, description="scale of the reward")


class NCA(PreferenceMethod):
    """-log σ(r_chosen) - ½·log σ(-r_chosen) - ½·log σ(-r_rejected), r = β·log π/π_ref of one response."""

    name: ClassVar[str] = "nca"
    source: ClassVar[str] = "Chen et al. 2024, arXiv 2402.05369"
    loss_type: ClassVar[str] = "nca_pair"
    hyperparameters: ClassVar[type[TrainingSettings]] = NCASettings
