"""The engine's own logic; vLLM itself is tried in test_end_to_end.py."""

import dataclasses
import importlib.util
import os
import re
import sys
import types
from datetime import date
from pathlib import Path

import pytest
from tokenizers import AddedToken

from lorr_bench.errors import CrowdedError, MissingPackageError, ModelError, SuiteError
from lorr_bench.generate.engine import (
    OTHERS_HOLD_MEMORY,
    Engine,
    EngineSettings,
    Sampling,
    check_compiler,
    check_devices,
    pack_tied_heads,
    stream_seeds,
)
from lorr_bench.generate.fingerprint import TEXTS, Fingerprint
from lorr_bench.tokens.chat import Chat

TODAY = date(2023, 1, 6)
ONE_ANSWER = Sampling(n=1, temperature=1.0, top_p=1.0, max_tokens=2, seed=5)
SETTINGS = EngineSettings("float32", 64, 1.5, 0.5, enforce_eager=True, trust_remote_code=False)


NUMBERS = {"<s>": 1, "</s>": 2, "<turn>": 3}


class FakeTokenizer:
    """A letter is its code; ``<turn>`` ends an answer in the chat template, ``</s>`` a text."""

    chat_template = "a template"
    name_or_path = "a model"
    bos_token, bos_token_id, eos_token = "<s>", 1, "</s>"

    def __init__(self, bos):
        self.bos = bos
        self.added_tokens_decoder = {n: AddedToken(token, special=True) for token, n in NUMBERS.items()}

    def __call__(self, texts, add_special_tokens=True):
        if isinstance(texts, str):
            return {"input_ids": self([texts], add_special_tokens)["input_ids"][0]}
        begin = [1] if self.bos and add_special_tokens else []
        pieces = [re.findall(r"<[^<>]+>|.", text) for text in texts]
        return {"input_ids": [[*begin, *(NUMBERS.get(p) or ord(p) for p in row)] for row in pieces]}

    def convert_tokens_to_ids(self, tokens):
        return [NUMBERS[token] for token in tokens]

    def convert_ids_to_tokens(self, number):
        return next(token for token, known in NUMBERS.items() if known == number)

    def encode(self, text, add_special_tokens):
        assert not add_special_tokens
        return [len(text)]

    def apply_chat_template(self, turns, *, tokenize, add_generation_prompt=False, **arguments):
        assert not tokenize
        if "strftime_now" in arguments:
            self.told = {**arguments, "strftime_now": arguments["strftime_now"]("%d %b %Y")}
        text = "".join(f"[{turn['role']}] {turn['content']} <turn>" for turn in turns)
        return f"<s>{text}[assistant]" if add_generation_prompt else f"<s>{text}"


class FakeLLM:
    def __init__(self, **arguments):
        self.arguments = arguments
        self.calls = []
        self.tokenizer = FakeTokenizer(bos=True)
        self.model_config = types.SimpleNamespace(max_model_len=arguments["max_model_len"])
        self.log_prob = -1.0
        self.finish = {"finish_reason": "length", "stop_reason": None}

    def collective_rpc(self, work, kwargs=None):
        self.calls.append((work, *kwargs.values()) if kwargs else work)

    def reset_prefix_cache(self):
        self.calls.append("reset")

    def sleep(self, level):
        self.calls.append(("sleep", level))

    def wake_up(self, tags=("all",)):
        self.calls.append(("wake up", *tags))

    def get_tokenizer(self):
        return self.tokenizer

    def generate(self, prompts, sampling, use_tqdm):
        self.sampling = sampling
        if getattr(sampling, "prompt_logprobs", None) is not None:
            return [
                types.SimpleNamespace(prompt_logprobs=self.scored(p["prompt_token_ids"])) for p in prompts
            ]
        places = [{116: types.SimpleNamespace(logprob=-0.5)}, {3: types.SimpleNamespace(logprob=-1.5)}]
        answer = types.SimpleNamespace(text="t", token_ids=[116, 3], logprobs=places, **self.finish)
        self.prompts = prompts
        ways = sampling if isinstance(sampling, list) else [sampling] * len(prompts)
        numbers = [getattr(way, "n", 1) for way in ways]
        return [types.SimpleNamespace(outputs=[answer] * n) for _, n in zip(prompts, numbers, strict=True)]

    def scored(self, tokens):
        """As vLLM gives them: nothing for the first token, then a table of the tokens of each place."""
        value = types.SimpleNamespace(logprob=self.log_prob)
        return [None, *({token: value} for token in tokens[1:])]


