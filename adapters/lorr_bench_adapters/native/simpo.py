"""SimPO (Meng et al. 2024, arXiv 2405.14734, equation 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.fields import SimPOFields
from lorr_bench_adapters.native.method import PairMethod, PairScores
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor


class SimPOSettings(SimPOFields, NativeSettings):
    """What a suite can set for SimPO."""


class SimPO(PairMethod):
    """-log σ(β·(mean log π(chosen) - mean log π(rejected)) - γ), means per token, no reference."""

    name: ClassVar[str] = "simpo"
    source: ClassVar[str] = "Meng et al. 2024, arXiv 2405.14734; defaults: its training_configs"
    hyperparameters: ClassVar[type[NativeSettings]] = SimPOSettings
    per_token: ClassVar[bool] = True

    def losses(self, pairs: PairScores, settings: SimPOSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.simpo(
            pairs.chosen.means,
            pairs.rejected.means,
            beta=settings.beta,
            gamma_beta_ratio=settings.gamma_beta_ratio,
        )
