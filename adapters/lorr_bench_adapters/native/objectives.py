"""The preference objectives, as pure functions of log-probabilities.

Unless said otherwise, ``chosen`` and ``rejected`` are (pairs,) log-probabilities of whole responses under
the policy, log π(y|x), summed over tokens; ``ref_chosen`` and ``ref_rejected`` the same under the reference;
Δ is (chosen - ref_chosen) - (rejected - ref_rejected); σ is the logistic function. Every function returns one
loss a pair, (pairs,), whose mean is what training minimises.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lorr_bench_adapters.odds import log_odds_ratio


def dpo(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, *, beta: float) -> Tensor:
    """DPO: -log σ(β·Δ). Rafailov et al. 2023, arXiv 2305.18290, equation 7."""
    return -logsigmoid(beta * _log_ratio(chosen, rejected, ref_chosen, ref_rejected))


def cdpo(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: float,
    label_smoothing: float,
) -> Tensor:
    """Conservative DPO: -(1-ε)·log σ(β·Δ) - ε·log σ(-β·Δ).

    Mitchell 2023, "A note on DPO with noisy preferences & relationship to IPO".

    Args:
        chosen: (pairs,) see the module.
        rejected: (pairs,)
        ref_chosen: (pairs,)
        ref_rejected: (pairs,)
        beta: β
        label_smoothing: ε, the share of labels taken to be flipped, below 1/2.
    """
    scaled = beta * _log_ratio(chosen, rejected, ref_chosen, ref_rejected)
    return -(1 - label_smoothing) * logsigmoid(scaled) - label_smoothing * logsigmoid(-scaled)


def robust_dpo(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: float,
    label_smoothing: float,
) -> Tensor:
    """Robust DPO: (-(1-ε)·log σ(β·Δ) + ε·log σ(-β·Δ)) / (1-2ε).

    Its mean over labels that are flipped with probability ε is the loss of DPO without flips. Chowdhury et
    al. 2024, arXiv 2403.00409, section 3.

    Args:
        chosen: (pairs,) see the module.
        rejected: (pairs,)
        ref_chosen: (pairs,)
        ref_rejected: (pairs,)
        beta: β
        label_smoothing: ε, below 1/2.
    """
    scaled = beta * _log_ratio(chosen, rejected, ref_chosen, ref_rejected)
    as_labelled = (1 - label_smoothing) * logsigmoid(scaled)
    flipped = label_smoothing * logsigmoid(-scaled)
    return (flipped - as_labelled) / (1 - 2 * label_smoothing)


def ipo(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    chosen_lengths: Tensor,
    rejected_lengths: Tensor,
    beta: float,
) -> Tensor:
    """IPO: (Δ̄ - 1/(2β))², Δ̄ made of log-ratios per token. Azar et al. 2023, arXiv 2310.12036, equation 17.

    The equation sums over tokens. Its authors told the authors of TRL that their results are of the mean, and
    TRL divides by the length too.

    Args:
        chosen: (pairs,) see the module.
        rejected: (pairs,)
        ref_chosen: (pairs,)
        ref_rejected: (pairs,)
        chosen_lengths: (pairs,) tokens of the responses.
        rejected_lengths: (pairs,)
        beta: τ in the paper
    """
    chosen_mean = (chosen - ref_chosen) / chosen_lengths.clamp(min=1)
    rejected_mean = (rejected - ref_rejected) / rejected_lengths.clamp(min=1)
    return (chosen_mean - rejected_mean - 1 / (2 * beta)).square()


def slic(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, *, beta: float
) -> Tensor:
    """SLiC: max(0, 1 - β·Δ).

    The first term of equation 1 of Zhao et al. 2023, arXiv 2305.10425, with the margin 1/β, times β, and
    normalised by the reference as Liu et al. 2023, arXiv 2309.06657, and TRL do.
    """
    return torch.relu(1 - beta * _log_ratio(chosen, rejected, ref_chosen, ref_rejected))


def apo_zero(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, *, beta: float
) -> Tensor:
    """APO-zero: 1 - σ(β·r_chosen) + σ(β·r_rejected), r the log-ratio of one response.

    D'Oosterlinck et al. 2024, arXiv 2408.06266, equation 7.
    """
    return 1 - torch.sigmoid(beta * (chosen - ref_chosen)) + torch.sigmoid(beta * (rejected - ref_rejected))


def simpo(chosen_mean: Tensor, rejected_mean: Tensor, *, beta: float, gamma_beta_ratio: float) -> Tensor:
    """SimPO: -log σ(β·(chosen - rejected) - γ). Meng et al. 2024, arXiv 2405.14734, equation 6.

    Args:
        chosen_mean: (pairs,) log-probability per token, mean over the response.
        rejected_mean: (pairs,)
        beta: β
        gamma_beta_ratio: γ/β, as papers quote it.
    """
    return -logsigmoid(beta * (chosen_mean - rejected_mean - gamma_beta_ratio))


def cpo(chosen: Tensor, rejected: Tensor, chosen_nll: Tensor, *, beta: float, cpo_alpha: float) -> Tensor:
    """CPO: -log σ(β·(chosen - rejected)) + α·NLL(chosen). Xu et al. 2024, arXiv 2401.08417, equations 3 to 5.

    Args:
        chosen: (pairs,) see the module.
        rejected: (pairs,)
        chosen_nll: Scalar from ``token_nll`` over the chosen responses.
        beta: β
        cpo_alpha: α, 1 in the paper.
    """
    return -logsigmoid(beta * (chosen - rejected)) + cpo_alpha * chosen_nll


def orpo(chosen_mean: Tensor, rejected_mean: Tensor, chosen_nll: Tensor, *, beta: float) -> Tensor:
    """ORPO: NLL - λ·log σ(log odds(chosen) - log odds(rejected)), odds(y) = P(y)/(1 - P(y)).

    P(y) is the geometric mean of the token probabilities. Hong et al. 2024, arXiv 2403.07691, equations 4, 6
    and 7.

    Args:
        chosen_mean: (pairs,) log P(y): log-probability per token, mean over the response.
        rejected_mean: (pairs,)
        chosen_nll: Scalar from ``token_nll`` over prompts and chosen responses, as the authors and TRL do.
        beta: λ in the paper.
    """
    return chosen_nll - beta * logsigmoid(log_odds_ratio(chosen_mean, rejected_mean))


def kto(
    responses: Tensor,
    ref_responses: Tensor,
    wanted: Tensor,
    kl: Tensor,
    *,
    beta: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Tensor:
    """KTO: w·(1 - σ(β·(r - KL))) for wanted responses, w·(1 - σ(β·(KL - r))) for others, r the log-ratio.

    Ethayarajh et al. 2024, arXiv 2402.01306, equations 7 and 8.

    Args:
        responses: (responses,) log-probabilities of labelled responses under the policy.
        ref_responses: (responses,) the same under the reference.
        wanted: (responses,) bool, the labels.
        kl: Scalar from ``mismatched_kl``, without gradient.
        beta: β
        desirable_weight: w of wanted responses.
        undesirable_weight: w of the others.

    Returns:
        (responses,)
    """
    sign = wanted.to(responses.dtype) * 2 - 1
    weight = torch.where(wanted, desirable_weight, undesirable_weight)
    return weight * torch.sigmoid(-sign * beta * (responses - ref_responses - kl))


def mismatched_kl(mismatched: Tensor, ref_mismatched: Tensor) -> Tensor:
    """KTO's estimate of KL(π ‖ π_ref), not clamped yet: the mean log-ratio of responses to other prompts.

    Ethayarajh et al. 2024, arXiv 2402.01306, section 4.1.

    Args:
        mismatched: (responses,) log-probabilities under the policy.
        ref_mismatched: (responses,) the same under the reference.

    Returns:
        A scalar without gradient.
    """
    return (mismatched - ref_mismatched).mean().detach()


def token_nll(log_probs: Tensor, mask: Tensor, *, tokens_per_row: float) -> Tensor:
    """Negative log-likelihood per token, mean over the tokens of an update: long responses weigh more.

    Where micro-batches weigh by their rows, those of an update add up to that mean, however they are cut.

    Args:
        log_probs: (sequences, tokens) of the micro-batch: log-probability of each token given those before.
        mask: (sequences, tokens) 1 where the token counts.
        tokens_per_row: Tokens that count, mean over all sequences of the update.

    Returns:
        A scalar.
    """
    return sft(log_probs, mask, tokens_per_row=tokens_per_row).mean()


def sft(log_probs: Tensor, mask: Tensor, *, tokens_per_row: float) -> Tensor:
    """Supervised fine-tuning: each response's share of ``token_nll``. Ouyang et al. 2022, arXiv 2203.02155.

    Args:
        log_probs: (sequences, tokens) log-probability of each token given those before it.
        mask: (sequences, tokens) 1 where the token belongs to the response.
        tokens_per_row: Tokens of a response, mean over all sequences of the update.

    Returns:
        (sequences,) with mean ``token_nll``.
    """
    return -(log_probs * mask).sum(dim=1) / tokens_per_row


def _log_ratio(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> Tensor:
    return (chosen - ref_chosen) - (rejected - ref_rejected)
