"""The methods that TRL trains: name, paper, hyper-parameters and loss of each.

Δ is the difference of the log-ratios to the reference, chosen minus rejected; σ is the logistic function.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import AliasChoices, Field

from lorr_bench.ports.trainer import RowKind
from lorr_bench_adapters.fields import CPOFields, KTOFields, ORPOFields, SimPOFields, SmoothingFields
from lorr_bench_adapters.settings import TrainingSettings
from lorr_bench_adapters.trl.imitation import ImitationMethod
from lorr_bench_adapters.trl.labels import LabelMethod
from lorr_bench_adapters.trl.online import OnlineMethod, OnlineSettings
from lorr_bench_adapters.trl.preference import PreferenceMethod
from lorr_bench_adapters.trl.reference_free import CPOTrainerMethod, ORPOTrainerMethod


class DPO(PreferenceMethod):
    """-log σ(β·Δ), equation 7."""

    name: ClassVar[str] = "dpo"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290"
    loss_type: ClassVar[str] = "sigmoid"


class RobustDPOSettings(SmoothingFields, TrainingSettings):
    """What a suite can set for robust DPO."""


class RobustDPO(PreferenceMethod):
    """((1-ε)·ℓ(Δ) - ε·ℓ(-Δ)) / (1-2ε), ℓ the loss of DPO: unbiased if a share ε of labels is flipped."""

    name: ClassVar[str] = "robust_dpo"
    source: ClassVar[str] = "Chowdhury et al. 2024, arXiv 2403.00409"
    loss_type: ClassVar[str] = "robust"
    hyperparameters: ClassVar[type[TrainingSettings]] = RobustDPOSettings

    def loss_settings(self, hyperparameters: RobustDPOSettings) -> dict[str, Any]:
        """The loss as arguments of DPOConfig."""
        return {
            **super().loss_settings(hyperparameters),
            "label_smoothing": hyperparameters.label_smoothing,
        }


class IPO(PreferenceMethod):
    """(Δ - 1/(2β))², equation 17, Δ from log-ratios per token.

    The equation sums over tokens; its authors confirmed the length normalisation, says TRL.
    """

    name: ClassVar[str] = "ipo"
    source: ClassVar[str] = "Azar et al. 2023, arXiv 2310.12036"
    loss_type: ClassVar[str] = "ipo"


class SLiC(PreferenceMethod):
    """max(0, 1 - β·Δ): the hinge loss of SLiC, on log-ratios."""

    name: ClassVar[str] = "slic"
    source: ClassVar[str] = "Zhao et al. 2023, arXiv 2305.10425"
    loss_type: ClassVar[str] = "hinge"


class APOZero(PreferenceMethod):
    """1 - σ(β·r_chosen) + σ(β·r_rejected), equation 7, r the log-ratio of one response.

    Chosen up, rejected down, each against the reference alone.
    """

    name: ClassVar[str] = "apo_zero"
    source: ClassVar[str] = "D'Oosterlinck et al. 2024, arXiv 2408.06266"
    loss_type: ClassVar[str] = "apo_zero"


class CPOSettings(CPOFields, TrainingSettings):
    """What a suite can set for CPO."""


class CPO(CPOTrainerMethod):
    """-log σ(β·(log π(chosen) - log π(rejected))) + cpo_alpha·NLL(chosen), equations 3 to 5."""

    name: ClassVar[str] = "cpo"
    source: ClassVar[str] = "Xu et al. 2024, arXiv 2401.08417"
    hyperparameters: ClassVar[type[TrainingSettings]] = CPOSettings

    def loss_settings(self, hyperparameters: CPOSettings) -> dict[str, Any]:
        """The loss as arguments of CPOConfig."""
        return {
            "loss_type": "sigmoid",
            "beta": hyperparameters.beta,
            "cpo_alpha": hyperparameters.cpo_alpha,
        }


class SimPOSettings(SimPOFields, TrainingSettings):
    """What a suite can set for SimPO."""


class SimPO(CPOTrainerMethod):
    """-log σ(β·(mean log π(chosen) - mean log π(rejected)) - γ), equation 6, means per token."""

    name: ClassVar[str] = "simpo"
    source: ClassVar[str] = "Meng et al. 2024, arXiv 2405.14734"
    hyperparameters: ClassVar[type[TrainingSettings]] = SimPOSettings

    def loss_settings(self, hyperparameters: SimPOSettings) -> dict[str, Any]:
        """The loss as arguments of CPOConfig, whose margin is γ itself; cpo_alpha 0 is SimPO proper."""
        return {
            "loss_type": "simpo",
            "beta": hyperparameters.beta,
            "simpo_gamma": hyperparameters.gamma_beta_ratio * hyperparameters.beta,
            "cpo_alpha": 0.0,
        }


class ORPOSettings(ORPOFields, TrainingSettings):
    """What a suite can set for ORPO."""


class ORPO(ORPOTrainerMethod):
    """NLL(prompt and chosen) - β·log σ(log odds ratio of chosen over rejected), equations 6 and 7."""

    name: ClassVar[str] = "orpo"
    source: ClassVar[str] = "Hong et al. 2024, arXiv 2403.07691"
    hyperparameters: ClassVar[type[TrainingSettings]] = ORPOSettings

    def loss_settings(self, hyperparameters: ORPOSettings) -> dict[str, Any]:
        """The loss as arguments of ORPOConfig."""
        return {"beta": hyperparameters.beta}


class KTOSettings(KTOFields, TrainingSettings):
    """What a suite can set for KTO."""

    per_device_train_batch_size: int = Field(
        8,
        ge=4,
        validation_alias=AliasChoices("per_device_train_batch_size", "batch_size"),
        description="labelled responses; the KL estimate needs those of two prompts at least",
    )


class KTO(LabelMethod):
    """1 - σ(β·(r - KL)) for wanted responses, 1 - σ(β·(KL - r)) for the others, equations 7 and 8.

    r is the log-ratio of a response to the reference. Both halves of each pair are rows.
    """

    name: ClassVar[str] = "kto"
    source: ClassVar[str] = "Ethayarajh et al. 2024, arXiv 2402.01306"
    hyperparameters: ClassVar[type[TrainingSettings]] = KTOSettings

    def loss_settings(self, hyperparameters: KTOSettings) -> dict[str, Any]:
        """The loss as arguments of KTOConfig."""
        return {
            "beta": hyperparameters.beta,
            "desirable_weight": hyperparameters.desirable_weight,
            "undesirable_weight": hyperparameters.undesirable_weight,
        }


class SFT(ImitationMethod):
    """-log π(chosen | prompt), mean over the tokens of a batch: the baseline without preferences."""

    name: ClassVar[str] = "sft"
    source: ClassVar[str] = "Ouyang et al. 2022, arXiv 2203.02155"
    rows: ClassVar[RowKind] = "chosen"


class RejectionSampling(ImitationMethod):
    """-log π(answer | prompt) over the different right answers to the prompts of the budget."""

    name: ClassVar[str] = "rejection_sampling"
    source: ClassVar[str] = "Yuan et al. 2023, arXiv 2308.01825"
    rows: ClassVar[RowKind] = "right_answers"


class GRPOSettings(OnlineSettings):
    """What a suite can set for GRPO."""

    beta: float = Field(0.0, ge=0, description="weight of the KL term; TRL's default leaves it out")
    loss_type: Literal["grpo", "dapo", "bnpo", "dr_grpo"] = Field(
        "grpo",
        description="how the loss is averaged over tokens; the paper's is `grpo`, TRL's default `dapo`",
    )


class GRPO(OnlineMethod):
    """Policy gradient with rewards normalised within the answers to one prompt, section 4.1."""

    name: ClassVar[str] = "grpo"
    source: ClassVar[str] = "Shao et al. 2024, arXiv 2402.03300"
    hyperparameters: ClassVar[type[TrainingSettings]] = GRPOSettings

    def trainer_and_config(self) -> tuple[type[Any], type[Any]]:
        """TRL's GRPOTrainer."""
        from trl import GRPOConfig

        from lorr_bench_adapters.trl.training.online import ReplayGRPOTrainer

        return ReplayGRPOTrainer, GRPOConfig

    def loss_settings(self, hyperparameters: GRPOSettings) -> dict[str, Any]:
        """The loss as arguments of GRPOConfig."""
        return {**super().loss_settings(hyperparameters), "loss_type": hyperparameters.loss_type}


class RLOOSettings(OnlineSettings):
    """What a suite can set for RLOO."""

    beta: float = Field(0.05, ge=0, description="weight of the KL term in the reward; TRL's default")


class RLOO(OnlineMethod):
    """REINFORCE whose baseline is the mean reward of the other answers to the same prompt, equation 7."""

    name: ClassVar[str] = "rloo"
    source: ClassVar[str] = "Ahmadian et al. 2024, arXiv 2402.14740"
    hyperparameters: ClassVar[type[TrainingSettings]] = RLOOSettings

    def trainer_and_config(self) -> tuple[type[Any], type[Any]]:
        """TRL's RLOOTrainer."""
        from trl import RLOOConfig

        from lorr_bench_adapters.trl.training.online import ReplayRLOOTrainer

        return ReplayRLOOTrainer, RLOOConfig
