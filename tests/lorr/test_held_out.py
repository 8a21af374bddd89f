"""Signals on a table of bigrams, where they can be calculated."""

import math

import pytest
import torch
from bigrams import PAD, START, TRAINED, A, B, Bigrams, C, Tokens, set_table

from lorr_bench.errors import DivergedError
from lorr_bench.lorr.held_out import HeldOutSignal

PAIRS = [Tokens([B], [A], [B, B]), Tokens([A], [B, C], [C])]


def measured(name, pairs=PAIRS):
    """The signal at the start and after training."""
    model = Bigrams(START)
    signal = HeldOutSignal(name, pairs, PAD)
    first = signal.measure(model)
    set_table(model, TRAINED)
    return first, signal.measure(model)


def test_the_log_probability_is_that_of_whole_chosen_responses():
    # B→A 1/4 before and after; A→B, B→C 1/4 each before, 1/2 each after
    expected = (math.log(1 / 4) + math.log(1 / 16)) / 2, (math.log(1 / 4) + math.log(1 / 4)) / 2
    assert measured("held_out_logp_chosen") == pytest.approx(expected)


def test_margins_are_against_the_first_model_that_was_measured():
    before, after = measured("held_out_margin", PAIRS[:1])
    # as the probe's: chosen B→A 1/4 as before; rejected B→B twice: (1/16)/(1/4)
    assert (before, after) == (0.0, pytest.approx(math.log(4)))


def test_accuracy_is_the_share_of_margins_above_0():
    # margins ln 4, and of the second pair 0: B→B and B→A→A are both half as likely as before
    pairs = [PAIRS[0], Tokens([C, B], [B], [A, A])]
    assert measured("held_out_accuracy", pairs) == (0.0, 0.5)


def test_the_effective_rank_is_of_the_chosen_alone():
    # states are one-hot: chosen responses are predicted at B | A, B; rejected ones would add B, B | A
    state_counts = torch.tensor([1.0, 2.0]).sqrt()  # singular values: roots of how often each state occurs
    shares = state_counts / state_counts.sum()
    expected = float(torch.special.entr(shares).sum().exp())
    assert measured("held_out_effective_rank") == pytest.approx((expected, expected))


def test_a_signal_that_is_no_number_is_refused():
    model = Bigrams(START)
    set_table(model, [[math.nan] * 4] * 4)
    with pytest.raises(DivergedError, match="held_out_logp_chosen is nan"):
        HeldOutSignal("held_out_logp_chosen", PAIRS, PAD).measure(model)


def test_the_model_stays_as_it_is():
    model = Bigrams(START).train()
    before, state = model.table.detach().clone(), torch.get_rng_state()
    HeldOutSignal("held_out_margin", PAIRS, PAD).measure(model)
    assert model.training
    assert torch.equal(model.table, before)
    assert torch.equal(torch.get_rng_state(), state)
