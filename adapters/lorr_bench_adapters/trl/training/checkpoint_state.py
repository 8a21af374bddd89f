"""Optimizer, schedule and random numbers of a checkpoint as safetensors and JSON, in place of pickles.

Transformers writes them with ``torch.save``. Shards of FSDP and DeepSpeed keep their libraries' own form.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from lorr_bench.errors import StageError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

MOMENTS: Final = "optimizer.safetensors"
SCHEDULE: Final = "optimizer.json"
PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle")
NEVER_READ: Final = "training_args.bin"
"""Written by transformers for people."""


class SafeState:
    """Mixed into a trainer, before its class: what goes into a checkpoint beside the weights."""

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        trainer: Any = self
        if _is_sharded(trainer):
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
        elif trainer.args.should_save:
            write_optimizer(Path(output_dir), trainer.optimizer, trainer.lr_scheduler)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        trainer: Any = self
        if checkpoint is not None and not _is_sharded(trainer):
            read_optimizer(Path(checkpoint), trainer.optimizer, trainer.lr_scheduler)
        # There is no pickle for it to load, but some trainers do more here.
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]

    def _save_rng_state(self, output_dir: str) -> None:
        trainer: Any = self
        write_random_state(Path(output_dir), trainer.args.process_index)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        trainer: Any = self
        if checkpoint is not None:
            read_random_state(Path(checkpoint), trainer.args.process_index)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if not _is_sharded(self):
            refuse_pickles(Path(resume_from_checkpoint))
        super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]


def _is_sharded(trainer: Any) -> bool:
    return bool(trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled)


def refuse_pickles(checkpoint: Path) -> None:
    """Refuse a checkpoint with pickles: nothing here wrote them, and transformers would prefer them.

    Raises:
        StageError: There is one.
    """
    for path in sorted(checkpoint.rglob("*")):
        if path.suffix in PICKLES and path.name != NEVER_READ:
            raise StageError(
                f"the checkpoint holds the pickle {path.name}, which is never loaded",
                where=str(path),
                fix=f"Delete {checkpoint}: training begins anew.",
            )


def write_optimizer(folder: Path, optimizer: Optimizer, scheduler: Any) -> None:
    """Write what an optimizer remembers of each parameter, and where the schedule stands."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    others: dict[str, Any] = {}
    for index, kinds in state["state"].items():
        for kind, value in kinds.items():
            kept = tensors if isinstance(value, torch.Tensor) else others
            kept[f"{index}|{kind}"] = value
    # Copies, because some optimizers share a table between parameters, which safetensors refuses.
    save_file(
        {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}, folder / MOMENTS
    )
    content = {"groups": state["param_groups"], "others": others, "schedule": scheduler.state_dict()}
    (folder / SCHEDULE).write_text(json.dumps(content), "utf-8")


def read_optimizer(folder: Path, optimizer: Optimizer, scheduler: Any) -> None:
    """Put optimizer and schedule where ``write_optimizer`` found them."""
    content = json.loads((folder / SCHEDULE).read_text("utf-8"))
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**load_file(folder / MOMENTS), **content["others"]}.items():
        index, _, kind = name.partition("|")
        state.setdefault(int(index), {})[kind] = value
    optimizer.load_state_dict({"state": state, "param_groups": content["groups"]})
    scheduler.load_state_dict(content["schedule"])


def write_random_state(folder: Path, process: int) -> None:
    """Write the random states of this process."""
    folder.mkdir(parents=True, exist_ok=True)  # another process may not have made it yet
    version, numbers, gauss = random.getstate()
    state: Any = np.random.get_state()
    generator, keys, *rest = state
    others = {"python": [version, list(numbers), gauss], "numpy": [generator, keys.tolist(), *rest]}
    save_file(_torch_states(), folder / f"random-{process}.safetensors")
    (folder / f"random-{process}.json").write_text(json.dumps(others), "utf-8")


def read_random_state(folder: Path, process: int) -> None:
    """Put the random states of this process where ``write_random_state`` found them."""
    others = json.loads((folder / f"random-{process}.json").read_text("utf-8"))
    version, numbers, gauss = others["python"]
    random.setstate((version, tuple(numbers), gauss))
    generator, keys, *rest = others["numpy"]
    np.random.set_state((generator, np.array(keys, dtype=np.uint32), *rest))
    _restore_torch(load_file(folder / f"random-{process}.safetensors"))


def _torch_states() -> dict[str, Tensor]:
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), **{f"cuda-{number}": state for number, state in enumerate(gpus)}}


def _restore_torch(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for number in range(gpus):
        if f"cuda-{number}" in states:
            torch.cuda.set_rng_state(states[f"cuda-{number}"], number)
