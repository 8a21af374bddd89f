"""A language model that is a table of bigrams, and pairs for it: what is measured of it can be calculated."""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import nn

PAD = 0
A, B, C = 1, 2, 3


@dataclass(frozen=True)
class Tokens:
    prompt: list
    chosen: list
    rejected: list


class Bigrams(nn.Module):
    """The next token depends on the last one alone; the hidden state is a one-hot vector of that."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(torch.tensor(table).log())

    def forward(self, input_ids, attention_mask, **_):
        hidden = nn.functional.one_hot(input_ids, len(self.table)).float()
        return SimpleNamespace(logits=self.table[input_ids], hidden_states=(hidden,))


START = [
    [0.25, 0.25, 0.25, 0.25],
    [0.00, 0.50, 0.25, 0.25],  # after A
    [0.00, 0.25, 0.50, 0.25],  # after B
    [0.00, 0.20, 0.30, 0.50],  # after C
]
TRAINED = [
    [0.25, 0.25, 0.25, 0.25],
    [0.00, 0.25, 0.50, 0.25],
    [0.00, 0.25, 0.25, 0.50],
    [0.00, 0.20, 0.30, 0.50],
]
TRAIN = [Tokens([A], [B, C], [C]), Tokens([C, B], [B], [A, A])]
HELD_OUT = [Tokens([B], [A], [B, B])]


def set_table(model, table):
    with torch.no_grad():
        model.table.copy_(torch.tensor(table).log())
