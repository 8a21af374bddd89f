"""What a trainer is told beside LoRR and can't be had together with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sized
from typing import TYPE_CHECKING, Any, Final

from torch.utils.data import IterableDataset

from lorr_bench.errors import SuiteError
from lorr_bench_adapters.trl.config import LoRRConfig

if TYPE_CHECKING:
    from transformers import TrainerState, TrainingArguments

BY_METRIC: Final = ("reduce_lr_on_plateau", "greedy")


def check_arguments(args: TrainingArguments, config: LoRRConfig, *, in_trainer: bool) -> None:
    """Refuse arguments of a trainer that contradict LoRR.

    Args:
        args: Of the trainer.
        config: The parts of LoRR.
        in_trainer: Whether the trainer is one of ``with_lorr``.

    Raises:
        SuiteError: One of them does.
    """
    for is_so, name, sentence, fix in _contradictions(args, config, in_trainer):
        if is_so:
            raise SuiteError(sentence, where=f"{type(args).__name__}.{name}", fix=fix)


def _contradictions(
    args: TrainingArguments, config: LoRRConfig, in_trainer: bool
) -> Iterator[tuple[bool, str, str, str]]:
    """Whether it is so, argument, what is wrong, and what to do, of each contradiction."""
    replays, epochs, order = config.replays, args.num_train_epochs, args.train_sampling_strategy
    set_epochs = f"Set num_train_epochs={replays}"
    yield (
        args.max_steps > 0,
        "max_steps",
        f"max_steps cuts the {replays} replays short",
        f"{set_epochs}, and leave max_steps out; streaming data, which need it, have no order to change.",
    )
    yield (
        epochs != replays,
        "num_train_epochs",
        f"an epoch is a replay: {epochs:g} epochs are not {replays} replays",
        f"{set_epochs}, or LoRRConfig(replays=...).",
    )
    yield (
        order not in ("random", _default(args, "train_sampling_strategy")),
        "train_sampling_strategy",
        f"LoRR decides the order of the rows, which {order} would too",
        "Leave train_sampling_strategy out.",
    )
    reset = config.loop_reset
    yield (
        args.load_best_model_at_end and reset is not None and reset.period == "end",
        "load_best_model_at_end",
        "a reset after the last replay would change the best model instead of the last one",
        "Leave load_best_model_at_end out, or take another period.",
    )
    yield (
        getattr(args, "packing", False),
        "packing",
        "packing joins rows before LoRR can order them",
        "Set packing=False.",
    )
    yield (
        args.lr_scheduler_type in BY_METRIC,
        "lr_scheduler_type",
        f"{args.lr_scheduler_type.value} follows an evaluation, which a reset throws back",
        "Take a schedule over all steps, such as linear, cosine or constant.",
    )
    yield (
        args.restore_callback_states_from_checkpoint,
        "restore_callback_states_from_checkpoint",
        "a callback that the trainer makes anew does not know the start weights",
        "Leave restore_callback_states_from_checkpoint out: LoRR continues without it.",
    )
    yield (
        _clears_in_deepspeed(args, config) and not in_trainer,
        "deepspeed",
        "DeepSpeed joins tensors, so that a callback alone can't clear the moments of some",
        "Train with `with_lorr(...)`, or set reset={'optimizer_state': 'keep'}.",
    )
    yield (
        "sft" in (getattr(args, "loss_type", None) or ()) and any(config.sft_weights),
        "loss_type",
        "the trainer's loss has an SFT term already",
        "Leave `sft` out of loss_type, or set LoRRConfig(sft=None).",
    )


def _default(args: TrainingArguments, name: str) -> Any:
    """What an argument is where nobody sets it; TRL's is not always that of transformers."""
    return next(field.default for field in dataclasses.fields(args) if field.name == name)


def _clears_in_deepspeed(args: TrainingArguments, config: LoRRConfig) -> bool:
    reset = config.loop_reset
    return args.deepspeed_plugin is not None and reset is not None and reset.clear_optimizer


def check_data(dataset: Any) -> int:
    """Number of rows.

    Raises:
        SuiteError: The rows are a stream.
    """
    if isinstance(dataset, IterableDataset) or not isinstance(dataset, Sized):
        raise SuiteError(
            "streaming data have no order that LoRR could change from replay to replay",
            where="train_dataset",
            fix="Load the data without streaming=True.",
        )
    return len(dataset)


def check_schedule(scheduler: Any, steps: int, replays: int) -> None:
    """Refuse a schedule of the user's own that was made for fewer replays.

    Args:
        scheduler: Of torch.
        steps: Of all replays.
        replays: L.

    Raises:
        SuiteError: Its learning rate is 0 in all of the last replay.
    """
    rates = getattr(scheduler, "lr_lambdas", None)
    last = range(steps - steps // replays, steps)
    if rates is not None and not any(rate(step) for rate in rates for step in last):
        raise SuiteError(
            f"the scheduler's learning rate is 0 in the last of {replays} replays",
            where="optimizers",
            fix=f"Make it for {steps} steps, or set lr_scheduler_type and leave it out.",
        )


def check_start(state: TrainerState, start: Mapping[str, Any] | None, name: str) -> int:
    """Hold a checkpoint that training continues from against the start of this run.

    Args:
        state: Of the trainer, as the checkpoint has it.
        start: What describes the start; None where it was not seen.
        name: Of the callback, under which checkpoints have its state.

    Returns:
        Resets before the checkpoint.

    Raises:
        SuiteError: The checkpoint was written by a run that began otherwise.
    """
    if state.global_step == 0:
        return 0
    fix = "Make the trainer as for the first run, with the model that it began with, and resume then."
    if start is None:
        raise SuiteError(
            "the callback was added after the start weights were gone", where="callbacks", fix=fix
        )
    written = state.stateful_callbacks.get(name)
    if not isinstance(written, Mapping):
        raise SuiteError("the checkpoint was written without LoRR", where="resume_from_checkpoint", fix=fix)
    before = written["attributes"]
    for part, value in start.items():
        if before[part] != value:
            was = "start weights" if part == "anchor" else f"{part} {before[part]}"
            raise SuiteError(
                f"the run of the checkpoint had other {was}", where="resume_from_checkpoint", fix=fix
            )
    return int(before["resets_done"])
