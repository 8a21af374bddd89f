"""DPO (Rafailov et al. 2023, arXiv 2305.18290)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.native.method import PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings, ReferenceSettings

if TYPE_CHECKING:
    from torch import Tensor


class DPO(ReferenceMethod):
    """-log σ(β·Δ), Δ the difference of the log-ratios to the reference."""

    name: ClassVar[str] = "dpo"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290; learning rate: SimPO README, β: TRL"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.dpo(*pairs.log_probs, beta=settings.beta)
