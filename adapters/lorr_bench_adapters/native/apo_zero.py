"""APO-zero (D'Oosterlinck et al. 2024, arXiv 2408.06266, equation 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.native.method import PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings, ReferenceSettings

if TYPE_CHECKING:
    from torch import Tensor


class APOZero(ReferenceMethod):
    """1 - σ(β·r_chosen) + σ(β·r_rejected): chosen up, rejected down, each against the reference alone."""

    name: ClassVar[str] = "apo_zero"
    source: ClassVar[str] = "D'Oosterlinck et al. 2024, arXiv 2408.06266"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.apo_zero(*pairs.log_probs, beta=settings.beta)
