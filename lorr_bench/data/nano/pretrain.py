"""Train the nano start model from nothing: ``python -m lorr_bench.data.nano.pretrain --output DIR``.

AdamW with warm-up and cosine decay on generated worked answers (three word problems in four, the rest general
questions), loss on the answer alone. Takes six to ten minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lorr_bench.data.nano import general, problems, tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

SEED: Final = 0
BATCH: Final = 256
LEARNING_RATE: Final = 2e-3
WARMUP_STEPS: Final = 60
GENERAL_SHARE: Final = 0.25
EMBEDDING_STD: Final = 0.15
SORT_WINDOW: Final = 16  # batches sorted by length together, so that little is padded
IGNORED: Final = -100


def examples(count: int, seed: int) -> list[tuple[str, str]]:
    """``count`` pairs of question and the teacher's answer."""
    rng = random.Random(f"pretrain/{seed}")  # noqa: S311 - reproducible data, nothing secret
    families = {name: general.questions(name, "train", seed) for name in general.FAMILIES}
    words = problems.problems("pretrain", seed)
    made = []
    for _ in range(count):
        if rng.random() < GENERAL_SHARE:
            question = next(families[rng.choice(sorted(families))])
            made.append((question.text, question.answer))
        else:
            problem = next(words)
            made.append((problem.text, problems.misread_solution(problem, rng)))
    return made


def batches(
    pairs: list[tuple[str, str]], tok: PreTrainedTokenizerFast, seed: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Padded batches of ``BATCH`` rows: input_ids, attention_mask and labels, each (BATCH, length)."""
    asked = tok([question for question, _ in pairs])["input_ids"]
    answered = tok([answer + tokenizer.EOS for _, answer in pairs])["input_ids"]
    rows = list(zip(asked, answered, strict=True))
    rng = random.Random(seed)  # noqa: S311 - reproducible order
    for window in _windows(rows, BATCH * SORT_WINDOW):
        window.sort(key=lambda row: len(row[0]) + len(row[1]))
        chunks = _windows(window, BATCH)
        rng.shuffle(chunks)
        for chunk in chunks:
            yield _pad(chunk)


def _windows(rows: list[tuple[list[int], list[int]]], size: int) -> list[list[tuple[list[int], list[int]]]]:
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _pad(chunk: list[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
    import torch

    longest = max(len(question) + len(answer) for question, answer in chunk)
    ids = torch.zeros(len(chunk), longest, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    mask = torch.zeros_like(ids)
    for i, (question, answer) in enumerate(chunk):
        end = len(question) + len(answer)
        ids[i, :end] = torch.tensor(question + answer)
        labels[i, len(question) : end] = torch.tensor(answer)
        mask[i, :end] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def new_model(vocabulary_size: int) -> LlamaForCausalLM:
    """A Llama-form model of about 0.9M parameters with fresh weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary_size,
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=1,
            pad_token_id=0,
            use_cache=True,
        )
    )
    # Wide embeddings keep the verbs apart. With the usual 0.02 they grow alike (mean cosine 0.8), and then a
    # pair about one verb moves the readings of all.
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=EMBEDDING_STD)
    return model


def train(output: Path, steps: int) -> None:
    """Train for ``steps`` steps and write model and tokenizer to ``output`` (float32 safetensors)."""
    import torch

    torch.manual_seed(SEED)
    tok = tokenizer.build()
    model = new_model(len(tok))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    started = time.perf_counter()
    for step, batch in enumerate(batches(examples(steps * BATCH, SEED), tok, SEED)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 50 == 0:
            seconds = time.perf_counter() - started
            print(f"step {step}/{steps} loss {loss.item():.3f} {seconds:.0f} s", flush=True)  # noqa: T201
    model.save_pretrained(output)
    tok.save_pretrained(output)


def _rate(step: int, steps: int) -> float:
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    return 0.5 * (1 + math.cos(math.pi * (step - WARMUP_STEPS) / max(1, steps - WARMUP_STEPS)))


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=900)
    arguments = parser.parse_args()
    train(arguments.output, arguments.steps)


if __name__ == "__main__":
    main()
