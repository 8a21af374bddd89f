"""ORPO (Hong et al. 2024, arXiv 2403.07691, equations 6 and 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lorr_bench_adapters.fields import ORPOFields
from lorr_bench_adapters.native.method import PairMethod, PairScores
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor


class ORPOSettings(ORPOFields, NativeSettings):
    """What a suite can set for ORPO."""


class ORPO(PairMethod):
    """NLL(prompt and chosen) - β·log σ(log odds ratio of chosen over rejected), no reference."""

    name: ClassVar[str] = "orpo"
    source: ClassVar[str] = "Hong et al. 2024, arXiv 2403.07691"
    hyperparameters: ClassVar[type[NativeSettings]] = ORPOSettings
    scores_prompt: ClassVar[bool] = True
    per_token: ClassVar[bool] = True

    def losses(self, pairs: PairScores, settings: ORPOSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        chosen, rejected = pairs.chosen, pairs.rejected
        nll = objectives.token_nll(chosen.log_probs, chosen.scored, tokens_per_row=pairs.tokens_per_row)
        return objectives.orpo(chosen.means, rejected.means, nll, beta=settings.beta)
