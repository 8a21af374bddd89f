"""CPO (Xu et al. 2024, arXiv 2401.08417, equations 3 to 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.fields import CPOFields
from lorr_bench_adapters.native.method import PairMethod, PairScores
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor


class CPOSettings(CPOFields, NativeSettings):
    """What a suite can set for CPO."""


class CPO(PairMethod):
    """-log σ(β·(log π(chosen) - log π(rejected))) + cpo_alpha·NLL(chosen), no reference."""

    name: ClassVar[str] = "cpo"
    source: ClassVar[str] = "Xu et al. 2024, arXiv 2401.08417"
    hyperparameters: ClassVar[type[NativeSettings]] = CPOSettings

    def losses(self, pairs: PairScores, settings: CPOSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        chosen, rejected = pairs.chosen, pairs.rejected
        nll = objectives.token_nll(chosen.log_probs, chosen.mask, tokens_per_row=pairs.tokens_per_row)
        return objectives.cpo(
            chosen.totals, rejected.totals, nll, beta=settings.beta, cpo_alpha=settings.cpo_alpha
        )
