"""What follows from a signal: by hand on made-up values, and through the loop."""

import json
import math
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lorr_bench.lorr.adaptive import Adaptive, Rule, When
from lorr_bench.lorr.held_out import SignalName
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.spec.methods import AdaptiveSpec

HALF = Reset(pattern="weight", factor=0.5, clear_optimizer=True)
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9)


@pytest.mark.parametrize(
    ("reset", "scale", "signals", "factor"),
    [
        ("always", None, [0.0, 5.0], 0.5),
        ("below_start", None, [-10.0, -9.0], None),
        ("below_start", None, [-10.0, -10.0], None),
        ("below_start", None, [-10.0, -10.1], 0.5),
        ("below_start", None, [-10.0, -8.0, -9.0], None),  # fell, but not below the start
        ("below_last", None, [-10.0, -8.0, -9.0], 0.5),
        ("below_last", None, [-10.0, -12.0, -11.0], None),  # rose, though below the start
        ("below_start", 4.0, [-10.0, -11.0], 1 - 0.5 * 1 / 4),
        ("below_start", 4.0, [-10.0, -14.0], 0.5),
        ("below_start", 4.0, [-10.0, -30.0], 0.5),
        ("below_last", 4.0, [-10.0, -8.0, -10.0], 1 - 0.5 * 2 / 4),
    ],
)
def test_the_factor_by_hand(reset, scale, signals, factor):
    assert Rule(reset, scale).factor(signals, 0.5) == factor


@given(
    st.sampled_from(["below_start", "below_last"]),
    st.none() | st.floats(1e-6, 1e6),
    VALUES,
    st.floats(0, 1),
)
def test_the_factor_lies_between_that_of_the_suite_and_1(reset, scale, signals, factor):
    found = Rule(reset, scale).factor(signals, factor)
    held_against = signals[0] if reset == "below_start" else signals[-2]
    assert (found is None) == (signals[-1] >= held_against)
    assert found is None or factor <= found <= 1


@given(st.floats(1e-3, 1e3), VALUES, st.floats(0, 1), st.floats(0, 1e3))
def test_a_deeper_fall_never_resets_less(scale, signals, factor, further):
    rule = Rule("below_start", scale)
    shallow, deep = (rule.factor([*signals, value], factor) for value in (signals[-1], signals[-1] - further))
    assert shallow is None or deep <= shallow


@pytest.mark.parametrize(
    ("patience", "signals", "ends"),
    [
        (None, [3.0, 2.0, 1.0, 0.0], False),
        (1, [0.0, 1.0], False),
        (1, [0.0, 0.0], True),  # as good as before is no new best
        (2, [0.0, 5.0, 4.0], False),
        (2, [0.0, 5.0, 4.0, 4.5], True),  # the best is two replays ago
        (2, [0.0, 5.0, 4.0, 6.0, 5.0], False),
        (3, [7.0, 1.0, 2.0, 3.0], True),  # the start counts
    ],
)
def test_the_end_by_hand(patience, signals, ends):
    assert Rule("always", None, patience).ends(signals) is ends


@given(VALUES, st.integers(1, 9))
def test_training_never_ends_at_a_new_best(signals, patience):
    best = max(signals)
    assert not Rule("always", None, patience).ends([*signals, math.nextafter(best, math.inf)])


# --- through the loop -----------------------------------------------------------------------------------


class Told:
    """A signal with values of its own, which notes the weight at each."""

    name = "told"

    def __init__(self, *values):
        self.values, self.weights = list(values), []

    def measure(self, model):
        self.weights.append(model.weight.item())
        return self.values[len(self.weights) - 1]


def loop_with(signal, rule, reset=HALF, replays=4):
    return ReplayLoop(
        rows=4, seed=7, sft_weights=(0.0,) * replays, reset=reset, adaptive=Adaptive(rule, signal)
    )


def scalar():
    linear = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(linear.weight)
    return linear


