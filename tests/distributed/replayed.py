"""One training run with LoRR, in one process or in several; run by ``torch.distributed.run`` as a script.

``python replayed.py MODEL OUTPUT`` trains in every way that ``WRAPPERS`` and the functions below know, and
writes what each rank sees to ``OUTPUT/NAME.RANK.json`` and ``.safetensors``. All calculation is in float64.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections import namedtuple
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from safetensors.torch import save_file
from torch import distributed as dist
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM

from lorr_bench.lorr.diagnostics import ReplayProbe
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.lorr.reset import trainable_parameters

Tokens = namedtuple("Tokens", "prompt chosen rejected")
RESET = r"o_proj|down_proj|embed_tokens|model\.norm"
"""Tensors of the layers and of the root, a tied one among them: FSDP2 treats the root in its own way."""

ROWS, BATCH, REPLAYS = 8, 4, 3
TRAIN = [Tokens([3, 4, 5], [6, 7], [8, 9, 10]), Tokens([6, 5], [4, 3, 2], [7])]
HELD_OUT = [Tokens([9, 8], [7], [6, 5, 4, 3])]


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)


def with_lora(model):
    """Both matrices random, so that the adapter contributes from the start."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    config = LoraConfig(r=2, target_modules=["o_proj", "down_proj", "q_proj"], init_lora_weights=False)
    return get_peft_model(model, config, autocast_adapter_dtype=False)


def alone(model, optimizer):
    return model, optimizer


def ddp(model, optimizer):
    return torch.nn.parallel.DistributedDataParallel(model), optimizer


def fsdp(model, _optimizer):
    """As PyTorch's documentation has it: layers, then the root; the optimizer last."""
    from torch.distributed.fsdp import fully_shard

    for layer in next(m for m in model.modules() if hasattr(m, "layers")).layers:
        fully_shard(layer)
    fully_shard(model)
    return model, optimizer_of(model)


def accelerate(model, optimizer):
    """As transformers' Trainer has it.

    Accelerate shards on accelerators only, and trains replicated on a CPU without a word; here it is told that
    there is one.
    """
    from accelerate import Accelerator, DistributedType, FullyShardedDataParallelPlugin

    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2, auto_wrap_policy="transformer_based_wrap", cpu_ram_efficient_loading=False
    )
    accelerator = Accelerator(cpu=True)
    accelerator.state.distributed_type, accelerator.state.fsdp_plugin = DistributedType.FSDP, plugin
    return accelerator.prepare(model, optimizer)


def optimizer_of(model):
    return torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-2)


def rank_and_world():
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def whole(tensor):
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().clone()


def weights(model):
    return {name: whole(parameter) for name, parameter in trainable_parameters(model).items()}


def with_moments(model, optimizer):
    """Names of the parameters of which the optimizer knows moments on this rank; zeros are none."""
    names = []
    for name, parameter in trainable_parameters(model).items():
        state = optimizer.state.get(parameter, {}).values()
        if any(whole(value).any() for value in state):
            names.append(name)
    return names


def read_again(model, optimizer):
    """The optimizer that a checkpoint of the sharded state gives."""
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict

    kept = get_optimizer_state_dict(model, optimizer)
    fresh = optimizer_of(model)
    set_optimizer_state_dict(model, fresh, kept)
    return fresh


def train(model, wrap, *, start_when="wrapped", probed=False, checkpoints=False):
    """Three replays over eight rows in global batches of four.

    Args:
        model: To wrap and train.
        wrap: How.
        start_when: Whether the loop starts with the ``bare`` or with the ``wrapped`` model.
        probed: Whether to measure.
        checkpoints: Whether the optimizer is kept and read again after each replay.

    Returns:
        Weights at the end, and what was seen on the way.
    """
    rank, world = rank_and_world()
    loop = ReplayLoop(
        rows=ROWS,
        seed=0,
        sft_weights=(0.0,) * REPLAYS,
        reset=Reset(RESET, 0.5, clear_optimizer=True),
        probe=ReplayProbe(TRAIN, HELD_OUT, 0) if probed else None,
    )
    if start_when == "bare":
        loop.start(model)
    model, optimizer = wrap(model, optimizer_of(model))
    if start_when == "wrapped":
        loop.start(model)
    tokens = torch.randint(3, 60, (ROWS, 7), generator=torch.Generator().manual_seed(2))
    sharded = all(isinstance(parameter, DTensor) for parameter in model.parameters())
    moments = []
    for replay in range(1, REPLAYS + 1):
        order = loop.order(replay)
        for first in range(0, ROWS, BATCH):
            mine = tokens[order[first : first + BATCH][rank::world]]
            model(input_ids=mine, labels=mine).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        loop.finish(replay, model, optimizer)
        moments.append(with_moments(model, optimizer))
        if checkpoints:
            optimizer = read_again(model, optimizer)
    seen = {"sharded": sharded, "moments": moments, "resets": loop.resets_done}
    return weights(model), {**seen, "diagnostics": loop.diagnostics}


