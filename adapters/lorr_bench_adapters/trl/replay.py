"""LoRR around any trainer of the Hugging Face family: order, SFT weight and reset at each pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from torch.utils.data import Sampler
from transformers import TrainerCallback

from lorr_bench.lorr.loop import ReplayLoop

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer
    from transformers import TrainerControl, TrainerState, TrainingArguments


class ReplaySampler(Sampler[int]):  # type: ignore[misc]
    """Row numbers in the order that the loop gives for each epoch; an epoch is a replay."""

    def __init__(self, loop: ReplayLoop) -> None:
        self._loop = loop
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch, counted from 0."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(self._loop.order(self._epoch + 1))

    def __len__(self) -> int:
        return self._loop.rows


class ReplayCallback(TrainerCallback):  # type: ignore[misc]
    """Calls the loop at the boundaries of each epoch, reports progress and keeps what was logged."""

    def __init__(self, loop: ReplayLoop, progress: Callable[[int, int], None]) -> None:
        self._loop = loop
        self._progress = progress
        self.replay = 0
        self.replays: list[dict[str, float]] = []

    @property
    def sft_weight(self) -> float:
        """λ of the replay under way."""
        return self._loop.sft_weight(self.replay)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the start weights before the first step."""
        model: nn.Module = kwargs["model"]
        self._loop.start(model)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """A replay begins."""
        self.replay += 1

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Here the reset happens."""
        optimizer: Optimizer = kwargs["optimizer"]
        self._loop.finish(self.replay, optimizer)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Tell how far training is."""
        self._progress(state.global_step, state.max_steps)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep the means that the trainer logs at the end of each replay."""
        logs = kwargs["logs"]
        if "loss" in logs:
            self.replays.append({k: float(v) for k, v in logs.items() if isinstance(v, int | float)})
