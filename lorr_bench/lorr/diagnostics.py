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
================== =======================================================================================

``start`` is the model that training started from, in this round: of a primed arm the primed one, and after a
reset that comes before the first replay. Every process of a distributed run measures
the same pairs and gets the same values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from lorr_bench.lorr.measures import MlpActivity, StartWeights, effective_rank, entropies, kl_divergences
from lorr_bench.lorr.reset import reshard

if TYPE_CHECKING:
    from torch import Tensor, nn

TOKENS_PER_FORWARD: Final = 1024  # padding included; bounds the logits of one forward pass
STORED_LOG_PROBS: Final = 1 << 24  # 64 MiB of the start model's distributions
RANK_POSITIONS: Final = 256


class TokenizedPair(Protocol):
    """A preference pair as token numbers."""

    @property
    def prompt(self) -> Sequence[int]:
        """What both responses continue."""

    @property
    def chosen(self) -> Sequence[int]:
        """The preferred response."""

    @property
    def rejected(self) -> Sequence[int]:
        """The other response."""


def probe_size(rows: int) -> int:
    """How many training pairs to measure, and as many held-out ones, to stay below 5 % of training time.

    Args:
        rows: Pairs that are trained on.
    """
    return max(4, min(64, rows // 64))


@dataclass(frozen=True, slots=True)
class Response:
    """A response after its prompt, for one forward pass.

    Attributes:
        tokens: Prompt and response.
        begin: Where the response begins; the first token of all can't be predicted.
    """

    tokens: list[int]
    begin: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of one response.

    Attributes:
        log_probs: (response tokens, vocabulary) log-probabilities of the next token, in float32.
        hidden: (response tokens, dimensions) last hidden state at the same positions.
        total: Log-probability of the response.
    """

    log_probs: Tensor
    hidden: Tensor
    total: Tensor


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
        self._train = _responses(train)
        self._held_out = _responses(held_out)
        self._pad = pad_token_id
        self._weights: StartWeights | None = None
        self._start_totals: dict[str, Tensor] = {}
        self.start_log_probs: list[Tensor] = []

    def start(self, model: nn.Module) -> None:
        """Remember weights, response log-probabilities and next-token distributions of the start model."""
        self._weights = StartWeights(model)
        with _observing(model):
            train = [reading.total for reading in self._read(model, self._train)]
            held_out = []
            for reading, positions in self._read_thinned(model):
                held_out.append(reading.total)
                self.start_log_probs.append(reading.log_probs[positions].to("cpu", copy=True))
        self._start_totals = {"train": _stack(train), "held_out": _stack(held_out)}

    def measure(self, model: nn.Module) -> dict[str, float]:
        """The diagnostics by name; ``start`` has been called before."""
        assert self._weights is not None
        with _observing(model):
            values = {**self._measure_train(model), **self._measure_held_out(model)}
        for group, distance in self._weights.distances(model).items():
            values[f"distance/{group}"] = distance
        return values

    def _measure_train(self, model: nn.Module) -> dict[str, float]:
        import torch

        totals, entropy, hidden = [], [], []
        stride = _stride(self._train, RANK_POSITIONS)
        seen = 0
        with MlpActivity(model) as activity:
            for reading in self._read(model, self._train, activity):
                totals.append(reading.total)
                entropy.append(entropies(reading.log_probs))
                hidden.append(reading.hidden[-seen % stride :: stride].to("cpu", copy=True))
                seen += len(reading.hidden)
        values = self._preference("train", _stack(totals))
        values["logp_chosen"], values["logp_rejected"] = _stack(totals).mean(dim=0).tolist()
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
        values = self._preference("held_out", _stack(totals))
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
        for reading in self._read(model, self._held_out):
            length, vocabulary = reading.log_probs.shape
            stride = _stride(self._held_out, max(1, STORED_LOG_PROBS // vocabulary))
            yield reading, slice(-seen % stride, None, stride)
            seen += length

    def _read(
        self, model: nn.Module, responses: Sequence[Response], activity: MlpActivity | None = None
    ) -> Iterator[Reading]:
        device = next(model.parameters()).device
        for batch in _batches(responses):
            tokens, mask, positions = (tensor.to(device) for tensor in _pad(batch, self._pad))
            if activity is not None:
                activity.look_at(positions)
            output = model(input_ids=tokens, attention_mask=mask, output_hidden_states=True, use_cache=False)
            for row, response in enumerate(batch):
                yield _reading(output.logits[row], output.hidden_states[-1][row], tokens[row], response)


def _responses(pairs: Sequence[TokenizedPair]) -> list[Response]:
    """Chosen and rejected of the first pair, of the second, and so on."""
    return [
        Response([*pair.prompt, *response], max(1, len(pair.prompt)))
        for pair in pairs
        for response in (pair.chosen, pair.rejected)
    ]


def _reading(logits: Tensor, hidden: Tensor, tokens: Tensor, response: Response) -> Reading:
    """Cut one response out of a padded batch: position t predicts token t + 1."""
    places = slice(response.begin - 1, len(response.tokens) - 1)
    log_probs = logits[places].float().log_softmax(dim=-1)
    following = tokens[response.begin : len(response.tokens), None]
    return Reading(log_probs, hidden[places], log_probs.gather(1, following).sum())


def _batches(responses: Sequence[Response]) -> Iterator[list[Response]]:
    """Consecutive responses whose padded tokens fit ``TOKENS_PER_FORWARD``; one at least."""
    batch: list[Response] = []
    longest = 0
    for response in responses:
        longest = max(longest, len(response.tokens))
        if batch and longest * (len(batch) + 1) > TOKENS_PER_FORWARD:
            yield batch
            batch, longest = [], len(response.tokens)
        batch.append(response)
    if batch:
        yield batch


def _pad(batch: Sequence[Response], pad_token_id: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, mask of real tokens and mask of the positions before response tokens: (responses, tokens)."""
    import torch

    shape = (len(batch), max(len(response.tokens) for response in batch))
    tokens, mask, positions = torch.full(shape, pad_token_id), torch.zeros(shape), torch.zeros(shape)
    for row, response in enumerate(batch):
        length = len(response.tokens)
        tokens[row, :length] = torch.tensor(response.tokens)
        mask[row, :length] = 1
        positions[row, response.begin - 1 : length - 1] = 1
    return tokens, mask.long(), positions


def _stride(responses: Sequence[Response], limit: int) -> int:
    """Every how many positions to take one, for at most ``limit`` of them."""
    positions = sum(len(response.tokens) - response.begin for response in responses)
    return max(1, -(-positions // limit))


def _stack(totals: Sequence[Tensor]) -> Tensor:
    """(pairs, 2) in float64 on the CPU: chosen and rejected."""
    import torch

    return torch.tensor([float(total) for total in totals], dtype=torch.float64).reshape(-1, 2)


@contextmanager
def _observing(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each module's own mode, and sharded weights sharded."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
        reshard(model)
