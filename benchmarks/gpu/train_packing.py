"""Packed attention of the native backend, kernel by kernel: log-probabilities, gradients, time and memory.

Held to a forward pass of transformers in float32, each response with its prompt by itself. The error of the
native backend's padded batches in bfloat16 says what rounding is; twice that is too much.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jobs import forget, peak, scratch, start_model, wait
from random_models import SHAPES, random_model
from script import Options, WrongError, run

MIB = 1 << 20
TIMED = 5
TREES = 4
LOOKED_AT = "layers.0.self_attn.k_proj.weight"
"""Its gradient comes through the keys of every stem, which several branches share."""

Sequences = Sequence[tuple[list[int], list[int]]]


@dataclass(frozen=True)
class Answer:
    """Log-probability of each response token, one response after the other, and a gradient of their mean."""

    log_probs: Any
    gradient: Any

    def error(self, other: Answer) -> tuple[float, float]:
        """Largest difference of a log-probability, and the share of the gradient's norm that differs."""
        apart = (self.gradient - other.gradient).norm() / other.gradient.norm()
        return float((self.log_probs - other.log_probs).abs().max()), float(apart)


def measure(options: Options) -> str:
    """Errors, milliseconds and memory of each kernel."""
    shape, tokens = ("toy", 24) if options.toy else ("500M", 700)
    shape = options.shapes[0] if options.shapes else shape
    trees = trees_of(tokens, SHAPES[shape]["vocab_size"])
    with scratch() as folder:
        model = random_model(shape, Path(folder), dtype="bfloat16")
        expected = by_hand(model, trees, options.device)
        forget()
        found = {name: Native(model, trees, options.device, name) for name in kernels(options.device)}
        said, wrong = [], []
        allowed = (0.0, 0.0)
        for name, native in found.items():
            errors, sentence = native.look(expected)
            forget()
            said.append(f"{name}: {sentence}")
            if name == "padded":
                allowed = (2 * errors[0] + 1e-4, 2 * errors[1] + 1e-4)
            wrong += [name] if errors[0] > allowed[0] or errors[1] > allowed[1] else []
    if wrong:
        raise WrongError(f"{', '.join(wrong)} above twice the error of padded batches: {'; '.join(said)}")
    return "; ".join(said)


def kernels(device: str) -> list[str]:
    """Padded batches, and every kernel for packed ones that runs here."""
    from lorr_bench_adapters.native.training.packed_attention import usable_kernels

    return ["padded", *usable_kernels(device)]


def trees_of(tokens: int, vocabulary: int) -> list[tuple[list[int], list[int], list[int]]]:
    """Prompt, chosen and rejected as token numbers; responses of different length that begin alike."""
    rng = random.Random(0)

    def draw(count: int) -> list[int]:
        return [rng.randrange(3, vocabulary) for _ in range(count)]

    trees = []
    for row in range(TREES):
        alike = draw(row)
        one, other = draw(tokens - 7 * row % tokens), draw(tokens // 2 + row)
        trees.append((draw(tokens // 3 + row), alike + one, alike + other))
    return trees


def by_hand(model: Path, trees: Sequence[tuple[list[int], ...]], device: str) -> Answer:
    """Each response by itself, in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    causal_lm = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).to(device)
    pieces = []
    count = sum(len(tree[side]) for side in (1, 2) for tree in trees)
    for side in (1, 2):  # as the native backend has them: all chosen ones, then all rejected ones
        for tree in trees:
            prompt, response = tree[0], tree[side]
            ids = torch.tensor([prompt + response], device=device)
            logits = causal_lm(ids).logits[0, len(prompt) - 1 : -1]
            log_probs = logits.log_softmax(-1).gather(1, ids[0, len(prompt) :, None])[:, 0]
            (log_probs.sum() / count).backward()
            pieces.append(log_probs.detach())
    gradient = causal_lm.get_submodule("model").get_parameter(LOOKED_AT).grad
    return Answer(torch.cat(pieces), gradient)


class Native:
    """The native backend's forward and backward pass, by one kernel."""

    def __init__(self, model: Path, trees: Sequence[tuple[list[int], ...]], device: str, kernel: str) -> None:
        self._model, self._trees, self._device, self._kernel = model, trees, device, kernel

    def look(self, expected: Answer) -> tuple[tuple[float, float], str]:
        """Errors, and a sentence about errors, time and memory."""
        import torch

        policy = self._policy()
        answer = self._answer(policy)
        errors = answer.error(expected)
        wait()
        begun = time.perf_counter()
        for _ in range(TIMED):
            self._answer(policy)
        wait()
        milliseconds = (time.perf_counter() - begun) / TIMED * 1000
        allocated, _ = peak(partial(self._answer, policy))
        before = torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
        memory = f"{(allocated - before) / MIB:,.0f} MiB beside the weights and their gradients"
        return errors, (
            f"off by {errors[0]:.1e} nats, gradient by {errors[1]:.1e}, {milliseconds:.1f} ms, {memory}"
        )

    def _policy(self) -> Any:
        from lorr_bench_adapters.loading import load_model
        from lorr_bench_adapters.native.training.policy import Policy

        model: Any = load_model(start_model(self._model)).to(self._device).train()
        if self._kernel == "padded":
            return Policy(model, padding_free=False)
        return Policy(model, padding_free=True, kernel=self._kernel)

    def _answer(self, policy: Any) -> Answer:
        import torch
        from lorr_bench_adapters.native.training.layout import Tree

        layout = policy.layout([Tree.of(*tree) for tree in self._trees], self._device)
        policy.model.zero_grad(set_to_none=False)
        with torch.autocast(self._device, torch.bfloat16):
            log_probs = policy(layout)
        kept = log_probs[layout.mask.bool()]
        kept.mean().backward()
        gradient = policy.model.get_submodule("model").get_parameter(LOOKED_AT).grad
        return Answer(kept.detach().float(), gradient.clone())


if __name__ == "__main__":
    run(measure, __doc__)
