"""What a model says of a few fixed token sequences: the proof that an engine holds its weights.

transformers computes a fingerprint once, from the folder as it was saved. After each load the engine scores
the same sequences. Its kernels are others than those of transformers, so each dtype has a tolerance. Weights
that were swapped in place must besides come as close as the engine came with the weights that it was started
with: that is tighter wherever the engine is more exact than its dtype promises. An engine may hold a
float32 model in bfloat16: on a GPU such a model has a second row of log-probabilities for it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import ModelError
from lorr_bench.ports.causal_lm import load_causal_lm
from lorr_bench.ports.trainer import StartModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FINGERPRINT_FILE: Final = "fingerprint.json"
FINGERPRINT_TOKENS: Final = 24
"""Tokens of a sequence by which a model is known."""
TEXTS: Final = (
    "The answer is 42.",
    "A train travels 120 km in 1.5 hours. How far does it travel in 4 hours?",
    "def square(x):\n    return x ** 2  # x²",
    "Größe, naïve, 数学, \\frac{1}{2}",
)
"""What the tokenizer is known by."""
DRAWN_SEQUENCES: Final = 6
TOLERANCE: Final = {"float32": 0.01, "float16": 0.05, "bfloat16": 0.15}
"""Mean difference of a log-probability, in nats, that is allowed between transformers and an engine. Measured
on the CPU engine with random models of 12 layers at most: 0.0008, 0.006 and 0.045."""
ROUNDED: Final = "bfloat16"
"""In which an engine may hold the weights of a float32 model."""
SWAP_FACTOR: Final = 4.0
SWAP_FLOOR: Final = 1e-4
"""Weights that were swapped in may differ so many times as much as those of the engine's start, and so many
nats in any case."""

Tokenizer = Callable[[str], Sequence[int]]
"""Token numbers of a text, without special tokens."""


@dataclass(frozen=True)
class Fingerprint:
    """Of one model in one dtype.

    Attributes:
        dtype: Of the weights that were scored.
        texts: Token numbers of ``TEXTS``.
        sequences: Token numbers of what was scored: the texts, and sequences drawn from the whole vocabulary.
        log_probs: For each sequence the log-probability of each of its tokens but the first, in nats.
        rounded: The same with the weights in bfloat16; None where nobody scored them.
    """

    dtype: str
    texts: tuple[tuple[int, ...], ...]
    sequences: tuple[tuple[int, ...], ...]
    log_probs: tuple[tuple[float, ...], ...]
    rounded: tuple[tuple[float, ...], ...] | None = None

    def to_text(self) -> str:
        """As it is stored, in JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def from_text(cls, text: str) -> Fingerprint:
        """The fingerprint that ``to_text`` wrote."""
        values = json.loads(text)
        dtype = values.pop("dtype")
        return cls(dtype, **{name: _tuples(value) for name, value in values.items()})

    def within(self, dtype: str) -> Fingerprint:
        """What an engine is held to that has the weights in a dtype, if need be with the coarser tolerance.

        Args:
            dtype: Of the engine.
        """
        if dtype == ROUNDED and self.dtype != dtype and self.rounded is not None:
            return replace(self, dtype=dtype, log_probs=self.rounded)
        return replace(self, dtype=max(self.dtype, dtype, key=TOLERANCE.__getitem__))

    @property
    def tolerance(self) -> float:
        """Mean difference of a log-probability that an engine of this dtype may show, in nats."""
        return TOLERANCE[self.dtype]

    def distance(self, log_probs: Sequence[Sequence[float]]) -> float:
        """Mean absolute difference of a log-probability, in nats; infinite or NaN where there is one.

        Args:
            log_probs: For each sequence those of its tokens, as many of them as were scored.
        """
        pairs = zip(self.log_probs, log_probs, strict=True)
        return _mean(abs(mine - found) for row in pairs for mine, found in zip(*row, strict=False))


def swap_tolerance(fingerprint: Fingerprint, at_start: float | None) -> float:
    """How far an engine may be from a model that was swapped into it, in nats.

    Args:
        fingerprint: Of the model.
        at_start: How far the engine was from the model that it was started with; None where nobody looked.
    """
    if at_start is None:
        return fingerprint.tolerance
    return min(fingerprint.tolerance, SWAP_FACTOR * at_start + SWAP_FLOOR)


def take_fingerprint(model: StartModel) -> Fingerprint:
    """Load a model with transformers, on the GPU where there is one, and score the sequences.

    Raises:
        ModelError: The model or its tokenizer does not load.
    """
    import torch
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model.path, **model.origin)
        policy = load_causal_lm(model)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"transformers can't load the model: {error}",
            where=model.path,
            fix="Give a folder with config.json, *.safetensors and a tokenizer, or a Hub id.",
        ) from error
    on_gpu = torch.cuda.is_available()
    policy = policy.to("cuda" if on_gpu else "cpu").eval()
    texts = tokenized(lambda text: tokenizer(text, add_special_tokens=False)["input_ids"])
    size = min(len(tokenizer), policy.get_input_embeddings().weight.shape[0])
    sequences = fixed_sequences(texts, size, tokenizer.bos_token_id)
    log_probs = tuple(_score(policy, sequence) for sequence in sequences)
    rounded = _score_rounded(policy, sequences) if on_gpu and model.dtype == "float32" else None
    return Fingerprint(model.dtype, texts, sequences, log_probs, rounded)


def tokenized(tokenizer: Tokenizer) -> tuple[tuple[int, ...], ...]:
    """Token numbers of ``TEXTS``."""
    return tuple(tuple(tokenizer(text)) for text in TEXTS)


def fixed_sequences(
    texts: Sequence[Sequence[int]], vocabulary: int, begin: int | None
) -> tuple[tuple[int, ...], ...]:
    """What is scored: each text, and sequences drawn evenly from the vocabulary, of which texts reach little.

    Args:
        texts: Token numbers.
        vocabulary: Tokens to draw from.
        begin: Begin-of-sequence token, without which some models say little of use; None without one.
    """
    rng = random.Random("fingerprint")  # noqa: S311 - the same for all
    drawn = [[rng.randrange(vocabulary) for _ in range(FINGERPRINT_TOKENS)] for _ in range(DRAWN_SEQUENCES)]
    first = () if begin is None else (begin,)
    whole = ((*first, *tokens)[:FINGERPRINT_TOKENS] for tokens in chain(texts, drawn))
    return tuple(tokens for tokens in whole if len(tokens) > 1)


def _score(policy: PreTrainedModel, sequence: Sequence[int]) -> tuple[float, ...]:
    """Log-probability of each token but the first, in float32."""
    import torch

    tokens = torch.tensor([sequence], device=policy.device)
    with torch.no_grad():
        logits = policy(input_ids=tokens, use_cache=False).logits[0, :-1].float()
    scores = logits.log_softmax(-1).gather(1, tokens[0, 1:, None])[:, 0]
    return tuple(scores.tolist())


def _score_rounded(
    policy: PreTrainedModel, sequences: Iterable[Sequence[int]]
) -> tuple[tuple[float, ...], ...]:
    """The same with the weights rounded to bfloat16, in place; what is no weight stays exact."""
    for weights in policy.parameters():
        weights.data = weights.data.bfloat16()
    return tuple(_score(policy, sequence) for sequence in sequences)


def read_fingerprint(folder: Path) -> Fingerprint:
    """The fingerprint that lies in the folder of a stage."""
    return Fingerprint.from_text((folder / FINGERPRINT_FILE).read_text("utf-8"))


def _tuples(rows: Iterable[Iterable[Any]]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in rows)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
