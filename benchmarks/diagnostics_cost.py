"""Measure what the diagnostics cost: ``python benchmarks/diagnostics_cost.py``, 15 minutes on one core.

The embedded start model is trained with DPO in a plain loop, batch 32, three replays, reference computed
before; runs with and without the probe alternate. Processor seconds of one thread, so that other work on the
machine shows little. Prints the share of training that the probe takes, its start included: the median of
what it is within each run, and the difference between the medians of the runs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import torch
from nano_pairs import nano_pairs
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from lorr_bench.data.tokens import TokenPair, tokenize_pairs
from lorr_bench.lorr.diagnostics import ReplayProbe, probe_size
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.plan.identity.origins import NANO_MODEL

SIZES = (128, 512, 2048)
REPLAYS = 3
BATCH = 32
BETA = 0.1
LEARNING_RATE = 1e-4


class TimedProbe(ReplayProbe):
    """Adds up the processor seconds spent in it."""

    seconds = 0.0

    def start(self, model: nn.Module) -> None:
        """As always, on the clock."""
        began = time.process_time()
        super().start(model)
        self.seconds += time.process_time() - began

    def measure(self, model: nn.Module) -> dict[str, float]:
        """As always, on the clock."""
        began = time.process_time()
        values = super().measure(model)
        self.seconds += time.process_time() - began
        return values


def log_probs(model: nn.Module, pairs: Sequence[TokenPair], pad: int) -> Tensor:
    """(2, pairs) log-probabilities of the chosen and the rejected responses."""
    prompted = [(pair.prompt, response) for pair in pairs for response in (pair.chosen, pair.rejected)]
    tokens = [torch.tensor(prompt + response) for prompt, response in prompted]
    batch = pad_sequence(tokens, batch_first=True, padding_value=pad)
    lengths = torch.tensor([len(row) for row in tokens])[:, None]
    begins = torch.tensor([len(prompt) for prompt, _ in prompted])[:, None]
    places = torch.arange(batch.shape[1])
    logits = model(input_ids=batch, attention_mask=(places < lengths).long(), use_cache=False).logits
    following = logits[:, :-1].log_softmax(-1).gather(2, batch[:, 1:, None])[..., 0]
    mask = ((places >= begins) & (places < lengths))[:, 1:]
    return (following * mask).sum(1).reshape(-1, 2).T


def train(pairs: Sequence[TokenPair], reference: Tensor, pad: int, probe: ReplayProbe | None) -> float:
    """Processor seconds of three replays of DPO with a reset after each but the last."""
    model = AutoModelForCausalLM.from_pretrained(NANO_MODEL, dtype=torch.float32).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    reset = Reset(r"\.(o_proj|down_proj)\.", 0.5, clear_optimizer=True)
    loop = ReplayLoop(rows=len(pairs), seed=0, sft_weights=(0.0,) * REPLAYS, reset=reset, probe=probe)
    began = time.process_time()
    loop.start(model)
    for replay in range(1, REPLAYS + 1):
        order = loop.order(replay)
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            rewards = log_probs(model, [pairs[row] for row in rows], pad) - reference[:, rows]
            loss = -logsigmoid(BETA * (rewards[0] - rewards[1])).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        loop.finish(replay, model, optimizer)
    return time.process_time() - began


def reference_log_probs(pairs: Sequence[TokenPair], pad: int) -> Tensor:
    """(2, pairs) of the start model."""
    model = AutoModelForCausalLM.from_pretrained(NANO_MODEL, dtype=torch.float32).eval()
    with torch.no_grad():
        batches = [log_probs(model, pairs[i : i + BATCH], pad) for i in range(0, len(pairs), BATCH)]
    return torch.cat(batches, dim=1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(NANO_MODEL)
    pad = tokenizer.pad_token_id
    print("| pairs | probe pairs | seconds without | seconds with | share within a run | share of medians |")
    print("|---|---|---|---|---|---|")
    for size in arguments.sizes:
        probed = probe_size(size)
        tokens = tokenize_pairs(nano_pairs(size + probed, seed=5), tokenizer, max_length=128)
        pairs, held_out = tokens[:size], tokens[size:]
        reference = reference_log_probs(pairs, pad)
        train(pairs[:BATCH], reference, pad, None)  # the first run in a process is slower
        plain, watched, shares = [], [], []
        for _ in range(arguments.repeats):
            probe = TimedProbe(pairs[:probed], held_out, pad)
            plain.append(train(pairs, reference, pad, None))
            watched.append(train(pairs, reference, pad, probe))
            shares.append(probe.seconds / (watched[-1] - probe.seconds))
        without, with_probe = statistics.median(plain), statistics.median(watched)
        print(
            f"| {size} | {probed} + {probed} | {without:.2f} | {with_probe:.2f} "
            f"| {statistics.median(shares):.1%} | {with_probe / without - 1:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
