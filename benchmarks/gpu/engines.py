"""What the engine scripts share: our engine, a fresh one made by vLLM alone, and what either says."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from random_models import random_model

from lorr_bench.generate.engine import ENVIRONMENT, Engine, EngineSettings

# Before vLLM is imported: the fresh engine runs as ours does, inside this process.
os.environ.update({**ENVIRONMENT, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"})

Given = TypeVar("Given")
GIB: Final = 2**30
CONTEXT: Final = 512
ANSWER_TOKENS: Final = 32


@dataclass(frozen=True)
class Said:
    """What an engine says of some prompts.

    Attributes:
        answers: Token numbers of each greedy answer.
        log_probs: Of each token of each prompt but the first, in nats.
    """

    answers: tuple[tuple[int, ...], ...]
    log_probs: tuple[tuple[float, ...], ...]

    def differing(self, other: Said) -> int:
        """How many greedy answers are others."""
        return sum(mine != yours for mine, yours in zip(self.answers, other.answers, strict=True))

    def distance(self, other: Said) -> float:
        """The largest difference of a log-probability, in nats."""
        rows = zip(self.log_probs, other.log_probs, strict=True)
        return max(abs(mine - yours) for row in rows for mine, yours in zip(*row, strict=True))


def talkative_model(shape: str, folder: Path, *, logits: float = 2.0, **more: Any) -> Path:
    """A random model whose answers its layers decide, and differ from those of another seed.

    With the small weights that training begins with, a model of tied embeddings repeats its last token,
    whatever its layers hold.

    Args:
        shape: As of ``random_model``, and so are others.
        folder: Where to.
        logits: How far they spread; near 0 noise alone decides a sampled answer.
        more: Of ``random_model``.
    """
    from safetensors.torch import load_file, save_file

    model = random_model(shape, folder, **more)
    file = model / "model.safetensors"
    weights: dict[str, Any] = load_file(file)
    sizes = {name: logits if "embed_tokens" in name or "lm_head" in name else 1.0 for name in weights}
    resized = {
        name: sizes[name] / one.shape[-1] ** 0.5 / one.std() * one
        for name, one in weights.items()
        if one.ndim > 1
    }
    save_file({**weights, **resized}, file, {"format": "pt"})
    return model


def settings(
    dtype: str = "float32", *, eager: bool = True, share: float = 0.3, context: int = CONTEXT
) -> EngineSettings:
    """Of our engine, as a suite would set it."""
    return EngineSettings(
        dtype=dtype,
        max_model_len=context,
        kv_cache_gib=1,
        gpu_memory_utilization=share,
        enforce_eager=eager,
        trust_remote_code=False,
    )


def fresh(model: Path, dtype: str = "float32", *, eager: bool = True, share: float = 0.3, **more: Any) -> Any:
    """An engine made by vLLM alone, with the model from its start."""
    from vllm import LLM

    return LLM(
        model=str(model),
        dtype=dtype,
        max_model_len=CONTEXT,
        gpu_memory_utilization=share,
        enforce_eager=eager,
        seed=0,
        disable_log_stats=True,
        **more,
    )


def prompts(count: int) -> list[list[int]]:
    """Token numbers of different problems."""
    from transformers import AutoTokenizer

    from lorr_bench.data.nano.problems import problems
    from lorr_bench.plan.identity.origins import NANO_MODEL

    texts = [problem.text for problem in islice(problems("train", seed=0), count)]
    return [list(ids) for ids in AutoTokenizer.from_pretrained(NANO_MODEL)(texts)["input_ids"]]


def said(llm: Any, asked: Sequence[Sequence[int]]) -> Said:
    """Greedy answers and log-probabilities, straight from vLLM."""
    from vllm import SamplingParams, TokensPrompt

    llm.reset_prefix_cache()
    requests = [TokensPrompt(prompt_token_ids=list(ids)) for ids in asked]
    greedy = SamplingParams(temperature=0.0, max_tokens=ANSWER_TOKENS, ignore_eos=True)
    answers = llm.generate(requests, greedy, use_tqdm=False)
    llm.reset_prefix_cache()
    scoring = SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=0)
    scored = llm.generate(requests, scoring, use_tqdm=False)
    return Said(
        tuple(tuple(output.outputs[0].token_ids) for output in answers),
        tuple(tuple(_scores(ids, output)) for ids, output in zip(asked, scored, strict=True)),
    )


def _scores(ids: Sequence[int], output: Any) -> Iterator[float]:
    for token, place in zip(ids[1:], output.prompt_logprobs[1:], strict=True):
        yield place[token].logprob


def end(llm: Any) -> None:
    """Give back what an engine made by vLLM alone holds, as far as it gives it."""
    import torch

    llm.llm_engine.engine_core.shutdown()
    del llm
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def ours(model: Path, how: EngineSettings) -> Iterator[Engine]:
    """Our engine, closed at the end."""
    engine = Engine(str(model), None, how)
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def by_vllm(model: Path, dtype: str = "float32", **more: Any) -> Iterator[Any]:
    """A fresh engine, ended at the end; arguments as of ``fresh``."""
    llm = fresh(model, dtype, **more)
    try:
        yield llm
    finally:
        end(llm)


def apart(work: Callable[..., Given], *arguments: object) -> Given:
    """What some work gives in a process of its own: with vLLM's sleep mode a process has one engine."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def timed(work: Callable[[], Given]) -> tuple[Given, float]:
    """What some work gives, and its seconds, the GPU's included."""
    import torch

    began = time.perf_counter()
    given = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return given, time.perf_counter() - began


def used_gib() -> float:
    """Memory of the GPU that is taken, by whomever; 0 on a CPU."""
    import torch

    if not torch.cuda.is_available():
        return 0.0
    free, total = torch.cuda.mem_get_info()
    return float(total - free) / GIB
