"""The loop of LoRR (arXiv 2508.06412) over one round of data.

::

    for replay in 1..L:
        one pass over the rows, in a new order, with loss = L_pref + λ_replay · L_SFT(chosen)
        if replay < L: reset the selected tensors towards the anchor

Other periods of the reset are options, among them once before the first replay and once after the last.
A plain method is this loop with L = 1, no reset and λ = 0, so both arms of a comparison run the same code.

A trainer calls ``start`` once, asks ``order`` and ``sft_weight`` for each pass, calls ``step`` after each
optimizer step and ``finish`` after each pass, and makes no further pass once it has ``ended``. What it keeps
in a checkpoint holds ``state``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from lorr_bench.lorr.adaptive import Adaptive
from lorr_bench.lorr.divergence import check_values
from lorr_bench.lorr.reset import (
    clear_optimizer_state,
    cut_alike,
    digest_of,
    reset_parameters,
    select_names,
    snapshot,
)
from lorr_bench.lorr.schedule import replay_order

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

SIGNAL: Final = "signal/"
"""Begins the name of the signal among the diagnostics."""
RESET_FACTOR: Final = "reset_factor"


@dataclass(frozen=True)
class Reset:
    """What a reset does, and when.

    Attributes:
        pattern: Regular expression of the parameters to reset.
        factor: α, the share of the trained weights that stays.
        clear_optimizer: Whether the optimizer forgets the moments of the reset parameters.
        period: ``replay``: after each replay but the last; ``round``: after the last replay of each round but
            the last; ``begin``: before the first replay of each round, where the anchor is another model;
            ``end``: after the last replay of the last round; a number: after so many optimizer steps, but not
            after the last one.
    """

    pattern: str
    factor: float
    clear_optimizer: bool
    period: Literal["replay", "round", "begin", "end"] | int = "replay"


class Probe(Protocol):
    """Measures the model at the boundaries of replays."""

    def start(self, model: nn.Module) -> None:
        """Remember what the start model is."""

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Diagnostics by name."""


