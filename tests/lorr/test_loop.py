"""When the loop resets, and to what."""

import json

import pytest
import torch
from torch import nn

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.loop import ReplayLoop, Reset

HALF = Reset(pattern="weight", factor=0.5, clear_optimizer=True)


def loop_with(reset, replays=3, **options):
    return ReplayLoop(rows=4, seed=7, sft_weights=(0.0,) * replays, reset=reset, **options)


def train(loop, model, step=8.0, steps_per_replay=1):
    """Add ``step`` to the weight in each step, as training would; the weight after each replay."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    seen, done = [], 0
    loop.start(model)
    for replay in range(1, loop.replays + 1):
        for _ in range(steps_per_replay):
            with torch.no_grad():
                model.weight.add_(step)
            done += 1
            loop.step(done, loop.replays * steps_per_replay, model, optimizer)
        loop.finish(replay, model, optimizer)
        seen.append(model.weight.item())
    return seen


def scalar(value):
    linear = nn.Linear(1, 1, bias=False)
    nn.init.constant_(linear.weight, value)
    return linear


@pytest.fixture
def model():
    return scalar(0.0)


def test_resets_after_every_replay_but_the_last(model):
    # 0 +8 → 8, halved 4; +8 → 12, halved 6; +8 → 14, no reset at the end
    assert train(loop_with(HALF), model) == [4.0, 6.0, 14.0]


def test_the_anchor_is_the_start_not_zero():
    # 108 → (108 + 100) / 2 = 104; 112 → 106; 114
    assert train(loop_with(HALF), scalar(100.0)) == [104.0, 106.0, 114.0]


def test_another_anchor_is_made_from_the_start_model(model):
    loop = loop_with(HALF, anchor=lambda start: scalar(start.weight.item() + 100.0))
    # (8 + 100) / 2 = 54; (62 + 100) / 2 = 81; 89
    assert train(loop, model) == [54.0, 81.0, 89.0]


def test_without_reset_the_weights_are_left_alone(model):
    loop = loop_with(None)
    assert train(loop, model) == [8.0, 16.0, 24.0]
    assert loop.resets_done == 0


def test_one_replay_never_resets(model):
    loop = loop_with(HALF, replays=1)
    assert train(loop, model) == [8.0]
    assert loop.resets_done == 0


def test_one_replay_does_not_ask_whether_the_pattern_matches(model):
    assert train(loop_with(Reset("o_proj", 0.5, clear_optimizer=True), replays=1), model) == [8.0]


def test_with_the_round_as_period_only_the_end_of_a_round_resets(model):
    by_round = Reset(pattern="weight", factor=0.5, clear_optimizer=True, period="round")
    assert train(loop_with(by_round, round=1, rounds=2), model) == [8.0, 16.0, 12.0]


def test_with_the_round_as_period_the_last_round_does_not_reset(model):
    by_round = Reset(pattern="weight", factor=0.5, clear_optimizer=True, period="round")
    assert train(loop_with(by_round, round=2, rounds=2), model) == [8.0, 16.0, 24.0]


def test_with_steps_as_period_replays_do_not_matter_and_the_last_step_is_spared(model):
    every_two = Reset(pattern="weight", factor=0.5, clear_optimizer=True, period=2)
    loop = loop_with(every_two, replays=2)
    # 8, 16 → 8, 16 (end of replay 1), 24 → 12, 20, 28 (the sixth and last step)
    assert train(loop, model, steps_per_replay=3) == [16.0, 28.0]
    assert loop.resets_done == 2


def test_with_replays_as_period_steps_do_not_reset(model):
    assert train(loop_with(HALF, replays=2), model, steps_per_replay=3) == [12.0, 36.0]


def test_counts_its_resets(model):
    loop = loop_with(HALF)
    train(loop, model)
    assert loop.resets_done == 2


@pytest.mark.parametrize("clear", [True, False])
def test_moments_are_cleared_or_kept_as_told(model, clear):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    loop = loop_with(Reset(pattern="weight", factor=0.5, clear_optimizer=clear))
    loop.start(model)
    loop.finish(1, model, optimizer)
    assert (model.weight in optimizer.state) is not clear


def test_a_pattern_without_match_stops_before_training(model):
    with pytest.raises(SuiteError, match="matches none"):
        loop_with(Reset(pattern="o_proj", factor=0.5, clear_optimizer=True)).start(model)


def test_orders_differ_between_replays_and_weights_follow_them():
    loop = ReplayLoop(rows=100, seed=0, sft_weights=(0.1, 0.2), reset=None)
    assert loop.order(1) != loop.order(2)
    assert (loop.sft_weight(1), loop.sft_weight(2)) == (0.1, 0.2)


def test_no_two_replays_of_any_rounds_share_their_order():
    loops = [ReplayLoop(rows=50, seed=0, sft_weights=(0.0,) * 3, reset=None, round=n) for n in (1, 2, 3)]
    assert len({tuple(loop.order(replay)) for loop in loops for replay in (1, 2, 3)}) == 9


class Watch:
    """A probe that reads the weight."""

    def start(self, model):
        self.first = model.weight.item()

    def measure(self, model):
        return {"moved": model.weight.item() - self.first}


def test_the_probe_sees_the_model_at_the_start_and_before_every_reset():
    loop = loop_with(HALF, probe=Watch())
    train(loop, scalar(100.0))
    # 108 before the reset to 104; 112 before that to 106; 114
    assert loop.diagnostics == [{"moved": 8.0}, {"moved": 12.0}, {"moved": 14.0}]


def test_a_restored_loop_goes_on_where_the_other_stopped(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    first = loop_with(HALF, probe=Watch())
    first.start(model)
    first.finish(1, model, optimizer)
    again = loop_with(HALF, probe=Watch())
    again.start(model)
    again.restore(json.loads(json.dumps(first.state())))
    again.finish(2, model, optimizer)
    assert again.resets_done == 2
    assert len(again.diagnostics) == 2
    assert len(first.diagnostics) == 1


# --- before the first replay and after the last ---------------------------------------------------------


def once(period, factor=0.25):
    return Reset(pattern="weight", factor=factor, clear_optimizer=True, period=period)


def start_model(_):
    """θ₀, where training begins with other weights."""
    return scalar(100.0)


def test_before_the_first_replay_the_weights_go_back_once():
    loop = loop_with(once("begin"), anchor=start_model)
    # 20 → 0.25 · 20 + 0.75 · 100 = 80, then three steps of 8
    assert train(loop, scalar(20.0)) == [88.0, 96.0, 104.0]
    assert loop.resets_done == 1


def test_with_nothing_kept_training_begins_at_the_anchor_to_the_bit():
    primed, start = scalar(1 / 3), scalar(0.1)
    loop_with(once("begin", factor=0.0), anchor=lambda _: start).start(primed)
    assert torch.equal(primed.weight, start.weight)


def test_where_training_begins_at_the_anchor_nothing_goes_back(model):
    """The first round of an arm that is not primed: 0.3 θ + 0.7 θ would be another θ by a rounding."""
    model = scalar(0.1)
    loop = loop_with(once("begin", factor=0.3))
    loop.start(model)
    assert torch.equal(model.weight, scalar(0.1).weight)
    assert (loop.resets_done, loop.forgotten) == (0, frozenset())


def test_the_probe_starts_from_what_training_starts_from():
    loop = loop_with(once("begin"), anchor=start_model, probe=Watch())
    train(loop, scalar(20.0))
    assert loop.diagnostics == [{"moved": 8.0}, {"moved": 16.0}, {"moved": 24.0}]


def test_a_run_that_goes_on_has_the_reset_before_its_first_replay_behind_it():
    first, again = (loop_with(once("begin"), anchor=start_model) for _ in range(2))
    first.start(scalar(20.0))
    model = scalar(20.0)
    again.start(model)
    again.restore(json.loads(json.dumps(first.state())))
    with torch.no_grad():
        model.weight.fill_(88.0)  # the weights of the checkpoint
    again.finish(2, model, torch.optim.SGD(model.parameters(), lr=1.0))
    assert (model.weight.item(), again.resets_done) == (88.0, 1)


def test_after_the_last_replay_the_weights_are_interpolated_once():
    loop = loop_with(once("end"))
    # 100 + 3 · 8 = 124 → 0.25 · 124 + 0.75 · 100 = 106
    assert train(loop, scalar(100.0)) == [108.0, 116.0, 106.0]
    assert loop.resets_done == 1


def test_a_single_replay_has_an_end(model):
    assert train(loop_with(once("end"), replays=1), model) == [2.0]


def test_the_end_is_that_of_the_last_round(model):
    loop = loop_with(once("end"), round=1, rounds=2)
    assert train(loop, model) == [8.0, 16.0, 24.0]
    assert loop.resets_done == 0
    assert train(loop_with(once("end"), round=2, rounds=2), scalar(100.0))[-1] == 106.0


def test_the_last_measurement_is_of_the_weights_that_are_kept():
    loop = loop_with(once("end"), probe=Watch())
    train(loop, scalar(100.0))
    assert loop.diagnostics == [{"moved": 8.0}, {"moved": 16.0}, {"moved": 6.0}]


def test_every_trainable_tensor_is_one_of_all():
    from lorr_bench.lorr.reset import select_names
    from lorr_bench.spec.methods import RESET_PRESETS

    module = nn.ModuleDict({"embed_tokens": nn.Embedding(2, 2), "norm": nn.LayerNorm(2)})
    module["norm"].bias.requires_grad_(requires_grad=False)
    assert select_names(module, RESET_PRESETS["all"]) == ["embed_tokens.weight", "norm.weight"]
