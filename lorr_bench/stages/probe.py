"""Which pairs the diagnostics look at."""

from __future__ import annotations

from collections.abc import Sequence

from lorr_bench.data.tokens import tokenize_pairs
from lorr_bench.lorr.diagnostics import ReplayProbe, probe_size
from lorr_bench.ports.trainer import StartModel
from lorr_bench.values import Pair


def make_probe(start: StartModel, pairs: Sequence[Pair], budget: int, max_length: int) -> ReplayProbe:
    """Diagnostics on the first pairs of the budget, and on the last of those beyond it.

    Args:
        start: Whose tokenizer is used.
        pairs: All pairs of the seed, in the order of asking.
        budget: How many of them are trained on.
        max_length: Where sequences are cut.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(start.path, **start.origin)
    size = probe_size(budget)
    held_out = pairs[max(budget, len(pairs) - size) :]
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return ReplayProbe(
        tokenize_pairs(pairs[: min(size, budget)], tokenizer, max_length),
        tokenize_pairs(held_out, tokenizer, max_length),
        padding,
    )
