"""The training loop of the native backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import torch
from accelerate import DistributedType

from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.lorr.divergence import check_values
from lorr_bench.lorr.objective import sft_loss
from lorr_bench.ports.trainer import TrainJob, TrainOutcome
from lorr_bench_adapters.loading import count_parameters, load_trainable, save_model
from lorr_bench_adapters.native.training.accelerator import apply_liger_kernel, new_accelerator
from lorr_bench_adapters.native.training.batches import (
    UPDATES_PER_WINDOW,
    MicroBatch,
    grouped_by_length,
    updates,
)
from lorr_bench_adapters.native.training.checkpoint import (
    full_tensors,
    newest_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from lorr_bench_adapters.native.training.means import RunningMeans
from lorr_bench_adapters.native.training.optimization import make_optimizer, make_schedule
from lorr_bench_adapters.native.training.policy import Policy
from lorr_bench_adapters.native.training.rows import Batch, TrainingRows
from lorr_bench_adapters.saving import check_saving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lorr_bench_adapters.native.base import NativeMethod


UPDATES_PER_LOOK: Final = 16
"""How often to look whether losses are numbers; each look waits for the device."""


class NativeTrainer:
    """One training run.

    Args:
        method: Gives rows and loss.
        job: What to train.
    """

    def __init__(self, method: NativeMethod, job: TrainJob) -> None:
        self._method, self._job, self._loop = method, job, job.loop
        self._settings = job.hyperparameters
        self._accelerator = new_accelerator(self._settings)
        self._tokenizer = load_tokenizer(job.model)
        self._rows: TrainingRows = method.training_rows(job)
        self._model: Any = load_trainable(job.model, self._settings.lora, job.seed)
        if self._accelerator.distributed_type != DistributedType.FSDP:  # which places the shards itself
            self._model.to(self._accelerator.device)
        self._parameters, self._frozen_parameters = count_parameters(self._model)
        self._replay, self._updates_done = 1, 0
        self._step, self._train_tokens, self._tokens_before = 0, 0, 0
        self._means, self._replays = RunningMeans(), list[dict[str, float]]()

    def run(self) -> TrainOutcome:
        """Train from the start or from a checkpoint, and save the model.

        Raises:
            ModelError: The model can't be saved.
            DivergedError: Losses, gradients or diagnostics are no numbers.
        """
        torch.manual_seed(self._job.seed)
        if self._accelerator.is_main_process:
            check_saving(self._model, self._tokenizer, self._job.output)
        self._prepare()
        # Anchor and diagnostics: what each process has of the start model, before a checkpoint is read.
        self._loop.start(self._model)
        self._resume()
        while self._replay <= self._job.stop_after and not self._loop.ended:
            self._pass()
        self._save()
        return TrainOutcome(
            optimizer_steps=self._step,
            train_tokens=self._all_train_tokens(),
            parameters=self._parameters,
            frozen_parameters=self._frozen_parameters,
            replays=tuple(self._replays),
        )

    def _prepare(self) -> None:
        """Wrap the model for its processes; from here on ``_model`` is the one without wrapper."""
        settings, model = self._settings, self._model
        apply_liger_kernel(model, settings)
        if settings.gradient_checkpointing:
            # The reentrant kind needs inputs with gradients, which frozen embeddings below LoRA have not.
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        # Kernels and policy exchange forward functions, which the wrapper then calls.
        self._policy = Policy(
            model, padding_free=settings.padding_free, scores_prompt=self._method.scores_prompt
        )
        model.train()
        wrapped, self._optimizer = self._accelerator.prepare(model, make_optimizer(model, settings))
        self._policy.model, self._model = wrapped, self._accelerator.unwrap_model(wrapped)
        self._total = self._loop.replays * len(self._updates(1))
        self._schedule = make_schedule(self._optimizer.optimizer, settings, self._total)

    def _pass(self) -> None:
        """What is left of the replay under way, the reset after it, and its checkpoint."""
        todo = self._updates(self._replay)[self._updates_done :]
        for update in todo:
            self._update(update)
        self._check_numbers()
        self._loop.finish(self._replay, self._model, self._optimizer)
        self._replays.append(self._means.means())
        self._means, self._updates_done = RunningMeans(), 0
        self._replay += 1
        if self._replay <= self._loop.replays:
            self._checkpoint()

    def _updates(self, replay: int) -> list[list[MicroBatch]]:
        settings, trees = self._settings, self._rows.trees
        processes = self._accelerator.num_processes
        order: Sequence[int] = self._loop.order(replay)
        if settings.length_grouped:
            batch = settings.per_device_train_batch_size * processes
            window = batch * settings.gradient_accumulation_steps * UPDATES_PER_WINDOW
            order = grouped_by_length(order, [tree.size for tree in trees], batch, window)
        return updates(
            order,
            [tree.likelihood_tokens(with_prompt=self._method.scores_prompt) for tree in trees],
            batch_size=settings.per_device_train_batch_size,
            accumulation=settings.gradient_accumulation_steps,
            processes=processes,
            rank=self._accelerator.process_index,
        )

    def _update(self, update: Sequence[MicroBatch]) -> None:
        """One optimizer step."""
        for number, part in enumerate(update, start=1):
            if number < len(update):  # gradients are added up over processes once, at the last part
                with self._accelerator.no_sync(self._policy.model):
                    self._backward(part)
            else:
                self._backward(part)
        if self._settings.max_grad_norm > 0:
            norm = self._accelerator.clip_grad_norm_(
                self._policy.model.parameters(), self._settings.max_grad_norm
            )
            self._means.add({"grad_norm": _local(norm)})
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        self._step += 1
        self._updates_done += 1
        self._loop.step(self._step, self._total, self._model, self._optimizer)
        if self._step % UPDATES_PER_LOOK == 0:
            self._check_numbers()
        if self._job.save_steps and self._step % self._job.save_steps == 0 and self._step < self._total:
            self._checkpoint()
        self._job.progress(self._step, self._total, self._tokens_so_far())

    def _backward(self, part: MicroBatch) -> None:
        loss = self._method.loss(self._policy, self._batch(part), self._settings)
        logged = dict(loss.logged)
        value, sft_weight = loss.value, self._loop.sft_weight(self._replay)
        if sft_weight and self._method.takes_sft_term and len(loss.chosen_mask):
            sft = sft_loss(loss.chosen_log_probs, loss.chosen_mask)
            value, logged["sft_loss"] = value + sft_weight * sft, sft
        self._means.add({"loss": value, **logged})
        self._accelerator.backward(value * part.weight)
        self._train_tokens += sum(self._rows.tokens(row) for row in part.rows[: part.visited])

    def _batch(self, part: MicroBatch) -> Batch:
        device, rows = self._accelerator.device, part.rows
        mismatched = [self._rows.mismatched[row] for row in rows] if self._rows.mismatched else []
        picked = list(rows)
        return Batch(
            layout=self._policy.layout([self._rows.trees[row] for row in rows], device),
            values={
                name: torch.from_numpy(column[picked]).to(device, non_blocking=True)
                for name, column in self._rows.values.items()
            },
            mismatched=self._policy.layout(mismatched, device) if mismatched else None,
            tokens_per_row=part.tokens_per_row,
        )

    def _check_numbers(self) -> None:
        """Refuse to go on where a loss or a gradient since the replay began was no number."""
        check_values(self._means.sums(("loss", "grad_norm")))

    def _checkpoint(self) -> None:
        self._check_numbers()
        state = {
            "step": self._step,
            "replay": self._replay,
            "updates_done": self._updates_done,
            "train_tokens": self._all_train_tokens(),
            "means": self._means.state(),
            "replays": self._replays,
            "loop": self._loop.state(),
            "schedule": {"last_epoch": self._schedule.last_epoch, "rates": self._schedule.get_last_lr()},
        }
        write_checkpoint(
            self._job.checkpoints, self._accelerator, self._model, self._optimizer.optimizer, state
        )

    def _resume(self) -> None:
        """Go on where the newest checkpoint was, if there is one."""
        checkpoint = newest_checkpoint(self._job.checkpoints)
        if checkpoint is None:
            return
        optimizer = self._optimizer.optimizer
        state = read_checkpoint(checkpoint, self._accelerator, self._model, optimizer)
        self._step, self._replay = state["step"], state["replay"]
        self._updates_done, self._replays = state["updates_done"], state["replays"]
        self._tokens_before = state["train_tokens"] if self._accelerator.is_main_process else 0
        self._train_tokens = self._tokens_before
        self._means.restore(state["means"], self._accelerator.device)
        self._loop.restore(state["loop"])
        self._schedule.last_epoch = state["schedule"]["last_epoch"]
        # Two values say where a schedule is; load_state_dict would want all that torch keeps of it.
        self._schedule._last_lr = state["schedule"]["rates"]
        for group, rate in zip(optimizer.param_groups, state["schedule"]["rates"], strict=True):
            group["lr"] = rate

    def _tokens_so_far(self) -> int:
        """Tokens in all processes; the others, not asked, are taken to have as many."""
        processes: int = self._accelerator.num_processes
        return self._tokens_before + (self._train_tokens - self._tokens_before) * processes

    def _all_train_tokens(self) -> int:
        """Tokens that passed through the policy in all processes."""
        here = torch.tensor(self._train_tokens, device=self._accelerator.device)
        return int(self._accelerator.reduce(here, "sum").item())

    def _save(self) -> None:
        """Write the trained model; a sharded one is put together first."""
        is_main = self._accelerator.is_main_process
        tensors = full_tensors(self._model, kept=is_main) if self._is_sharded else None
        if is_main:
            model = self._model if tensors is None else self._whole_model(tensors)
            save_model(model, self._tokenizer, self._job.model, self._job.output)
        self._accelerator.wait_for_everyone()

    @property
    def _is_sharded(self) -> bool:
        from torch.distributed.tensor import DTensor

        return any(isinstance(parameter, DTensor) for parameter in self._model.parameters())

    def _whole_model(self, tensors: dict[str, Tensor]) -> Any:
        model: Any = load_trainable(self._job.model, self._settings.lora, self._job.seed)
        model.load_state_dict(tensors, strict=False)
        return model


def _local(norm: Any) -> Tensor:
    """The norm as a plain tensor, also where gradients are sharded."""
    return cast("Tensor", norm.full_tensor() if hasattr(norm, "full_tensor") else norm)