def train(loop, model, *, first=1, last=4):
    """Add 8 to the weight in each replay, until the loop ends; the weight after each."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    seen = []
    for replay in range(first, last + 1):
        if loop.ended:
            break
        with torch.no_grad():
            model.weight.add_(8.0)
        loop.finish(replay, model, optimizer)
        seen.append(model.weight.item())
    return seen


def test_resets_come_where_the_rule_says_and_as_strong_as_it_says():
    signal, model = Told(-10.0, -9.0, -11.0, -12.0, -99.0), scalar()
    loop = loop_with(signal, Rule("below_start", scale=2.0))
    loop.start(model)
    # 8: above the start. 16: fell by 1 of 2, α = 0.75: 12. 20: fell by 2, α = 0.5: 10. 18: the last is spared
    assert train(loop, model) == [8.0, 12.0, 10.0, 18.0]
    assert loop.resets_done == 2
    assert signal.weights == [0.0, 8.0, 16.0, 20.0, 18.0]  # each before its reset
    assert loop.diagnostics == [
        {"signal/told": -9.0, "reset_factor": 1.0},
        {"signal/told": -11.0, "reset_factor": 0.75},
        {"signal/told": -12.0, "reset_factor": 0.5},
        {"signal/told": -99.0, "reset_factor": 1.0},
    ]


def test_a_reset_that_does_not_come_clears_no_moments():
    model = scalar()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    loop = loop_with(Told(0.0, 1.0, -1.0), Rule("below_start"))
    loop.start(model)
    loop.finish(1, model, optimizer)
    assert model.weight in optimizer.state
    loop.finish(2, model, optimizer)
    assert model.weight not in optimizer.state


def test_an_early_end_is_not_reset():
    loop, model = loop_with(Told(0.0, 3.0, 2.0, 1.0), Rule("always", patience=2)), scalar()
    loop.start(model)
    # 8, halved 4; 12, halved 6; 14: no new best for the second time
    assert train(loop, model) == [4.0, 6.0, 14.0]
    assert (loop.ended, loop.replays_done, loop.replays) == (True, 3, 4)
    assert loop.diagnostics[-1]["reset_factor"] == 1.0


def test_an_end_needs_no_reset():
    loop, model = loop_with(Told(0.0, -1.0), Rule("always", patience=1), reset=None), scalar()
    loop.start(model)
    assert train(loop, model) == [8.0]


def test_without_a_signal_no_replay_is_left_out():
    loop = ReplayLoop(rows=4, seed=7, sft_weights=(0.0,) * 2, reset=None)
    assert (loop.ended, loop.replays_done) == (False, None)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_restored_loop_decides_as_the_other_would(cut):
    values, rule = [0.0, 3.0, -1.0, 2.0, 1.0], Rule("below_start", scale=2.0, patience=3)
    straight, model = loop_with(Told(*values), rule), scalar()
    straight.start(model)
    expected = train(straight, model)
    first, model = loop_with(Told(*values), rule), scalar()
    first.start(model)
    seen = train(first, model, last=cut)
    again = loop_with(Told(values[0], *values[cut + 1 :]), rule)
    again.start(scalar())
    again.restore(json.loads(json.dumps(first.state())))
    assert [*seen, *train(again, model, first=cut + 1)] == expected
    assert (again.signals, again.diagnostics) == (straight.signals, straight.diagnostics)
    assert again.replays_done == straight.replays_done


def test_a_start_after_the_checkpoint_was_read_forgets_nothing():
    """Of weights that are sharded late, the start is seen after the state."""
    loop = loop_with(Told(0.0, 1.0), Rule("below_start"))
    loop.restore({"resets_done": 0, "diagnostics": [{}], "signals": [0.0, 5.0]})
    loop.start(scalar())
    assert loop.signals == [0.0, 5.0]


def test_a_checkpoint_of_an_earlier_version_is_gone_on_from():
    loop = ReplayLoop(rows=4, seed=7, sft_weights=(0.0,) * 2, reset=None)
    loop.restore({"resets_done": 1, "diagnostics": [{}]})
    assert (loop.resets_done, loop.signals, loop.ended) == (1, [], False)


def test_a_suite_can_say_every_signal_and_rule_and_no_other():
    fields = AdaptiveSpec.model_fields
    assert get_args(fields["signal"].annotation) == get_args(SignalName)
    assert get_args(fields["reset"].annotation) == get_args(When)
