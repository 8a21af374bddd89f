"""Log-probabilities of long responses in trainings that FSDP shards, in bfloat16, against float32 by hand.

One rank; the first loss of a native and of a TRL training on one pair is looked at, whose responses have
log-probabilities near -700. bfloat16 knows no number between -708 and -712 there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from jobs import forget, long_pairs, scratch, start_model, train
from random_models import random_model
from script import Options, WrongError, run

from lorr_bench.stages.training.ranks import SHIPPED
from lorr_bench.values import Pair

NATS = 0.5
"""What the rounding of the matrix products in bfloat16 may add to a sum of seventy log-probabilities."""


def measure(options: Options) -> str:
    """The largest difference of both backends, in nats."""
    shape, tokens = ("toy", 150) if options.toy else ("100M", 66)
    differences = {}
    with scratch() as folder, one_rank(Path(folder) / "store", options.device):
        model = random_model(shape, Path(folder))
        pair = long_pairs(1, 8, tokens)[0]
        expected = by_hand(model, pair, options.device)
        for backend in ("native", "trl"):
            found = first_log_probs(backend, model, pair, Path(folder) / backend)
            differences[backend] = max(abs(a - b) for a, b in zip(found, expected, strict=True))
    said = f"sums {expected[0]:.2f} and {expected[1]:.2f}; " + ", ".join(
        f"{backend} off by {difference:.3f} nats" for backend, difference in differences.items()
    )
    if max(differences.values()) > NATS:
        raise WrongError(f"{said}; at most {NATS} is rounding")
    return said


def first_log_probs(backend: str, model: Path, pair: Pair, folder: Path) -> tuple[float, float]:
    """What a training of one step logs of the chosen and the rejected response."""
    settings = {"bf16": True, "learning_rate": 1e-6, "per_device_train_batch_size": 1, "max_length": 256}
    outcome = train(f"{backend}.dpo", start_model(model), [pair], settings, folder)
    forget()
    logged = outcome.replays[0]
    return logged["logps/chosen"], logged["logps/rejected"]


def by_hand(model: Path, pair: Pair, device: str) -> tuple[float, ...]:
    """Log-probabilities of both responses in float32, by transformers alone."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    causal_lm = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).to(device).eval()
    tokenizer = AutoTokenizer.from_pretrained(model)
    prompt = tokenizer(pair.prompt)["input_ids"]
    totals = []
    for text in (pair.chosen, pair.rejected):
        response = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        ids = torch.tensor([prompt + response], device=device)
        with torch.no_grad():
            log_probs = causal_lm(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        totals.append(float(log_probs.gather(1, ids[0, len(prompt) :, None]).double().sum()))
    return tuple(totals)


@contextmanager
def one_rank(store: Path, device: str) -> Iterator[None]:
    """This process as the only rank, told by the environment as ``accelerate launch`` tells it."""
    import torch.distributed

    before = dict(os.environ)
    os.environ.update(fsdp_environment())
    patched = told_of_an_accelerator() if device == "cpu" else None
    torch.distributed.init_process_group(
        "gloo" if device == "cpu" else "cuda:nccl,cpu:gloo",
        init_method=f"file://{store}",
        rank=0,
        world_size=1,
    )
    try:
        yield
    finally:
        from accelerate.state import AcceleratorState

        if patched is not None:
            AcceleratorState.__init__ = patched
        AcceleratorState._reset_state(reset_partial_state=True)
        torch.distributed.destroy_process_group()
        os.environ.clear()
        os.environ.update(before)


def fsdp_environment() -> dict[str, str]:
    """The shipped configuration of FSDP as environment variables."""
    shipped = yaml.safe_load((SHIPPED / "fsdp.yaml").read_text("utf-8"))["fsdp_config"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rank = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_FSDP": "true"}
    values = {
        name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in shipped.items()
    }
    return {**rank, **place, **values}


def told_of_an_accelerator() -> Any:
    """Let accelerate shard on a CPU, which it does on accelerators only; returns what is to be put back."""
    from accelerate import DistributedType, FullyShardedDataParallelPlugin
    from accelerate.state import AcceleratorState, PartialState

    prepare = AcceleratorState.__init__

    def shard(self: Any, *args: Any, **kwargs: Any) -> None:
        is_made = AcceleratorState._shared_state.get("distributed_type") == DistributedType.FSDP
        prepare(self, *args, **kwargs)
        if is_made:  # all of them share what they know
            return
        plugin = kwargs.get("fsdp_plugin") or FullyShardedDataParallelPlugin()
        if self._mixed_precision != "no":
            plugin.set_mixed_precision(self._mixed_precision)  # as accelerate does where it shards
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, plugin
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    AcceleratorState.__init__ = shard
    return prepare


if __name__ == "__main__":
    run(measure, __doc__)
