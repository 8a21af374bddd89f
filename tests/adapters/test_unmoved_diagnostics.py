"""Diagnostics of a training that moves nothing: start and end are measured alike, also in bfloat16."""

import pytest
from lorr_bench_adapters.loading import load_trainable

from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs
from lorr_bench.lorr.diagnostics import ReplayProbe
from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.ports.registry import load_adapter

TOO_SMALL = 1e-30
"""A learning rate whose updates are rounded away, in float32 too."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", ["native", "trl"])
def test_a_model_that_is_not_moved_has_not_drifted(make_trainer, nano_pairs, tmp_path, backend):
    trainer = make_trainer("dpo", rows=4)
    trainer.adapter = load_adapter(f"{backend}.dpo")
    tokenizer = load_tokenizer(trainer.start)
    pairs = tokenize_pairs(nano_pairs[:8], tokenizer, 96)
    probe = ReplayProbe(pairs[:4], pairs[4:], tokenizer.pad_token_id)
    loop = ReplayLoop(rows=4, seed=3, sft_weights=(0.0,), reset=None, probe=probe)
    settings = {"learning_rate": TOO_SMALL, "bf16": True, "weight_decay": 0.0}
    weights = trainer(tmp_path, loop, settings=settings).weights
    start = load_trainable(trainer.start, None, 0).state_dict()
    # only what was zero is not to the bit what it was
    assert all((tensor - start[name]).abs().max() < 1e-20 for name, tensor in weights.items())
    (measured,) = loop.diagnostics
    drift = {name: measured[name] for name in ("kl_to_start", "train_margin", "held_out_margin")}
    assert drift == {"kl_to_start": 0, "train_margin": 0, "held_out_margin": 0}
