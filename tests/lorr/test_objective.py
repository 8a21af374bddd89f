"""The SFT term by hand: mean over tokens first, then over sequences."""

import math

import pytest
import torch

from lorr_bench.lorr.objective import sft_loss


def test_each_sequence_weighs_the_same_whatever_its_length():
    log_probs = torch.tensor([[-1.0, -3.0, -50.0], [-8.0, -70.0, -90.0]], dtype=torch.float64)
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    # sequence 1: (1 + 3) / 2 = 2; sequence 2: 8; mean 5. Over all tokens it would be 12 / 3 = 4.
    assert sft_loss(log_probs, mask).item() == 5.0


def test_the_gradient_is_minus_one_over_length_and_sequences():
    log_probs = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 0]])
    sft_loss(log_probs, mask).backward()
    expected = [[-1 / 8] * 4, [0.0, -1 / 4, -1 / 4, 0.0]]
    assert log_probs.grad.tolist() == expected


def test_a_sequence_without_response_counts_as_zero():
    log_probs = torch.tensor([[math.log(0.5)], [-9.0]], dtype=torch.float64)
    assert sft_loss(log_probs, torch.tensor([[1], [0]])).item() == pytest.approx(math.log(2) / 2)
