"""What a causal language model of the Hugging Face kind says of responses, without training on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from lorr_bench.lorr.reset import reshard

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lorr_bench.lorr.measures import MlpActivity

TOKENS_PER_FORWARD: Final = 1024  # padding included; bounds the logits of one forward pass
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


def read(
    model: nn.Module,
    asked: Sequence[Response],
    pad_token_id: int,
    activity: MlpActivity | None = None,
) -> Iterator[Reading]:
    """What the model says of each response, in their order; within ``observing``.

    Args:
        model: The model.
        asked: The responses.
        pad_token_id: Fills up shorter sequences, on the right.
        activity: Told which positions are those of responses.
    """
    device = next(model.parameters()).device
    for batch in _batches(asked):
        tokens, mask, positions = (tensor.to(device) for tensor in _pad(batch, pad_token_id))
        if activity is not None:
            activity.look_at(positions)
        output = model(input_ids=tokens, attention_mask=mask, output_hidden_states=True, use_cache=False)
        for row, response in enumerate(batch):
            yield _reading(output.logits[row], output.hidden_states[-1][row], tokens[row], response)


def responses(pairs: Sequence[TokenizedPair]) -> list[Response]:
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


def _batches(asked: Sequence[Response]) -> Iterator[list[Response]]:
    """Consecutive responses whose padded tokens fit ``TOKENS_PER_FORWARD``; one at least."""
    batch: list[Response] = []
    longest = 0
    for response in asked:
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


def stride_for(asked: Sequence[Response], limit: int) -> int:
    """Every how many positions to take one, for at most ``limit`` of them."""
    positions = sum(len(response.tokens) - response.begin for response in asked)
    return max(1, -(-positions // limit))


def stacked_totals(totals: Sequence[Tensor]) -> Tensor:
    """(pairs, 2) in float64 on the CPU: chosen and rejected."""
    import torch

    return torch.tensor([float(total) for total in totals], dtype=torch.float64).reshape(-1, 2)


@contextmanager
def observing(model: nn.Module) -> Iterator[None]:
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
