"""Signals of adaptive LoRR: one number about pairs that are not trained on, higher is better.

========================== ===============================================================================
held_out_logp_chosen       mean log-probability of a whole chosen response, in nats
held_out_margin            mean over the pairs of log π/π_start (chosen) - log π/π_start (rejected), sums
                           over tokens, in nats: the implicit reward of DPO with β = 1; 0 at the start
held_out_accuracy          share of the pairs whose margin is above 0; 0 at the start
held_out_effective_rank    effective rank of the last hidden state at up to 256 positions of the chosen
                           responses
========================== ===============================================================================

They are measured apart from the diagnostics, which look at fewer pairs and can be switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from lorr_bench.lorr.divergence import check_values
from lorr_bench.lorr.measures import effective_rank
from lorr_bench.lorr.reading import (
    RANK_POSITIONS,
    TokenizedPair,
    observing,
    read,
    responses,
    stacked_totals,
    stride_for,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

SignalName = Literal[
    "held_out_logp_chosen", "held_out_margin", "held_out_accuracy", "held_out_effective_rank"
]


class HeldOutSignal:
    """Measures one of them; draws no random numbers and leaves the model as it is.

    Args:
        name: Which.
        pairs: Pairs that are not trained on, at least one.
        pad_token_id: Fills up shorter sequences, on the right.
    """

    def __init__(self, name: SignalName, pairs: Sequence[TokenizedPair], pad_token_id: int) -> None:
        self.name = name
        of_chosen_alone = name in ("held_out_logp_chosen", "held_out_effective_rank")
        self._responses = responses(pairs)[:: 2 if of_chosen_alone else 1]
        self._pad = pad_token_id
        self._start: Tensor | None = None

    def measure(self, model: nn.Module) -> float:
        """The signal; the first call is of the model that training starts from.

        Raises:
            DivergedError: It is no number.
        """
        with observing(model):
            rank = self.name == "held_out_effective_rank"
            value = self._effective_rank(model) if rank else self._of_log_probs(model)
        check_values({self.name: value})
        return as_in_first_process(value, model)

    def _effective_rank(self, model: nn.Module) -> float:
        import torch

        stride, seen, hidden = stride_for(self._responses, RANK_POSITIONS), 0, []
        for reading in read(model, self._responses, self._pad):
            hidden.append(reading.hidden[-seen % stride :: stride].to("cpu", copy=True))
            seen += len(reading.hidden)
        return effective_rank(torch.cat(hidden))

    def _of_log_probs(self, model: nn.Module) -> float:
        totals = [reading.total for reading in read(model, self._responses, self._pad)]
        if self.name == "held_out_logp_chosen":
            return sum(map(float, totals)) / len(totals)
        pairs = stacked_totals(totals)
        if self._start is None:
            self._start = pairs
        rewards = pairs - self._start
        margins = rewards[:, 0] - rewards[:, 1]
        return float((margins if self.name == "held_out_margin" else (margins > 0).double()).mean())


def as_in_first_process(value: float, model: nn.Module) -> float:
    """The value of process 0, in every process: what is decided by it must not differ in the last bit.

    Args:
        value: Of this process.
        model: Lies on the device that the processes talk through.
    """
    import torch
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    told = torch.tensor(value, dtype=torch.float64, device=next(model.parameters()).device)
    distributed.broadcast(told, src=0)
    return float(told)
