"""IPO (Azar et al. 2023, arXiv 2310.12036, equation 17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.native.method import PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings, ReferenceSettings

if TYPE_CHECKING:
    from torch import Tensor


class IPO(ReferenceMethod):
    """(Δ - 1/(2β))², Δ from log-ratios per token: its authors confirm the length normalisation, says TRL."""

    name: ClassVar[str] = "ipo"
    source: ClassVar[str] = "Azar et al. 2023, arXiv 2310.12036"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.ipo(
            *pairs.log_probs,
            chosen_lengths=pairs.chosen.lengths,
            rejected_lengths=pairs.rejected.lengths,
            beta=settings.beta,
        )
