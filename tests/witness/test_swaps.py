"""Weights that are swapped into a running engine, against transformers by hand; and swaps that go wrong.

Each model is one of four shapes whose embeddings differ from those of the model that the engine was started
with: a swap that forgets the head, or takes another folder, can't pass.
"""

import json
import os
from pathlib import Path

import pytest
from installed import needs_vllm
from warm_process import run_warm

pytestmark = [pytest.mark.slow, needs_vllm]

PROMPTS = [[124, 36, 17, 9, 68], [2, 37, 67, 38, 56, 11], [5]]
NEW_TOKENS = 12
SHAPE = {
    "vocab_size": 128,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
FAMILIES = {
    "llama, tied": ("llama", {"tie_word_embeddings": True}),
    "qwen2, tied": ("qwen2", {"tie_word_embeddings": True}),
    "gemma2, tied": ("gemma2", {"tie_word_embeddings": True, "head_dim": 32}),
    "mistral, untied": ("mistral", {"tie_word_embeddings": False}),
}


def build(folder, family, seed):
    """A model of random weights, all of which the seed decides, with the embedded tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from lorr_bench.data.nano import tokenizer

    kind, changes = FAMILIES[family]
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SHAPE, **changes))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 1.5 / parameter.shape[1] ** 0.5, generator=generator)
    model.save_pretrained(folder)
    tokenizer.build().save_pretrained(folder)
    return str(folder)


def retokenized(folder, source):
    """The same weights with a tokenizer in which two words have changed places."""
    import shutil

    shutil.copytree(source, folder)
    file = folder / "tokenizer.json"
    text = json.loads(file.read_text("utf-8"))
    vocabulary = text["model"]["vocab"]
    first, second = "4", "2"
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    file.write_text(json.dumps(text), "utf-8")
    return str(folder)


def argmax_answers(folder):
    """Greedy decoding by hand: one forward pass for each token, no cache."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    answers = []
    for prompt in PROMPTS:
        tokens = list(prompt)
        while len(tokens) < len(prompt) + NEW_TOKENS:
            with torch.no_grad():
                tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
            if tokens[-1] == SHAPE["eos_token_id"]:
                break
        answers.append(tokens[len(prompt) :])
    return answers


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}
    for family in FAMILIES:
        folder = tmp_path_factory.mktemp("swaps")
        models = {
            name: build(folder / name, family, seed)
            for seed, name in enumerate(("start", "trained", "other"), 1)
        }
        made[family] = {**models, "retokenized": retokenized(folder / "retokenized", models["other"])}
    return made


@pytest.fixture(scope="module")
def found(folders, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    (work / "work.json").write_text(json.dumps({"prompts": PROMPTS, "models": folders}), "utf-8")
    script = Path(__file__).with_name("swap_work.py")
    environment = {**os.environ, "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    done = run_warm(script, work / "work.json", work / "found.json", environment=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((work / "found.json").read_text("utf-8"))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_engine_with_swapped_weights_answers_as_transformers_does(found, folders, family):
    assert found[family]["answers"] == argmax_answers(folders[family]["trained"])
    assert found[family]["answers"] != argmax_answers(folders[family]["start"])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_swap_is_proven(found, family):
    said = found[family]["said"]
    assert (said["start"], said["trained"], said["start again"]) == (None, None, None)


@pytest.mark.parametrize("family", ["llama, tied", "qwen2, tied"])
def test_a_tied_head_that_is_left_as_it_was_is_found(found, family):
    """vLLM's own reload does that on a CPU; Gemma's has no head beside the embeddings. Once vLLM does not, the
    mend can go, and this test with it."""
    assert "nats away" in found[family]["said"]["the head left as it was"]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_weights_of_another_model_are_found(found, family):
    assert "nats away" in found[family]["said"]["another model's weights"]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_exchanged_tokenizer_is_found(found, family):
    assert "other tokens" in found[family]["said"]["a tokenizer exchanged"]
