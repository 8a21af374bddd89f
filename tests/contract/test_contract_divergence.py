"""A training that diverges ends at once, with one error that says what to change."""

import re

import pytest

from lorr_bench.data.tokens import tokenize_pairs
from lorr_bench.errors import DivergedError
from lorr_bench.lorr.diagnostics import ReplayProbe

pytestmark = pytest.mark.slow

ABSURD = {"learning_rate": 1e38, "max_grad_norm": 0.0}
LORA = {"r": 2, "target_modules": ["q_proj", "o_proj", "down_proj"]}
FOUND = r"^training diverged: .* (is (nan|inf|-inf)|no numbers)$"


@pytest.fixture
def probe(bench, nano_pairs):
    """The diagnostics of a suite, on a few pairs."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bench.start.path)
    tokens = tokenize_pairs(nano_pairs[:4], tokenizer, 96)
    return ReplayProbe(tokens[:2], tokens[2:], tokenizer.pad_token_id)


@pytest.mark.parametrize(
    ("batch", "lora"), [(4, None), (12, LORA)], ids=["three steps a replay", "LoRA and one step a replay"]
)
def test_an_absurd_learning_rate_is_said_to_be_one(bench, probe, tmp_path, batch, lora):
    """After the first step all weights are infinite; the next loss or the diagnostics meet them first."""
    settings = bench.settings(**ABSURD, per_device_train_batch_size=batch, lora=lora)
    with pytest.raises(DivergedError) as caught:
        bench.train(tmp_path, hyperparameters=settings, loop=bench.loop(reset=None, probe=probe))
    assert re.match(FOUND, caught.value.what)
    assert not caught.value.may_pass
    assert "learning_rate" in caught.value.fix
    assert "max_grad_norm" in caught.value.fix
    assert "dtype" in caught.value.fix


def test_without_diagnostics_the_next_loss_meets_them(bench, tmp_path):
    settings = bench.settings(**ABSURD, per_device_train_batch_size=12)
    with pytest.raises(DivergedError, match="training diverged"):
        bench.train(tmp_path, hyperparameters=settings)
