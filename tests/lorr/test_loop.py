"""When the loop resets, and to what."""

import pytest
import torch
from torch import nn

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.loop import ReplayLoop, Reset

HALF = Reset(pattern="weight", factor=0.5, clear_optimizer=True)


def loop_with(reset, replays=3):
    return ReplayLoop(rows=4, seed=7, sft_weights=(0.0,) * replays, reset=reset)


def train(loop, model, step=8.0):
    """Add ``step`` to every weight in each replay, as training would."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    seen = []
    loop.start(model)
    for replay in range(1, loop.replays + 1):
        with torch.no_grad():
            model.weight.add_(step)
        loop.finish(replay, optimizer)
        seen.append(model.weight.item())
    return seen


@pytest.fixture
def model():
    linear = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(linear.weight)
    return linear


def test_resets_after_every_replay_but_the_last(model):
    # 0 +8 → 8, halved 4; +8 → 12, halved 6; +8 → 14, no reset at the end
    assert train(loop_with(HALF), model) == [4.0, 6.0, 14.0]


def test_the_anchor_is_the_start_not_zero(model):
    nn.init.constant_(model.weight, 100.0)
    # 108 → (108 + 100) / 2 = 104; 112 → 106; 114
    assert train(loop_with(HALF), model) == [104.0, 106.0, 114.0]


def test_without_reset_the_weights_are_left_alone(model):
    loop = loop_with(None)
    assert train(loop, model) == [8.0, 16.0, 24.0]
    assert loop.resets_done == 0


def test_one_replay_never_resets(model):
    loop = loop_with(HALF, replays=1)
    assert train(loop, model) == [8.0]
    assert loop.resets_done == 0


def test_counts_its_resets(model):
    loop = loop_with(HALF)
    train(loop, model)
    assert loop.resets_done == 2


def test_keeps_the_moments_where_told(model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    loop = loop_with(Reset(pattern="weight", factor=0.5, clear_optimizer=False))
    loop.start(model)
    loop.finish(1, optimizer)
    assert model.weight in optimizer.state


def test_a_pattern_without_match_stops_before_training(model):
    with pytest.raises(SuiteError, match="matches none"):
        loop_with(Reset(pattern="o_proj", factor=0.5, clear_optimizer=True)).start(model)


def test_orders_differ_between_replays_and_weights_follow_them():
    loop = ReplayLoop(rows=100, seed=0, sft_weights=(0.1, 0.2), reset=None)
    assert loop.order(1) != loop.order(2)
    assert (loop.sft_weight(1), loop.sft_weight(2)) == (0.1, 0.2)