class ReplayLoop:
    """Replay, reset and hybrid objective for one round of training.

    Args:
        rows: Number of training rows. A trainer that makes its loop before its data may set it later.
        seed: Seeds the order of every pass.
        sft_weights: λ of every replay; its length is L.
        reset: What to do between replays, or None.
        round: Which round of iterative training this is, counted from 1.
        rounds: How many there are.
        anchor: Gives the model to reset towards, for the model that training starts from; None resets towards
            the latter.
        probe: Measures at the start and at the end of each replay, before the reset; but after one that
            begins or ends all replays, so that it measures what is trained, and what is kept.
        adaptive: Decides at the end of each replay whether to reset, how strongly, and whether to go on; None
            resets as ``reset`` says and makes every replay.

    Attributes:
        resets_done: How often it has reset.
        diagnostics: What was measured and decided, one dictionary a replay.
        signals: What decisions are made by: the signal of the start and of each replay.
        measuring_seconds: Time that the probe took, since the loop was made.
        before_checkpoint: Called each time before a checkpoint is written.
    """

    def __init__(
        self,
        *,
        rows: int,
        seed: int,
        sft_weights: tuple[float, ...],
        reset: Reset | None,
        round: int = 1,  # noqa: A002 - the paper's word
        rounds: int = 1,
        anchor: Callable[[nn.Module], nn.Module] | None = None,
        probe: Probe | None = None,
        adaptive: Adaptive | None = None,
    ) -> None:
        self.rows = rows
        self.replays = len(sft_weights)
        self.resets_done = 0
        self.diagnostics: list[dict[str, float]] = []
        self.signals: list[float] = []
        self.measuring_seconds = 0.0
        self.before_checkpoint: Callable[[], None] = lambda: None
        self._seed = seed
        self._sft_weights = sft_weights
        self._reset = reset
        self._round = round
        self._rounds = rounds
        self._anchor_model = anchor
        self._anchor: dict[str, Tensor] = {}
        self._probe = probe
        self._adaptive = adaptive

    @property
    def ended(self) -> bool:
        """Whether no further replay is to be made, though there would be one."""
        return self._adaptive is not None and self._adaptive.rule.ends(self.signals)

    @property
    def replays_done(self) -> int | None:
        """How many replays were made where a signal decides on that; None where all are."""
        return None if self._adaptive is None else len(self.signals) - 1

    @property
    def forgotten(self) -> frozenset[str]:
        """Names of the parameters whose moments the optimizer forgets in a reset; known after ``start``."""
        clears = self._reset is not None and self._reset.clear_optimizer
        return frozenset(self._anchor) if clears else frozenset()

    @property
    def anchor_digest(self) -> str:
        """Identifies the tensors that resets go back to; known after ``start``."""
        return digest_of(self._anchor)

    def order(self, replay: int) -> list[int]:
        """Row numbers of a replay (counted from 1), in the order to train on them."""
        return replay_order(self.rows, self._seed, (self._round - 1) * self.replays + replay)

    def sft_weight(self, replay: int) -> float:
        """λ of a replay (counted from 1)."""
        return self._sft_weights[replay - 1]

    def start(self, model: nn.Module) -> None:
        """Remember the anchor, and go back to it where the period says ``begin``.

        Call it once, with the start weights, before a checkpoint is read; its weights have that behind them.

        Of weights that are sharded by then each process remembers its shard. What is measured is measured as
        ``finish`` will, so the model lies where it is trained and computes in the precision of training.

        Raises:
            SuiteError: The reset selects no tensor of this model.
        """
        if self._resets_at_all:
            assert self._reset is not None
            names = select_names(model, self._reset.pattern)
            source = model if self._anchor_model is None else self._anchor_model(model)
            self._anchor = cut_alike(snapshot(source, names), model)
            if self._reset.period == "begin":
                reset_parameters(model, self._anchor, self._reset.factor)
                self._anchor = {}  # nothing else is reset, and no optimizer has moments yet
                self.resets_done = 1
        if self._probe is not None:
            with self._measuring():
                self._probe.start(model)
        if self._adaptive is not None:
            first = self._adaptive.signal.measure(model)
            self.signals = self.signals or [first]  # sharded weights are first seen after ``restore``

    def step(self, step: int, total: int, model: nn.Module, optimizer: Optimizer) -> None:
        """Reset after an optimizer step (counted from 1 over all replays), where the period says so."""
        if self._reset is None or not isinstance(self._reset.period, int):
            return
        if step % self._reset.period == 0 and step < total:
            self._apply(model, optimizer, self._reset.factor)

    def finish(self, replay: int, model: nn.Module, optimizer: Optimizer) -> None:
        """Measure and reset after a replay, where the period says so.

        Raises:
            DivergedError: The model's weights, or what it computes, are no numbers.
        """
        measured: dict[str, float] = {}
        factor = self._factor_after(replay)
        if factor is not None and self._ends_all:
            self._apply(model, optimizer, factor)
            factor = None
        if self._probe is not None:
            with self._measuring():
                measured = self._probe.measure(model)
            check_values(measured)
        if self._adaptive is not None:
            factor = self._decide(self._adaptive, model, measured, factor)
        if measured:
            self.diagnostics.append(measured)
        if factor is not None:
            self._apply(model, optimizer, factor)

    def state(self) -> dict[str, Any]:
        """What a checkpoint that is about to be written has to hold, as plain JSON values."""
        self.before_checkpoint()
        return {"resets_done": self.resets_done, "diagnostics": self.diagnostics, "signals": self.signals}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self.resets_done = state["resets_done"]
        self.diagnostics = list(state["diagnostics"])
        self.signals = list(state.get("signals", ()))  # checkpoints of earlier versions have none

    @contextmanager
    def _measuring(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.measuring_seconds += time.perf_counter() - started

    def _factor_after(self, replay: int) -> float | None:
        """α of the reset after a replay; None where the period has none there."""
        if self._reset is None:
            return None
        last, last_round = replay == self.replays, self._round == self._rounds
        happens = {
            "replay": not last,
            "round": last and not last_round,
            "begin": False,  # it was at the start
            "end": last and last_round,
        }
        period = self._reset.period
        return self._reset.factor if isinstance(period, str) and happens[period] else None

    @property
    def _ends_all(self) -> bool:
        """Whether the reset comes after all training, so that what is kept is measured after it."""
        return self._reset is not None and self._reset.period == "end"

    def _decide(
        self, adaptive: Adaptive, model: nn.Module, measured: dict[str, float], factor: float | None
    ) -> float | None:
        """α of the reset after a replay, by the signal, which is part of the method: its time is charged."""
        signal = adaptive.signal.measure(model)
        self.signals.append(signal)
        decided = None if factor is None or self.ended else adaptive.rule.factor(self.signals, factor)
        measured[f"{SIGNAL}{adaptive.signal.name}"] = signal
        measured[RESET_FACTOR] = 1.0 if decided is None else decided
        return decided

    def _apply(self, model: nn.Module, optimizer: Optimizer, factor: float) -> None:
        assert self._reset is not None
        parameters = reset_parameters(model, self._anchor, factor)
        if self._reset.clear_optimizer:
            clear_optimizer_state(optimizer, parameters)
        self.resets_done += 1

    @property
    def _resets_at_all(self) -> bool:
        if self._reset is None:
            return False
        happens = {
            "replay": self.replays > 1,
            "round": self._round < self._rounds,
            "begin": self._anchor_model is not None,  # else the anchor is where training begins
            "end": self._round == self._rounds,
        }
        period = self._reset.period
        return happens[period] if isinstance(period, str) else True
