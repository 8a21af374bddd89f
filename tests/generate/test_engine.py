"""The engine's own logic; vLLM itself is tried in test_end_to_end.py."""

import dataclasses
import sys
import types
from datetime import date

import pytest

from lorr_bench.errors import MissingPackageError, ModelError, SuiteError
from lorr_bench.generate import engine as engine_module
from lorr_bench.generate.engine import Engine, EngineSettings, Sampling, check_devices

TODAY = date(2023, 1, 6)
SETTINGS = EngineSettings("float32", 64, 1.5, 0.5, enforce_eager=True, trust_remote_code=False)


class FakeTokenizer:
    chat_template = "a template"

    def __init__(self, bos):
        self.bos = bos

    def __call__(self, text):
        return {"input_ids": [1] if self.bos else []}

    def decode(self, ids):
        return "<s>"

    def apply_chat_template(self, turns, *, tokenize, add_generation_prompt, strftime_now):
        assert (tokenize, add_generation_prompt) == (False, True)
        assert strftime_now("%d %b %Y") == "06 Jan 2023"
        return f"<s>[user] {turns[0]['content']} [assistant]"


class FakeLLM:
    def __init__(self, **arguments):
        self.arguments = arguments
        self.calls = []
        self.tokenizer = FakeTokenizer(bos=True)

    def collective_rpc(self, name, kwargs):
        self.calls.append((name, kwargs["weights_path"]))

    def reset_prefix_cache(self):
        self.calls.append("reset")

    def get_tokenizer(self):
        return self.tokenizer

    def generate(self, prompts, sampling, use_tqdm):
        self.sampling = sampling
        answer = types.SimpleNamespace(text="t", token_ids=[1, 2], finish_reason="length")
        return [types.SimpleNamespace(outputs=[answer] * sampling.n) for _ in prompts]


class FakeSampling(types.SimpleNamespace):
    pass


@pytest.fixture
def engine(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=FakeLLM, SamplingParams=FakeSampling))
    return Engine(str(tmp_path), None, SETTINGS)


def test_it_is_started_as_the_suite_says(engine, tmp_path):
    arguments = engine.llm.arguments
    assert arguments["model"] == str(tmp_path)
    assert (arguments["dtype"], arguments["max_model_len"], arguments["enforce_eager"]) == (
        "float32",
        64,
        True,
    )
    import os

    assert os.environ["VLLM_CPU_KVCACHE_SPACE"] == "1.5"


def test_weights_are_swapped_only_when_they_differ_and_prefixes_always_forgotten(engine, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    engine.load(str(tmp_path))
    engine.load(str(other))
    engine.load(str(other))
    assert engine.llm.calls == ["reset", ("reload_weights", str(other)), "reset", "reset"]


def test_a_hub_model_is_swapped_back_from_its_local_files(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "hub_folder", lambda model, revision: f"/cache/{model}@{revision}")
    engine.load("org/name")
    assert engine.llm.calls[0] == ("reload_weights", "/cache/org/name@None")


def test_answers_keep_their_nesting_and_say_when_they_were_cut(engine):
    rows = engine.generate(["a", "b"], Sampling(n=3, temperature=1.0, top_p=0.9, max_tokens=2, seed=5))
    assert [len(row) for row in rows] == [3, 3]
    assert (rows[0][0].text, rows[0][0].tokens, rows[0][0].truncated) == ("t", 2, True)
    assert (engine.llm.sampling.temperature, engine.llm.sampling.top_p) == (1.0, 0.9)


def test_on_a_cpu_the_process_is_seeded_and_no_request_is(engine, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    engine.generate(["a"], Sampling(n=1, temperature=1.0, top_p=1.0, max_tokens=2, seed=11))
    assert engine.llm.sampling.seed is None
    assert torch.initial_seed() == 11


def test_a_model_that_is_cut_draws_in_processes_of_its_own(monkeypatch, tmp_path):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=FakeLLM, SamplingParams=FakeSampling))
    engine = Engine(str(tmp_path), None, dataclasses.replace(SETTINGS, tensor_parallel_size=2))
    assert engine.llm.arguments["tensor_parallel_size"] == 2
    seeded = []
    monkeypatch.setattr(engine.llm, "collective_rpc", lambda work, args: seeded.append((work, args)))
    engine.generate(["a"], Sampling(n=1, temperature=1.0, top_p=1.0, max_tokens=2, seed=11))
    [(work, arguments)] = seeded
    work("a worker of vLLM", *arguments)
    assert torch.initial_seed() == 11


def test_a_model_is_not_cut_over_more_gpus_than_there_are(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_devices(2)
    with pytest.raises(SuiteError, match="is to be cut over 3 GPUs, this process has 2") as caught:
        Engine("model", None, dataclasses.replace(SETTINGS, tensor_parallel_size=3))
    assert caught.value.where == "engine.tensor_parallel_size"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    check_devices(3)


def test_a_begin_token_of_the_template_is_not_written_twice(engine):
    assert engine.chat("2+2?", TODAY) == "[user] 2+2? [assistant]"
    engine.llm.tokenizer = FakeTokenizer(bos=False)
    assert engine.chat("2+2?", TODAY) == "<s>[user] 2+2? [assistant]"


def test_a_tokenizer_without_chat_template_is_an_error(engine):
    engine.llm.tokenizer.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        engine.chat("2+2?", TODAY)


def test_a_missing_vllm_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingPackageError, match="vLLM does not import") as caught:
        Engine("model", None, SETTINGS)
    assert "pip install" in caught.value.fix


def test_a_model_that_vllm_refuses_is_a_model_error(monkeypatch):
    def refuse(**arguments):
        raise ValueError("no such architecture")

    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=refuse))
    with pytest.raises(ModelError, match="no such architecture"):
        Engine("model", None, SETTINGS)


def test_a_template_that_asks_for_today_is_told_the_date_of_the_suite():
    """Through transformers itself; the second form is that of Llama 3."""
    from lorr_bench.data.nano import tokenizer

    made = object.__new__(Engine)
    made._loaded = "a model"
    made.llm = types.SimpleNamespace(get_tokenizer=lambda: tok)
    tok = tokenizer.build()
    tok.chat_template = "Today: {{ strftime_now('%d %b %Y') }}. {{ messages[0].content }}"
    assert made.chat("Hi", TODAY) == "Today: 06 Jan 2023. Hi"
    tok.chat_template = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%B') %}{% endif %}"
        "{{ date_string }}: {{ messages[0].content }}"
    )
    assert made.chat("Hi", date(2023, 11, 6)) == "November: Hi"
