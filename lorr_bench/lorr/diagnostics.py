"""What the model is like at the end of each replay: memorisation, displacement, drift, lost capacity.

================== =======================================================================================
train_margin       mean over the training pairs of log π/π_start (chosen) - log π/π_start (rejected), sums
                   over tokens, in nats: the implicit reward of DPO (arXiv 2305.18290, equation 5), β = 1
train_accuracy     share of the training pairs whose margin is above 0
held_out_margin    the same of pairs that are not trained on; the gap to training pairs is memorisation
held_out_accuracy  likewise
logp_chosen        mean log-probability of a whole chosen response of the training pairs, in nats; if it
                   falls while the margin rises, that is likelihood displacement (arXiv 2410.08847)
logp_rejected      likewise
kl_to_start        KL(π ‖ π_start) of the next token, in nats, exact over the vocabulary, mean over
                   positions of the held-out responses; these are the data's, not samples of π
entropy            entropy of π for the next token, in nats, mean over response positions of training pairs
effective_rank     of the last hidden state (Roy & Vetterli 2007) at up to 256 of these positions
dormant_share      share of dormant MLP units (arXiv 2302.12902, τ = 0.025) over these positions; left out
                   where no MLP is recognised
distance/GROUP     ‖θ - θ_start‖ of the trained weights of a group of modules
train_pairs        how many training pairs were looked at
held_out_pairs     likewise; left out where there are none, with what is measured on them
================== =======================================================================================

``start`` is the model that training started from, in this round: of a primed arm the primed one, and after a
reset that comes before the first replay. Every process of a distributed run measures
the same pairs and gets the same values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from lorr_bench.lorr.measures import MlpActivity, StartWeights, effective_rank, entropies, kl_divergences
from lorr_bench.lorr.reading import (
    RANK_POSITIONS,
    Reading,
    TokenizedPair,
    observing,
    read,
    responses,
    stacked_totals,
    stride_for,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

STORED_LOG_PROBS: Final = 1 << 24  # 64 MiB of the start model's distributions


def probe_size(rows: int) -> int:
    """How many training pairs to measure, and as many held-out ones, to stay below 5 % of training time.

    Args:
        rows: Pairs that are trained on.
    """
    return max(4, min(64, rows // 64))


class ReplayProbe:
    """Measures a causal language model of the Hugging Face kind at the start and after each replay.

    It draws no random numbers, computes no gradients and leaves the model's modes as they are, so training
    ends at the same weights with and without it.

    Args:
        train: Some of the pairs that are trained on, at least one.
        held_out: Pairs that are not; without any, what is measured on them is left out.
        pad_token_id: Fills up shorter sequences, on the right.

    Attributes:
        start_log_probs: Next-token distributions of the start model on held-out responses, on the CPU;
            ``STORED_LOG_PROBS`` bounds them.
    """

    def __init__(
        self, train: Sequence[TokenizedPair], held_out: Sequence[TokenizedPair], pad_token_id: int
    ) -> None:
        self._train = responses(train)
        self._held_out = responses(held_out)
        self._counts = {"train_pairs": len(train), "held_out_pairs": len(held_out)}
        self._pad = pad_token_id
        self._weights: StartWeights | None = None
        self._start_totals: dict[str, Tensor] = {}
        self.start_log_probs: list[Tensor] = []

    def start(self, model: nn.Module) -> None:
        """Remember weights, response log-probabilities and next-token distributions of the start model."""
        self._weights = StartWeights(model)
        with observing(model):
            train = [reading.total for reading in read(model, self._train, self._pad)]
            held_out = []
            for reading, positions in self._read_thinned(model):
                held_out.append(reading.total)
                self.start_log_probs.append(reading.log_probs[positions].to("cpu", copy=True))
        self._start_totals = {"train": stacked_totals(train), "held_out": stacked_totals(held_out)}

    def measure(self, model: nn.Module) -> dict[str, float]:
        """The diagnostics by name; ``start`` has been called before."""
        assert self._weights is not None
        with observing(model):
            values = {**self._measure_train(model), **self._measure_held_out(model)}
        for group, distance in self._weights.distances(model).items():
            values[f"distance/{group}"] = distance
        return {**values, **{name: float(count) for name, count in self._counts.items() if count}}

    def _measure_train(self, model: nn.Module) -> dict[str, float]:
        import torch

        totals, entropy, hidden = [], [], []
        stride = stride_for(self._train, RANK_POSITIONS)
        seen = 0
        with MlpActivity(model) as activity:
            for reading in read(model, self._train, self._pad, activity):
                totals.append(reading.total)
                entropy.append(entropies(reading.log_probs))
                hidden.append(reading.hidden[-seen % stride :: stride].to("cpu", copy=True))
                seen += len(reading.hidden)
        values = self._preference("train", stacked_totals(totals))
        values["logp_chosen"], values["logp_rejected"] = stacked_totals(totals).mean(dim=0).tolist()
        values["entropy"] = float(torch.cat(entropy).mean())
        values["effective_rank"] = effective_rank(torch.cat(hidden))
        share = activity.dormant_share()
        return values if share is None else {**values, "dormant_share": share}

    def _measure_held_out(self, model: nn.Module) -> dict[str, float]:
        import torch

        if not self._held_out:
            return {}
        totals, divergences = [], []
        stored = iter(self.start_log_probs)
        for reading, positions in self._read_thinned(model):
            totals.append(reading.total)
            log_probs = reading.log_probs[positions]
            divergences.append(kl_divergences(log_probs, next(stored).to(log_probs.device)))
        values = self._preference("held_out", stacked_totals(totals))
        values["kl_to_start"] = float(torch.cat(divergences).mean())
        return values

    def _preference(self, pairs: str, totals: Tensor) -> dict[str, float]:
        rewards = totals - self._start_totals[pairs]
        margins = rewards[:, 0] - rewards[:, 1]
        return {
            f"{pairs}_margin": float(margins.mean()),
            f"{pairs}_accuracy": float((margins > 0).double().mean()),
        }

    def _read_thinned(self, model: nn.Module) -> Iterator[tuple[Reading, slice]]:
        """Readings of the held-out responses, with the positions whose distributions are compared."""
        seen = 0
        for reading in read(model, self._held_out, self._pad):
            length, vocabulary = reading.log_probs.shape
            stride = stride_for(self._held_out, max(1, STORED_LOG_PROBS // vocabulary))
            yield reading, slice(-seen % stride, None, stride)
            seen += length
