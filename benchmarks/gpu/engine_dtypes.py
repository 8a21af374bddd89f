"""What float32 costs an engine beside bfloat16, in room for keys and values and in speed, at 500M."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engines import apart, prompts, settings, timed
from random_models import random_model
from script import Options, WrongError, run

from lorr_bench.generate.engine import Engine

DTYPES: Final = ("float32", "bfloat16")
TOKENS: Final = 256


@dataclass(frozen=True)
class Measured:
    """Of one engine.

    Attributes:
        backend: What computes attention.
        cache_tokens: For which the engine has room.
        tokens_per_second: Generated.
        start_seconds: Until the engine was ready, the import of vLLM included.
    """

    backend: str
    cache_tokens: int
    tokens_per_second: float
    start_seconds: float

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.backend}, {self.cache_tokens:,} tokens of cache, {self.tokens_per_second:,.0f} tokens/s, "
            f"started in {self.start_seconds:.1f} s"
        )


def measure(options: Options) -> str:
    """Both engines, one after the other, with the same share of the GPU."""
    with tempfile.TemporaryDirectory() as folder:
        model = random_model("toy" if options.toy else "500M", Path(folder))
        dtypes = DTYPES if options.device == "cuda" else DTYPES[:1]
        found = {dtype: apart(_measure, model, dtype, options) for dtype in dtypes}
    said = "; ".join(f"{dtype}: {one}" for dtype, one in found.items())
    if options.device != "cuda":
        return f"{said}; bfloat16 is compared on a GPU"
    if not options.toy and found["bfloat16"].cache_tokens < 1.5 * found["float32"].cache_tokens:
        raise WrongError(f"bfloat16 has not room for half as many tokens again: {said}")
    return said


def _measure(model: Path, dtype: str, options: Options) -> Measured:
    engine, start_seconds = timed(lambda: Engine(str(model), None, settings(dtype)))
    try:
        asked = prompts(4 if options.toy else 256)
        tokens = 16 if options.toy else TOKENS
        _generate(engine.llm, asked, 2)  # what is compiled on first use is no speed
        _, seconds = timed(lambda: _generate(engine.llm, asked, tokens))
        [backends] = engine.llm.collective_rpc(attention_backends)
        cache = engine.llm.llm_engine.vllm_config.cache_config
        return Measured(
            backend="+".join(backends),
            cache_tokens=int(cache.num_gpu_blocks) * int(cache.block_size),
            tokens_per_second=len(asked) * tokens / seconds,
            start_seconds=start_seconds,
        )
    finally:
        engine.close()


def _generate(llm: Any, asked: list[list[int]], tokens: int) -> None:
    from vllm import SamplingParams, TokensPrompt

    drawn = SamplingParams(temperature=1.0, max_tokens=tokens, ignore_eos=True, detokenize=False)
    llm.generate([TokensPrompt(prompt_token_ids=ids) for ids in asked], drawn, use_tqdm=False)


def attention_backends(worker: Any) -> list[str]:
    """Names of what computes attention; vLLM calls this in its worker."""
    layers = worker.vllm_config.compilation_config.static_forward_context.values()
    return sorted({layer.attn_backend.get_name() for layer in layers if hasattr(layer, "attn_backend")})


if __name__ == "__main__":
    run(measure, __doc__)
