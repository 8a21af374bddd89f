"""How many bytes a logit takes at the peak of a step, counted in the tensors that are alive: what plans rest on."""

import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from transformers import LlamaConfig, LlamaForCausalLM

from lorr_bench.data.nano import tokenizer
from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs
from lorr_bench.forecast.peak_memory import COPIES_OF_WHOLE_LOGITS

pytestmark = pytest.mark.slow

WORDS = 4_000
FLOAT_BYTES = 4


class LivePeak(TorchDispatchMode):
    """Bytes of all tensors that are alive at once, at most; of those that were made inside."""

    def __init__(self):
        super().__init__()
        self._live = {}
        self.peak = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self._note, made)
        return made

    def _note(self, tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in self._live:
            self._live[storage._cdata] = storage.nbytes()
            self.peak = max(self.peak, sum(self._live.values()))
            weakref.finalize(storage, self._live.pop, storage._cdata, None)


@pytest.fixture(scope="module")
def wordy_model(tmp_path_factory):
    """A model of a few thousand words and next to nothing else."""
    folder = tmp_path_factory.mktemp("model") / "wordy"
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=WORDS, **shape)).save_pretrained(folder)
    tokenizer.build().save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("method", "copies"), [("orpo", 4.5), ("simpo", 4.0)])
def test_whole_logits_of_trl(make_trainer, wordy_model, tmp_path, method, copies):
    """Without TRL's kernel: the logits, three gradients, and the log-softmax of the chosen half where it is."""
    trainer = make_trainer(method, model=wordy_model)
    tokens = tokenize_pairs(trainer.rows, load_tokenizer(trainer.start), 96)
    width = max(len(pair.prompt) + max(len(pair.chosen), len(pair.rejected)) for pair in tokens)
    with LivePeak() as live:
        trainer(tmp_path, settings={"bf16": True})
    logits = 2 * len(tokens) * width * WORDS
    assert live.peak / (FLOAT_BYTES * logits) == pytest.approx(copies, rel=0.05)
    assert copies <= COPIES_OF_WHOLE_LOGITS["cpu"]
