"""How far a running vLLM engine is, seen from beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lorr_bench.ports.trainer import Progress

if TYPE_CHECKING:
    from vllm import LLM


@contextmanager
def counted(llm: LLM, progress: Progress) -> Iterator[None]:
    """Tell after each step of the engine how many answers are finished, of how many, and the tokens so far.

    vLLM gives answers when all of a call are finished. What its core hands on with each step is counted on
    the way, unchanged, so answers are the same with and without. The one token that vLLM generates where only
    a prompt is scored does not count.

    Args:
        llm: The engine; every call of it meanwhile is counted.
        progress: Told answers done, answers asked for so far, and tokens.
    """
    engine: Any = llm.llm_engine
    core, get_output = engine.engine_core, engine.engine_core.get_output
    done = running = tokens = 0

    def look() -> None:
        nonlocal done, running
        now = engine.get_num_unfinished_requests()
        done, running = done + max(0, running - now), now
        progress(done, done + running, tokens)

    def get_and_count() -> Any:
        nonlocal tokens
        found = get_output()
        answers = (part for part in found.outputs if part.new_prompt_logprobs_tensors is None)
        tokens += sum(len(part.new_token_ids) for part in answers)
        look()
        return found

    # On the object, above its class's method, which is there again once this is deleted.
    core.get_output = get_and_count
    try:
        yield
        look()
    finally:
        del core.get_output
