"""LoRR as a callback of transformers' Trainer: its epochs are replays.

A reset comes right before the step that follows it. So whatever is evaluated or saved after a replay is what
that replay has trained, and a run that goes on from there resets first. One after the last replay comes when
training is over: the trainer's model has it, its last checkpoint has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from torch.utils.data import Sampler
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench_adapters.trl.config import LoRRConfig
from lorr_bench_adapters.trl.training.checks import check_arguments, check_data, check_schedule, check_start

if TYPE_CHECKING:
    from torch import nn
    from transformers import TrainerControl, TrainerState, TrainingArguments

NO_TERM: Final = "a callback can't add the SFT term to a trainer's loss"
USE_MIXIN: Final = (
    "Train with `with_lorr(DPOTrainer)(lorr=LoRRConfig(...), ...)`, or set LoRRConfig(sft=None)."
)


class ReplaySampler(Sampler[int]):  # type: ignore[misc]
    """Row numbers in the order that the loop gives for the replay under way."""

    def __init__(self, callback: LoopCallback) -> None:
        self.callback = callback

    def __iter__(self) -> Iterator[int]:
        return iter(self.callback.loop.order(self.callback.replay))

    def __len__(self) -> int:
        return self.callback.loop.rows


class LoopCallback(TrainerCallback):  # type: ignore[misc]
    """Knows the loop and the replay under way, and gives the trainer's loader the order of its rows.

    Attributes:
        loop: What decides order, weights and resets.
        replay: The replay under way, counted from 1.
    """

    loop: ReplayLoop
    replay = 1

    @property
    def sft_weight(self) -> float:
        """λ of the replay under way."""
        return self.loop.sft_weight(self.replay)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the rows in the order of the loop, unless the trainer's own sampler does already.

        Raises:
            SuiteError: Another callback orders them.
        """
        loader = kwargs["train_dataloader"]
        sampler = loader.get_sampler()
        if not isinstance(sampler, ReplaySampler):
            loader.set_sampler(ReplaySampler(self))
        elif sampler.callback is not self:
            raise SuiteError(
                "two LoRR callbacks are at work on one trainer",
                where="callbacks",
                fix="Give `lorr=` or one LoRRCallback.",
            )

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """A replay begins, or goes on where its checkpoint was."""
        # The epoch is a quotient of floats, and may be a hair below a whole number.
        self.replay = int(state.epoch + 1e-6) + 1


class LoRRCallback(LoopCallback, ExportableState):  # type: ignore[misc]
    """Replay order, resets and optimizer state of LoRR, for any trainer of transformers or TRL.

    Pass it to the trainer's constructor, whose model is what resets go back to; ``num_train_epochs`` is the
    number of replays. The SFT term needs ``with_lorr``: a callback does not see the loss.

    Args:
        config: The parts of LoRR; the defaults have an SFT term, so that a callback needs ``sft=None``.
        adds_sft_term: Whether the trainer adds the SFT term itself, as those of ``with_lorr`` do.

    Raises:
        SuiteError: There is an SFT term, and nothing that adds it.
    """

    def __init__(self, config: LoRRConfig | None = None, *, adds_sft_term: bool = False) -> None:
        self.config = LoRRConfig() if config is None else config
        if any(self.config.sft_weights) and not adds_sft_term:
            raise SuiteError(NO_TERM, where="LoRRConfig.sft", fix=USE_MIXIN)
        self._in_trainer = adds_sft_term
        self._own_schedule = False
        self._start: dict[str, Any] = {}

    @property
    def resets_done(self) -> int:
        """How often it has reset, before an interruption too."""
        return self.loop.resets_done if self._start else 0  # asked for before there is a loop, too

    def on_init_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the start weights, before the trainer can read a checkpoint.

        Raises:
            SuiteError: The arguments of the trainer and LoRR don't fit, or the reset selects no tensor.
        """
        check_arguments(args, self.config, in_trainer=self._in_trainer)
        self._own_schedule = kwargs["lr_scheduler"] is not None
        self._make_loop(args, kwargs["model"])

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Order the rows; where training goes on from a checkpoint, hold it against the start.

        Raises:
            SuiteError: Data, schedule or checkpoint don't fit, or the callback came after the checkpoint.
        """
        if not self._start:  # added to a trainer that was made before
            check_start(state, None, type(self).__name__)
            check_arguments(args, self.config, in_trainer=self._in_trainer)
            self._make_loop(args, kwargs["model"])
        self.loop.rows = check_data(kwargs["train_dataloader"].dataset)
        if self._own_schedule:
            check_schedule(kwargs["lr_scheduler"], state.max_steps, self.loop.replays)
        self._start["rows"] = self.loop.rows
        self.loop.resets_done = check_start(state, self._start, type(self).__name__)
        super().on_train_begin(args, state, control, **kwargs)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Reset where the last step, or the replay that it ended, says so."""
        done, total = state.global_step, state.max_steps
        if done == 0:
            return
        model, optimizer = kwargs["model"], kwargs["optimizer"]
        self.loop.step(done, total, model, optimizer)
        replay, within = divmod(done * self.loop.replays, total)
        if within == 0:
            self.loop.finish(replay, model, optimizer)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Reset after the last replay, where the period says so; not where training was stopped before."""
        if state.global_step == state.max_steps:
            self.loop.finish(self.loop.replays, kwargs["model"], kwargs["optimizer"])

    def state(self) -> dict[str, Any]:
        """What the trainer's checkpoints hold of it."""
        return {"args": {}, "attributes": {**self._start, "resets_done": self.resets_done}}

    def _make_loop(self, args: TrainingArguments, model: nn.Module) -> None:
        seed = args.seed if args.data_seed is None else args.data_seed
        self.loop = ReplayLoop(
            rows=0,  # known when training begins
            seed=seed,
            sft_weights=self.config.sft_weights,
            reset=self.config.loop_reset,
        )
        self.loop.start(model)
        self._start = {
            "anchor": self.loop.anchor_digest,
            "seed": seed,
            "config": self.config.model_dump(mode="json", exclude_defaults=True),
        }
