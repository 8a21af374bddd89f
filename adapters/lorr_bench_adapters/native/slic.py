"""SLiC's hinge loss on log-ratios (Zhao et al. 2023, arXiv 2305.10425)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.native.method import PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings, ReferenceSettings

if TYPE_CHECKING:
    from torch import Tensor


class SLiC(ReferenceMethod):
    """max(0, 1 - β·Δ), Δ the difference of the log-ratios to the reference."""

    name: ClassVar[str] = "slic"
    source: ClassVar[str] = "Zhao et al. 2023, arXiv 2305.10425"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.slic(*pairs.log_probs, beta=settings.beta)