def reset_only(model, wrap, *, start_when="wrapped", forward=False, anchor=None):
    """Change all weights, then reset, with no step between.

    Args:
        model: To wrap and reset.
        wrap: How.
        start_when: Whether the anchor is taken from the ``bare`` or from the ``wrapped`` model.
        forward: Let the model answer before the reset, as an evaluation does.
        anchor: Gives the model that the anchor is taken from.
    """
    reset = Reset(RESET, 0.25, clear_optimizer=True)
    loop = ReplayLoop(rows=1, seed=0, sft_weights=(0.0, 0.0), reset=reset, anchor=anchor)
    if start_when == "bare":
        loop.start(model)
    model, optimizer = wrap(model, optimizer_of(model))
    if start_when == "wrapped":
        loop.start(model)
    with torch.no_grad():
        for parameter in trainable_parameters(model).values():
            parameter.mul_(1.7)
        if forward:
            model(input_ids=torch.tensor([[3, 4]]))
    loop.finish(1, model, optimizer)
    return weights(model), {"cut_anchor": all(isinstance(kept, DTensor) for kept in loop._anchor.values())}


def begun_over(folder, wrap, *, start_when="wrapped"):
    """Weights that were trained before, and the start given back by the reset before the first replay."""
    model = load(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.7)
    reset = Reset(".", 0.25, clear_optimizer=True, period="begin")
    loop = ReplayLoop(rows=1, seed=0, sft_weights=(0.0,), reset=reset, anchor=lambda _: load(folder))
    if start_when == "bare":
        loop.start(model)
    model, _ = wrap(model, optimizer_of(model))
    if start_when == "wrapped":
        loop.start(model)
    return weights(model), {"resets": loop.resets_done}


CASES = {
    "ddp": lambda m: train(load(m), ddp),
    "fsdp": lambda m: train(load(m), fsdp),
    "fsdp_checkpoints": lambda m: train(load(m), fsdp, checkpoints=True),
    "accelerate": lambda m: train(load(m), accelerate),
    "ddp_started_bare": lambda m: train(load(m), ddp, start_when="bare"),
    "fsdp_started_bare": lambda m: train(load(m), fsdp, start_when="bare"),
    "fsdp_lora": lambda m: train(with_lora(load(m)), fsdp),
    "ddp_probed": lambda m: train(load(m), ddp, probed=True),
    "fsdp_probed": lambda m: train(load(m), fsdp, probed=True),
    "fsdp_probed_started_bare": lambda m: train(load(m), fsdp, probed=True, start_when="bare"),
    "fsdp_lora_probed": lambda m: train(with_lora(load(m)), fsdp, probed=True),
    "ddp_reset": lambda m: reset_only(load(m), ddp),
    "fsdp_reset": lambda m: reset_only(load(m), fsdp),
    "accelerate_reset": lambda m: reset_only(load(m), accelerate),
    "fsdp_reset_started_bare": lambda m: reset_only(load(m), fsdp, start_when="bare"),
    "fsdp_reset_to_another_model": lambda m: reset_only(load(m), fsdp, anchor=lambda _: load(m)),
    "fsdp_reset_after_forward": lambda m: reset_only(load(m), fsdp, forward=True),
    "ddp_begun": lambda m: begun_over(m, ddp, start_when="bare"),
    "fsdp_begun": lambda m: begun_over(m, fsdp),
    "accelerate_begun": lambda m: begun_over(m, accelerate),
    "fsdp_lora_reset": lambda m: reset_only(with_lora(load(m)), fsdp),
}


def main(model, output):
    """Every case, on every rank; the first failure of a case is written in place of its results."""
    dist.init_process_group("gloo")
    for name, case in CASES.items():
        file = output / f"{name}.{dist.get_rank()}"
        try:
            tensors, seen = case(model)
        except Exception:  # noqa: BLE001 - a case that fails says so in its own tests
            seen = {"failed": traceback.format_exc()}
        else:
            save_file(tensors, file.with_suffix(file.suffix + ".safetensors"))
        file.with_suffix(file.suffix + ".json").write_text(json.dumps(seen))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
