"""Seeds of answers: each answer is drawn from a stream of its own."""

from __future__ import annotations

import hashlib
import json
from typing import Final

SEED_BITS: Final = 63
"""vLLM keeps a seed in 64 bits with a sign, and reads -1 as none."""


def stream_seed(purpose: str, seed: int, prompt: str, name: str, answer: int) -> int:
    """The seed of one answer, from 0 to 2**63 - 1.

    Hashed, because neighbouring numbers would meet: vLLM itself gives answer i of a request the seed plus i,
    so that seeds 0, 1 and 2 share most of their answers' streams, and every prompt has the same ones.

    Args:
        purpose: What the answers are for, with round or replay: the same prompts are asked again there.
        seed: Of the suite.
        prompt: What is answered.
        name: Tells apart prompts of the same text.
        answer: Counted from 0 within the prompt.
    """
    told = json.dumps([purpose, seed, prompt, name, answer])
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)