class FakeSampling(types.SimpleNamespace):
    pass


def fake_vllm():
    return types.SimpleNamespace(LLM=FakeLLM, SamplingParams=FakeSampling, TokensPrompt=dict)


@pytest.fixture
def engine(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vllm", fake_vllm())
    return Engine(str(tmp_path), None, SETTINGS)


def test_it_is_started_as_the_suite_says(engine, tmp_path):
    arguments = engine.llm.arguments
    assert arguments["model"] == str(tmp_path)
    assert (arguments["dtype"], arguments["max_model_len"], arguments["enforce_eager"]) == (
        "float32",
        64,
        True,
    )
    assert os.environ["VLLM_CPU_KVCACHE_SPACE"] == "1.5"


def test_weights_are_swapped_only_when_they_differ_and_prefixes_always_forgotten(engine, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    engine.load(str(tmp_path), None)
    engine.load(str(other), None)
    engine.load(str(other), None)
    swap = [("reload_weights", str(other)), pack_tied_heads]
    assert engine.llm.calls == ["reset", *swap, "reset", "reset"]


def test_an_engine_that_slept_has_its_weights_before_its_cache(engine, tmp_path, monkeypatch):
    """Sleep drops the weights, so those of the model that it held are read again, too."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    engine.sleep()
    engine.sleep()  # it does already
    engine.load(str(tmp_path), None)
    engine.load(str(tmp_path), None)
    read = [("reload_weights", str(tmp_path)), pack_tied_heads]
    awake = [("wake up", "weights"), *read, ("wake up", "kv_cache"), "reset"]
    assert engine.llm.calls == [("sleep", 2), *awake, "reset"]


def test_an_engine_takes_the_weights_of_a_model_in_training_and_none_of_them_for_a_file_s(engine, tmp_path):
    tensors = [("layer", 1.0)]
    engine.take(tensors)
    engine.load(str(tmp_path), None)  # the model it began with, whose weights it has no more
    taken, read = ("reload_weights", tensors), ("reload_weights", str(tmp_path))
    assert engine.llm.calls == [taken, pack_tied_heads, "reset", read, pack_tied_heads, "reset"]


def test_an_engine_that_slept_wakes_with_the_weights_it_takes(engine, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    engine.sleep()
    assert engine.sleeps
    engine.take([])
    assert not engine.sleeps
    work = [("reload_weights", []), pack_tied_heads]
    awake = [("wake up", "weights"), *work, ("wake up", "kv_cache"), "reset"]
    assert engine.llm.calls == [("sleep", 2), *awake]


DRAW = Sampling(n=1, temperature=0.5, top_p=0.9, max_tokens=2, seed=11, purpose="training, step 4")


def test_an_answer_is_drawn_for_each_prompt_with_the_log_probabilities_of_its_tokens(engine, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    state = torch.random.get_rng_state()
    drawn = engine.draw([[1, 2], [3]], DRAW)
    assert [(one.tokens, one.logprobs) for one in drawn] == [((116, 3), (-0.5, -1.5))] * 2
    assert engine.llm.prompts == [{"prompt_token_ids": [1, 2]}, {"prompt_token_ids": [3]}]
    way = engine.llm.sampling
    assert (way.temperature, way.top_p, way.max_tokens, way.logprobs, way.seed) == (0.5, 0.9, 2, 0, None)
    assert torch.equal(torch.random.get_rng_state(), state), "training draws from this state"


def test_on_a_gpu_the_same_prompt_twice_has_draws_of_its_own_at_every_step(engine, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    engine.draw([[1, 2], [1, 2]], DRAW)
    seeds = [way.seed for way in engine.llm.sampling]
    engine.draw([[1, 2], [1, 2]], dataclasses.replace(DRAW, purpose="training, step 5"))
    assert len({*seeds, *(way.seed for way in engine.llm.sampling)}) == 4


def test_on_a_cpu_an_engine_does_not_sleep(engine, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    engine.sleep()
    assert engine.llm.calls == []


@pytest.mark.parametrize("asleep", [True, False])
def test_an_engine_that_sleeps_wakes_to_be_closed(engine, monkeypatch, asleep):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    llm = engine.llm
    ended = types.SimpleNamespace(shutdown=lambda: llm.calls.append("ended"))
    llm.llm_engine = types.SimpleNamespace(engine_core=ended)
    if asleep:
        engine.sleep()
    engine.close()
    assert llm.calls == [*[("sleep", 2), ("wake up", "all")] * asleep, "ended"]


@pytest.mark.parametrize("gpu", [True, False])
def test_a_process_has_one_engine_on_a_gpu(engine, monkeypatch, gpu):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert engine.replaceable != gpu


@pytest.mark.parametrize("gpu", [True, False])
def test_an_engine_that_may_have_to_sleep_is_started_so(monkeypatch, tmp_path, gpu):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setitem(sys.modules, "vllm", fake_vllm())
    assert Engine(str(tmp_path), None, SETTINGS).llm.arguments["enable_sleep_mode"] == gpu


def test_a_hub_model_is_swapped_back_from_its_local_files(engine, tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda model, revision, **_: f"/cache/{model}@{revision}"
    )
    engine.load("org/name", "abc")
    assert engine.llm.calls[0] == ("reload_weights", "/cache/org/name@abc")


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


def test_on_a_gpu_each_answer_is_a_request_with_a_seed_of_its_own(engine, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.initial_seed()
    sampling = Sampling(n=3, temperature=1.0, top_p=0.9, max_tokens=2, seed=11, purpose="collect")
    rows = engine.generate(["a", "b"], sampling, names=["p1", "p2"])
    assert [len(row) for row in rows] == [3, 3]
    assert [way.n for way in engine.llm.sampling] == [1] * 6
    assert [way.seed for way in engine.llm.sampling] == stream_seeds(["a", "b"], sampling, ["p1", "p2"])
    assert {way.top_p for way in engine.llm.sampling} == {0.9}
    assert [prompt["prompt_token_ids"][-1] for prompt in engine.llm.prompts] == [97] * 3 + [98] * 3
    assert torch.initial_seed() == before


def test_a_model_that_is_cut_draws_in_processes_of_its_own(monkeypatch, tmp_path):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setitem(sys.modules, "vllm", fake_vllm())
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


def test_a_cpu_compiles_a_model_only_with_a_compiler(monkeypatch, tmp_path):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setitem(sys.modules, "vllm", fake_vllm())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(SuiteError, match=r"with g\+\+, which is not installed") as caught:
        Engine(str(tmp_path), None, dataclasses.replace(SETTINGS, enforce_eager=False))
    assert caught.value.where == "engine.enforce_eager"
    (tmp_path / "c++").touch(0o755)
    monkeypatch.setenv("CXX", "c++")
    Engine(str(tmp_path), None, dataclasses.replace(SETTINGS, enforce_eager=False))
    monkeypatch.setenv("CXX", "gone")
    Engine(str(tmp_path), None, SETTINGS)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_compiler()  # there Triton does it


def test_an_engine_that_does_not_start_leaves_compiling_to_others(monkeypatch, tmp_path):
    import torch

    stances, told = [], []

    def fail(**_):
        told.append(os.environ.get("TORCH_COMPILE_DISABLE"))
        raise ValueError("no such model")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.compiler, "set_stance", stances.append)
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "0")
    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=fail))
    with pytest.raises(ModelError):
        Engine(str(tmp_path), None, SETTINGS)
    assert (stances, told) == (["force_eager", "default"], ["1"])
    assert os.environ["TORCH_COMPILE_DISABLE"] == "0"


TOKENS = tuple((len(text),) for text in TEXTS)


def fingerprint(*log_probs, texts=TOKENS, dtype="float32"):
    return Fingerprint(dtype, texts, ((5, 6, 7),), (log_probs,))


@pytest.mark.parametrize(("found", "agrees"), [(-1.0099, True), (-1.0101, False), (float("nan"), False)])
def test_a_fresh_engine_may_be_as_far_away_as_its_dtype_allows(engine, found, agrees):
    engine.llm.log_prob = found
    said = engine.disagreement(fingerprint(-1.0, -1.0))
    assert (said is None) == agrees
    if not agrees:
        assert "on average; 0.01 are allowed in float32" in said


@pytest.mark.parametrize(("found", "agrees"), [(-1.002, True), (-1.003, False)])
def test_swapped_weights_must_come_as_close_as_those_of_the_start(engine, tmp_path, found, agrees):
    """0.0005 nats away at the start: 4 times as much and 0.0001 more are allowed."""
    engine.llm.log_prob = -1.0005
    assert engine.disagreement(fingerprint(-1.0, -1.0)) is None
    (tmp_path / "other").mkdir()
    engine.load(str(tmp_path / "other"), None)
    engine.llm.log_prob = found
    assert (engine.disagreement(fingerprint(-1.0, -1.0)) is None) == agrees


def test_another_tokenizer_is_found(engine):
    other = ((99,), *TOKENS[1:])
    assert "other tokens" in engine.disagreement(fingerprint(-1.0, -1.0, texts=other))


def test_a_sequence_is_scored_as_far_as_the_context_goes(engine):
    engine.llm.model_config.max_model_len = 3  # the engine needs a place for the token that it adds
    assert engine.score([(5, 6, 7, 8), (5, 6)]) == [[-1.0], [-1.0]]


def test_what_was_scored_is_no_cached_prefix(engine):
    engine.score([(5, 6, 7)])
    assert engine.llm.calls == ["reset"]


def test_a_begin_token_of_the_template_is_not_written_twice(engine):
    assert engine.chat("2+2?", Chat(TODAY)) == "[user] 2+2? <turn>[assistant]"
    engine.llm.tokenizer = FakeTokenizer(bos=False)
    assert engine.chat("2+2?", Chat(TODAY)) == "<s>[user] 2+2? <turn>[assistant]"


def test_a_template_is_told_what_the_suite_says(engine):
    chat = Chat(TODAY, system_prompt="Be brief.", arguments={"enable_thinking": False})
    assert engine.chat("2+2?", chat) == "[system] Be brief. <turn>[user] 2+2? <turn>[assistant]"
    assert engine.llm.tokenizer.told == {"strftime_now": "06 Jan 2023", "enable_thinking": False}


@pytest.mark.parametrize(("bos", "begin"), [(True, [1]), (False, [])])
def test_a_prompt_is_begun_once(engine, bos, begin):
    engine.llm.tokenizer = FakeTokenizer(bos)
    engine.generate(["ab", "<s>ab"], ONE_ANSWER)
    asked = [prompt["prompt_token_ids"] for prompt in engine.llm.prompts]
    assert asked == [[*begin, 97, 98], [1, 97, 98]]
    assert [engine.count_tokens(text) for text in ("ab", "<s>ab")] == [len(ids) for ids in asked]


def test_special_tokens_stop_an_answer_by_number_and_other_texts_by_text(engine):
    """Of the three ends only ``</stop>`` shows up in a decoded answer."""
    engine.generate(["a"], dataclasses.replace(ONE_ANSWER, stop=("<s>", "</stop>")))
    assert engine.llm.sampling.stop == ["</stop>"]
    assert engine.llm.sampling.stop_token_ids == [1, 2, 3]


def test_a_model_without_template_stops_where_its_texts_end(engine):
    engine.llm.tokenizer.chat_template = None
    engine.generate(["a"], ONE_ANSWER)
    assert engine.llm.sampling.stop_token_ids == [2]


@pytest.mark.parametrize(
    ("reason", "stop", "end"),
    [("stop", 3, "<turn>"), ("stop", None, "<turn>"), ("stop", "x", ""), ("length", None, "")],
)
def test_an_answer_knows_the_token_at_which_it_ended(engine, reason, stop, end):
    """None is what vLLM says of the end-of-sequence token of its own configuration."""
    engine.llm.finish = {"finish_reason": reason, "stop_reason": stop}
    [[answer]] = engine.generate(["a"], ONE_ANSWER)
    assert (answer.end, answer.truncated) == (end, reason == "length")


def test_vllm_is_told_of_batch_invariant_kernels_before_it_is_imported(monkeypatch, tmp_path):
    import torch

    monkeypatch.setattr(os, "environ", {**os.environ})
    os.environ.pop("VLLM_BATCH_INVARIANT", None)
    told = []
    llm = types.SimpleNamespace(LLM=lambda **_: told.append(os.environ.get("VLLM_BATCH_INVARIANT")))
    monkeypatch.setitem(sys.modules, "vllm", llm)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    Engine(str(tmp_path), None, SETTINGS)
    Engine(str(tmp_path), None, dataclasses.replace(SETTINGS, batch_invariant=True))
    assert told == [None, "1"]


def test_a_cpu_has_no_batch_invariant_kernels(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SuiteError, match="for GPUs alone") as caught:
        Engine("model", None, dataclasses.replace(SETTINGS, batch_invariant=True))
    assert caught.value.where == "engine.batch_invariant"


def test_a_missing_vllm_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingPackageError, match="vLLM does not import") as caught:
        Engine("model", None, SETTINGS)
    assert "pip install" in caught.value.fix


def test_a_package_that_the_start_misses_is_named_and_not_waited_for(monkeypatch):
    """vLLM's warm-up on a GPU imports torchvision, long after vLLM itself was imported."""

    def start(**arguments):
        raise ModuleNotFoundError("No module named 'torchvision'")

    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=start))
    with pytest.raises(MissingPackageError, match="torchvision") as caught:
        Engine("model", None, SETTINGS)
    assert not caught.value.may_pass


