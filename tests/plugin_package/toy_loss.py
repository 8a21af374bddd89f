"""SPPO's squared loss (Wu et al. 2024, arXiv 2405.00675) on pairs, as a new loss on the native backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.native.pairs import PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings, ReferenceSettings

if TYPE_CHECKING:
    from torch import Tensor


class SPPO(ReferenceMethod):
    """(r_chosen - 1/(2β))² + (r_rejected + 1/(2β))², r = log π/π_ref of one response."""

    name: ClassVar[str] = "sppo"
    source: ClassVar[str] = "Wu et al. 2024, arXiv 2405.00675"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """(pairs,) the loss of each pair."""
        chosen, rejected, ref_chosen, ref_rejected = pairs.log_probs
        target = 1 / (2 * settings.beta)
        return (chosen - ref_chosen - target) ** 2 + (rejected - ref_rejected + target) ** 2
