"""The methods of the native backend: name, paper, hyper-parameters and objective of each.

Δ is the difference of the log-ratios to the reference, chosen minus rejected; σ is the logistic function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import AliasChoices, Field

from lorr_bench.ports.trainer import RowKind
from lorr_bench_adapters.fields import CPOFields, KTOFields, ORPOFields, SimPOFields, SmoothingFields
from lorr_bench_adapters.native.imitation import ImitationMethod
from lorr_bench_adapters.native.labels import LabelMethod, LabelScores
from lorr_bench_adapters.native.pairs import PairMethod, PairScores, ReferenceMethod
from lorr_bench_adapters.native.settings import NativeSettings, ReferenceSettings

if TYPE_CHECKING:
    from torch import Tensor


class DPO(ReferenceMethod):
    """-log σ(β·Δ), equation 7."""

    name: ClassVar[str] = "dpo"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290; learning rate: SimPO README, β: TRL"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.dpo(*pairs.log_probs, beta=settings.beta)


class CDPOSettings(SmoothingFields, NativeSettings):
    """What a suite can set for conservative DPO."""


class CDPO(ReferenceMethod):
    """-(1-ε)·log σ(β·Δ) - ε·log σ(-β·Δ): stops at the margin where the odds of the labels are met."""

    name: ClassVar[str] = "cdpo"
    source: ClassVar[str] = "Mitchell 2023, https://ericmitchell.ai/cdpo.pdf"
    hyperparameters: ClassVar[type[NativeSettings]] = CDPOSettings

    def losses(self, pairs: PairScores, settings: CDPOSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.cdpo(*pairs.log_probs, beta=settings.beta, label_smoothing=settings.label_smoothing)


class RobustDPOSettings(SmoothingFields, NativeSettings):
    """What a suite can set for robust DPO."""


class RobustDPO(ReferenceMethod):
    """((1-ε)·ℓ(Δ) - ε·ℓ(-Δ)) / (1-2ε), ℓ the loss of DPO: unbiased if a share ε of labels is flipped."""

    name: ClassVar[str] = "robust_dpo"
    source: ClassVar[str] = "Chowdhury et al. 2024, arXiv 2403.00409"
    hyperparameters: ClassVar[type[NativeSettings]] = RobustDPOSettings

    def losses(self, pairs: PairScores, settings: RobustDPOSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.robust_dpo(
            *pairs.log_probs, beta=settings.beta, label_smoothing=settings.label_smoothing
        )


class IPO(ReferenceMethod):
    """(Δ - 1/(2β))², equation 17, Δ from log-ratios per token.

    The equation sums over tokens; its authors confirmed the length normalisation, says TRL.
    """

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


class SLiC(ReferenceMethod):
    """max(0, 1 - β·Δ): the hinge loss of SLiC, on log-ratios."""

    name: ClassVar[str] = "slic"
    source: ClassVar[str] = "Zhao et al. 2023, arXiv 2305.10425"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.slic(*pairs.log_probs, beta=settings.beta)


class APOZero(ReferenceMethod):
    """1 - σ(β·r_chosen) + σ(β·r_rejected), equation 7, r the log-ratio of one response.

    Chosen up, rejected down, each against the reference alone.
    """

    name: ClassVar[str] = "apo_zero"
    source: ClassVar[str] = "D'Oosterlinck et al. 2024, arXiv 2408.06266"
    hyperparameters: ClassVar[type[NativeSettings]] = ReferenceSettings

    def losses(self, pairs: PairScores, settings: ReferenceSettings) -> Tensor:
        """The objective of each pair."""
        from lorr_bench_adapters.native import objectives

        return objectives.apo_zero(*pairs.log_probs, beta=settings.beta)


class CPOSettings(CPOFields, NativeSettings):
    """What a suite can set for CPO."""


class CPO(PairMethod):
    """-log σ(β·(log π(chosen) - log π(rejected))) + cpo_alpha·NLL(chosen), equations 3 to 5."""

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


class SimPOSettings(SimPOFields, NativeSettings):
    """What a suite can set for SimPO."""


class SimPO(PairMethod):
    """-log σ(β·(mean log π(chosen) - mean log π(rejected)) - γ), equation 6, means per token."""

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


class ORPOSettings(ORPOFields, NativeSettings):
    """What a suite can set for ORPO."""


class ORPO(PairMethod):
    """NLL(prompt and chosen) - β·log σ(log odds ratio of chosen over rejected), equations 6 and 7."""

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


class KTOSettings(KTOFields, NativeSettings):
    """What a suite can set for KTO."""

    per_device_train_batch_size: int = Field(
        8,
        ge=2,
        validation_alias=AliasChoices("per_device_train_batch_size", "batch_size"),
        description="labelled responses; the KL estimate needs two at least",
    )


class KTO(LabelMethod):
    """1 - σ(β·(r - KL)) for wanted responses, 1 - σ(β·(KL - r)) for the others, equations 7 and 8.

    r is the log-ratio of a response to the reference. Both halves of each pair are rows.
    """

    name: ClassVar[str] = "kto"
    source: ClassVar[str] = "Ethayarajh et al. 2024, arXiv 2402.01306"
    hyperparameters: ClassVar[type[NativeSettings]] = KTOSettings

    def losses(self, labelled: LabelScores, settings: KTOSettings) -> Tensor:
        """The objective of each response."""
        from lorr_bench_adapters.native import objectives

        return objectives.kto(
            labelled.responses,
            labelled.references,
            labelled.wanted,
            labelled.kl,
            beta=settings.beta,
            desirable_weight=settings.desirable_weight,
            undesirable_weight=settings.undesirable_weight,
        )


class SFT(ImitationMethod):
    """-log π(chosen | prompt), mean over the tokens of an update: the baseline without preferences."""

    name: ClassVar[str] = "sft"
    source: ClassVar[str] = "Ouyang et al. 2022, arXiv 2203.02155"
    rows: ClassVar[RowKind] = "chosen"


class RejectionSampling(ImitationMethod):
    """-log π(answer | prompt) over the different right answers to the prompts of the budget."""

    name: ClassVar[str] = "rejection_sampling"
    source: ClassVar[str] = "Yuan et al. 2023, arXiv 2308.01825"
    rows: ClassVar[RowKind] = "right_answers"