def test_a_model_that_vllm_refuses_is_a_model_error(monkeypatch):
    def refuse(**arguments):
        raise ValueError("no such architecture")

    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=refuse))
    with pytest.raises(ModelError, match="no such architecture"):
        Engine("model", None, SETTINGS)


def test_memory_that_others_hold_may_be_free_later(monkeypatch):
    """vLLM's own words, of its check at the start."""

    def refuse(**arguments):
        raise ValueError(
            "Free memory on device cuda:0 (20.0/79.1 GiB) on startup is less than desired GPU memory"
        )

    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=refuse))
    with pytest.raises(CrowdedError, match=r"the engine has no room: .*20.0/79.1 GiB") as caught:
        Engine("model", None, SETTINGS)
    assert caught.value.may_pass
    assert "engine.gpu_memory_utilization" in caught.value.fix


def test_vllm_still_says_so_where_others_hold_memory():
    spec = importlib.util.find_spec("vllm")
    if spec is None:
        pytest.skip("vLLM is not installed")
    words = (Path(spec.submodule_search_locations[0]) / "v1" / "worker" / "utils.py").read_text("utf-8")
    assert f'f"{OTHERS_HOLD_MEMORY} ' in words


def test_a_template_that_asks_for_today_is_told_the_date_of_the_suite(engine):
    """Through transformers itself; the second form is that of Llama 3."""
    from lorr_bench.data.nano import tokenizer

    tok = engine.llm.tokenizer = tokenizer.build()
    tok.chat_template = "Today: {{ strftime_now('%d %b %Y') }}. {{ messages[0].content }}"
    assert engine.chat("Hi", Chat(TODAY)) == "Today: 06 Jan 2023. Hi"
    tok.chat_template = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%B') %}{% endif %}"
        "{{ date_string }}: {{ messages[0].content }}"
    )
    assert engine.chat("Hi", Chat(date(2023, 11, 6))) == "November: Hi"
