"""Checkpoints: safetensors and JSON, no pickle. One is either whole or not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch.distributed.tensor import DTensor

from lorr_bench.lorr.reset import placed_like, reshard, trainable_parameters
from lorr_bench.store.seal import is_sealed, seal

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

DRAFT: Final = "draft-"
WHOLE: Final = "step-"


def full_tensors(model: nn.Module, *, kept: bool) -> dict[str, Tensor]:
    """Whole copies of the trainable parameters in main memory, by name; all processes must ask.

    Args:
        model: Sharded or not.
        kept: Whether this process wants them. Those that don't help to put them together, one at a time, and
            get none.
    """
    reshard(model)
    return _whole(trainable_parameters(model), kept=kept)


def write_checkpoint(
    folder: Path,
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: Optimizer,
    state: Mapping[str, Any],
) -> None:
    """Write a checkpoint, then remove the older ones.

    It is written under another name and renamed at the end, so that a kill leaves a draft at most, which the
    next checkpoint removes.

    Args:
        folder: Of all checkpoints of the run.
        accelerator: Knows the processes.
        model: Its trainable parameters are written.
        optimizer: Its state of them is written.
        state: Position, logs and the like, as JSON values; ``step`` among them.
    """
    draft = folder / f"{DRAFT}{state['step']}"
    kept = accelerator.is_main_process
    parameters, moments = full_tensors(model, kept=kept), _whole(_moments(model, optimizer), kept=kept)
    if accelerator.is_main_process:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        save_file(parameters, draft / "model.safetensors")
        save_file(moments, draft / "optimizer.safetensors")
        (draft / "state.json").write_text(json.dumps(state), "utf-8")
    accelerator.wait_for_everyone()  # the draft's folder is there
    save_file(_random_state(accelerator), draft / f"random-{accelerator.process_index}.safetensors")
    accelerator.wait_for_everyone()  # the seal holds what all have written
    if accelerator.is_main_process:
        seal(draft)
        whole = folder / f"{WHOLE}{state['step']}"
        shutil.rmtree(whole, ignore_errors=True)
        draft.rename(whole)
        for other in folder.iterdir():
            if other != whole:
                shutil.rmtree(other)
    accelerator.wait_for_everyone()


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that holds what was written, or None; damaged ones are removed."""
    for path in sorted(folder.glob(f"{WHOLE}*"), key=lambda path: -int(path.name[len(WHOLE) :])):
        if is_sealed(path):
            return path
        shutil.rmtree(path, ignore_errors=True)  # every process does
    return None


def read_checkpoint(
    checkpoint: Path, accelerator: Accelerator, model: nn.Module, optimizer: Optimizer
) -> dict[str, Any]:
    """Put model, optimizer and random numbers where the checkpoint has them.

    Returns:
        The state.
    """
    parameters, stored = trainable_parameters(model), load_file(checkpoint / "model.safetensors")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(placed_like(parameter, stored[name]))
    for key, moment in load_file(checkpoint / "optimizer.safetensors").items():
        kind, name = key.split("|")
        parameter = parameters[name]
        optimizer.state[parameter][kind] = (
            placed_like(parameter, moment) if moment.shape == parameter.shape else moment.to(parameter.device)
        )
    _restore_random_state(checkpoint / f"random-{accelerator.process_index}.safetensors", accelerator)
    state: dict[str, Any] = json.loads((checkpoint / "state.json").read_text("utf-8"))
    return state


def _whole(tensors: Mapping[str, Tensor], *, kept: bool) -> dict[str, Tensor]:
    copies = {}
    for name, tensor in tensors.items():
        whole = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if kept:
            copies[name] = whole.detach().to("cpu", copy=True)
    return copies


def _moments(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """What the optimizer holds of each parameter, as ``kind|name``; cleared parameters hold nothing."""
    return {
        f"{kind}|{name}": moment
        for name, parameter in trainable_parameters(model).items()
        for kind, moment in optimizer.state.get(parameter, {}).items()
    }


def _random_state(accelerator: Accelerator) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if accelerator.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(accelerator.device)
    return states


def _restore_random_state(file: Path, accelerator: Accelerator) -> None:
    states = load_file(file)
    torch.set_rng_state(states["cpu"])
    if accelerator.device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], accelerator.device)
