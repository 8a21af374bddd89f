"""Which pairs the diagnostics and the signal of adaptive LoRR look at."""

from __future__ import annotations

from collections.abc import Sequence

from lorr_bench.data.fitting import fit_pairs
from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs
from lorr_bench.lorr.diagnostics import ReplayProbe, probe_size
from lorr_bench.lorr.held_out import HeldOutSignal, SignalName
from lorr_bench.ports.trainer import StartModel
from lorr_bench.values import Pair


def make_probe(
    start: StartModel, pairs: Sequence[Pair], rest: Sequence[Pair], max_length: int
) -> ReplayProbe:
    """Diagnostics on the first pairs of the budget, and on the last usable ones of those beyond it.

    Args:
        start: Whose tokenizer is used.
        pairs: The pairs of the budget.
        rest: Those behind them, in the order of asking.
        max_length: Where sequences are cut.
    """
    tokenizer = load_tokenizer(start)
    size = probe_size(len(pairs))
    held_out = fit_pairs(reversed(rest), tokenizer, max_length, size).pairs[::-1]
    return ReplayProbe(
        tokenize_pairs(pairs[:size], tokenizer, max_length),
        tokenize_pairs(held_out, tokenizer, max_length),
        tokenizer.pad_token_id,
    )


def make_signal(
    name: SignalName, start: StartModel, held_out: Sequence[Pair], max_length: int
) -> HeldOutSignal:
    """A signal of adaptive LoRR.

    Args:
        name: Which.
        start: Whose tokenizer is used.
        held_out: Pairs that are not trained on, at least one.
        max_length: Where sequences are cut.
    """
    tokenizer = load_tokenizer(start)
    return HeldOutSignal(name, tokenize_pairs(held_out, tokenizer, max_length), tokenizer.pad_token_id)
