"""A training run of a suite by a trainer of TRL's family with LoRR: checkpoints, counts, and the model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from transformers import PrinterCallback

from lorr_bench.lorr.divergence import check_values
from lorr_bench.lorr.reset import trainable_parameters
from lorr_bench.lorr.zero import master_weights
from lorr_bench.ports.trainer import TrainJob, TrainOutcome
from lorr_bench.store.seal import is_sealed, seal
from lorr_bench_adapters.loading import count_parameters, load_trainable, save_model
from lorr_bench_adapters.saving import check_saving
from lorr_bench_adapters.sharded_precision import keep_sums_in_float32
from lorr_bench_adapters.trl.training.callback import LoopCallback
from lorr_bench_adapters.trl.training.checkpoint_state import SafeState

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from transformers import TrainerControl, TrainerState, TrainingArguments

LOOP_FILE: Final = "loop.json"
CHECKPOINT: Final = "checkpoint-"
"""What transformers writes before the step, as the name of a checkpoint."""

COUNTED: Final = ("train_tokens", "generated_tokens", "verifier_calls")
TOKENS: Final = ("train_tokens", "generated_tokens")
REFERENCE_ADAPTER: Final = "ref"
"""TRL's copy of a LoRA adapter at its start, where it adds nothing: the base model serves as well. From a
checkpoint with a copy transformers would load the copy alone, and train on from a fresh adapter."""
NOT_AVERAGED: Final = ("epoch", "num_tokens", "step_time")
"""What a trainer logs beside measurements: running totals and the clock."""


class ReplayCallback(LoopCallback):
    """Calls the loop after each step and at the end of each epoch, and keeps checkpoints.

    Args:
        job: The training run.

    Attributes:
        replays: Means over the steps of what was logged, one dictionary for each replay that is over.
        counted: What had been counted at the checkpoint that training continued from.
    """

    def __init__(self, job: TrainJob) -> None:
        self._job = job
        self.loop = job.loop
        self.replays: list[dict[str, float]] = []
        self.counted: Mapping[str, int] = {}
        self.count: Callable[[], Mapping[str, int]] = dict
        self.tokens: Callable[[], int] = int
        self._sums: dict[str, tuple[float, int]] = {}
        self._begun = False

    def begin(self, model: nn.Module) -> None:
        """Remember the start model, once, before a checkpoint is read."""
        if not self._begun:
            self._begun = True
            self.loop.start(model)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the start model, where it has just been cut, and order the rows."""
        self.begin(kwargs["model"])
        super().on_train_begin(args, state, control, **kwargs)

    def resume(self) -> Path | None:
        """The checkpoint to continue from, or None; what was cut off or damaged is removed."""
        folders = self._job.checkpoints.glob(f"{CHECKPOINT}*")
        found = sorted(folders, key=lambda path: -int(path.name.removeprefix(CHECKPOINT)))
        newest = next(filter(is_sealed, found), None)
        for path in set(found) - {newest}:
            shutil.rmtree(path, ignore_errors=True)  # every process does
        if newest is None:
            return None
        state = json.loads((newest / LOOP_FILE).read_text("utf-8"))
        self.loop.restore(state["loop"])
        self.replays, self.counted = state["replays"], state["counts"]
        self._sums = state["sums"]
        return newest

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Tell how far training is; reset and keep a checkpoint where it is time to."""
        step, total = state.global_step, state.max_steps
        model: nn.Module = kwargs["model"]
        optimizer: Optimizer = kwargs["optimizer"]
        self.loop.step(step, total, model, optimizer)
        replay_is_over = step * self.loop.replays % total == 0  # its checkpoint comes after the reset
        if self._job.save_steps and step % self._job.save_steps == 0 and not replay_is_over:
            control.should_save = True
        self._job.progress(step, total, self.tokens())

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """A replay is over: here the reset happens."""
        self.replays.append({name: total / count for name, (total, count) in self._sums.items()})
        self._sums = {}
        self.loop.finish(self.replay, kwargs["model"], kwargs["optimizer"])
        if self.replay < self.loop.replays:
            control.should_save = True
        control.should_training_stop = control.should_training_stop or self.loop.ended

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Complete the checkpoint and seal it, then remove older ones."""
        counts = self.count()
        if not state.is_world_process_zero:
            return
        folder = self._job.checkpoints / f"{CHECKPOINT}{state.global_step}"
        content = {
            "loop": self.loop.state(),
            "replays": self.replays,
            "sums": self._sums,
            "counts": counts,
        }
        (folder / LOOP_FILE).write_text(json.dumps(content), "utf-8")
        seal(folder)
        for other in self._job.checkpoints.glob(f"{CHECKPOINT}*"):
            if other != folder:
                shutil.rmtree(other)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Add up what the trainer logs at each step; its summary at the end of training is left out.

        Raises:
            DivergedError: The gradient of the step was no number.
        """
        logs = kwargs["logs"]
        if "loss" not in logs:
            return
        check_values({name: logs[name] for name in ("grad_norm",) if name in logs})
        for name, value in logs.items():
            if isinstance(value, int | float) and name not in NOT_AVERAGED:
                total, count = self._sums.get(name, (0.0, 0))
                self._sums[name] = (total + value, count + 1)


class ReplayTrainer(SafeState):
    """Mixed into a trainer with LoRR, before its class.

    What it asks of that class, mypy can't see: hence ``trainer: Any = self``.

    Args:
        job: The training run.
        kwargs: Arguments of the trainer.
    """

    lorr: ReplayCallback
    token_masks: ClassVar[tuple[str, ...]]

    def __init__(self, *, job: TrainJob, **kwargs: Any) -> None:
        self._job = job
        self._counts: dict[str, Tensor | int] = dict.fromkeys(COUNTED, 0)
        replay = ReplayCallback(job)
        replay.count = self._all_counts
        replay.tokens = self._tokens_so_far
        super().__init__(lorr=replay, **kwargs)  # type: ignore[call-arg]
        trainer: Any = self
        keep_sums_in_float32(trainer.accelerator)
        trainer.remove_callback(PrinterCallback)  # a line for each step would bury the log of the stage
        # Only a model with an adapter has a ``peft_config``.
        if REFERENCE_ADAPTER in getattr(trainer.model, "peft_config", ()):
            trainer.model.delete_adapter(REFERENCE_ADAPTER)

    def run(self) -> TrainOutcome:
        """Train from the start or from a checkpoint, and save the model.

        Raises:
            ModelError: The model can't be saved.
            DivergedError: Losses, gradients or diagnostics are no numbers.
        """
        trainer: Any = self
        if trainer.is_world_process_zero():
            check_saving(trainer.model, trainer.processing_class, self._job.output)
        if not trainer.is_fsdp_enabled:  # which cuts and places the weights later
            with trainer.accelerator.autocast():  # as the model computes from now on
                self.lorr.begin(trainer.model)
        checkpoint = self.lorr.resume()
        parameters, frozen = count_parameters(trainer.model)  # DeepSpeed will cut them into parts
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        counts = self._all_counts()
        self._write_model()
        return TrainOutcome(
            optimizer_steps=trainer.state.global_step,
            parameters=parameters,
            frozen_parameters=frozen,
            replays=tuple(self.lorr.replays),
            **counts,
        )

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        trainer: Any = self
        self.lorr.begin(trainer.model)  # sharded weights are the start model's until now
        super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _write_model(self) -> None:
        """Write the model; shards are gathered into a model of their own first."""
        trainer: Any = self
        job, model = self._job, trainer.model
        weights = self._whole_weights()
        trainer.accelerator.wait_for_everyone()
        if not trainer.is_world_process_zero():
            return
        if weights is not None:
            model = load_trainable(job.model, job.hyperparameters.lora, job.seed)
            model.load_state_dict(weights, strict=False)  # a tied weight is named once
        save_model(model, trainer.processing_class, job.model, job.output)

    def _whole_weights(self) -> dict[str, Tensor] | None:
        """Weights that no process may have whole; of DeepSpeed those that the optimizer works on."""
        trainer: Any = self
        if trainer.is_fsdp_enabled:
            weights: dict[str, Tensor] = trainer.accelerator.get_state_dict(trainer.model)
            return weights
        if not trainer.is_deepspeed_enabled:
            return None
        from transformers.integrations import unset_hf_deepspeed_config

        unset_hf_deepspeed_config()  # a model that is loaded from now on is not cut into parts
        parameters = trainable_parameters(trainer.model)
        return {name: master_weights(parameter).cpu() for name, parameter in parameters.items()}

    def set_initial_training_values(self, *args: Any, **kwargs: Any) -> tuple[int, ...]:
        """The trainer's own plan, but to end after the replay of the job; its schedule runs through all."""
        _, *plan = super().set_initial_training_values(*args, **kwargs)  # type: ignore[misc]
        done = self._job.loop.replays_done  # a run that is continued may have ended before
        return done if done and self._job.loop.ended else self._job.stop_after, *plan

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """No model card for a checkpoint: nobody but the next run reads it."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loss; counts tokens on the way.

        Raises:
            DivergedError: The loss is no number, which the trainer would keep out of its logs.
        """
        self._counts["train_tokens"] += sum(inputs[name].sum() for name in self.token_masks if name in inputs)
        loss = super().compute_loss(model, inputs, *args, **kwargs)  # type: ignore[misc]
        check_values({"loss": loss.item()})
        return loss

    def _tokens_so_far(self) -> int:
        """Tokens trained on and generated; other processes, not asked, are taken to have as many."""
        trainer: Any = self
        processes = trainer.accelerator.num_processes
        return sum(self.lorr.counted.get(name, 0) + int(self._counts[name]) * processes for name in TOKENS)

    def _all_counts(self) -> dict[str, int]:
        """What was counted by all processes, before and after an interruption."""
        import torch

        trainer: Any = self
        here = torch.stack([torch.as_tensor(self._counts[name]).to(trainer.args.device) for name in COUNTED])
        everywhere = trainer.accelerator.reduce(here, "sum").tolist()
        return {
            name: self.lorr.counted.get(name, 0) + count
            for name, count in zip(COUNTED, everywhere, strict=True)
        }
