"""Batches, precision and shares of memory with which training fits on the devices that there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lorr_bench.forecast.memory import Machine, Room, verdict
from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.peak_memory import generation_need, scoring_peak, training_peak
from lorr_bench.forecast.workload import (
    ELEMENT_BYTES,
    SEQUENCES_PER_ROW,
    Generation,
    Scoring,
    Training,
    scored_at_once,
)
from lorr_bench.ports.trainer import Lora, TrainerAdapter
from lorr_bench.spec.methods import ResetSpec

SHARES: Final = (0.45, 0.6, 0.75, 0.9)
"""Of a GPU that the engine may take while it answers, the default first."""
MICRO_BATCHES: Final = (8, 4, 2, 1)
SMALLEST_INEXACT: Final = 4
"""Rows of a micro-batch of a method whose loss depends on it: KTO's estimate of the KL term needs some."""
REFERENCE_ROWS: Final = (32, 16, 8, 4, 2, 1)
"""Rows of a forward pass of the reference, the default first."""
STEPS: Final = 16
"""Optimizer steps of a pass, at least, where the rows are enough."""
SMALLEST_BATCH: Final = 4
LARGEST_BATCH: Final = 64
ADAPTER: Final = Lora(rank=16, targets="all-linear", four_bit=False)


@dataclass(frozen=True)
class Fit:
    """How to train.

    Attributes:
        training: What decides its memory.
        rows: Of a micro-batch.
        accumulation: Micro-batches of an optimizer step.
        reference_rows: Of a forward pass of the reference; None for the default.
        share: Of a GPU that the engine takes; None on a CPU.
        peak: Bytes of the training by the formula; None where the model's size is not known.
        fits: Whether they fit with the margin of the forecast; None likewise.
        dtype: Of the weights.
    """

    training: Training
    rows: int
    accumulation: int
    reference_rows: int | None
    share: float | None
    peak: int | None
    fits: bool | None
    dtype: str


@dataclass(frozen=True)
class _Try:
    """One way to train, with the rows of its micro-batch."""

    training: Training
    rows: int
    share: float | None


class Fitting:
    """Looks for the first way to train that fits: the nearest to training all weights in large batches.

    Args:
        model: The start model; None where its size is not known.
        machine: That trains.
        adapter: The method.
        max_length: Tokens of the longest sequence that is trained on.
        context: Tokens of the longest sequence of the engine.
    """

    def __init__(
        self,
        model: ModelSize | None,
        machine: Machine,
        adapter: TrainerAdapter,
        *,
        max_length: int,
        context: int,
    ) -> None:
        self._model, self._machine, self._adapter = model, machine, adapter
        self._max_length, self._context = max_length, context

    def fit(self, pairs: int) -> Fit:
        """The way to train; where none fits, the one that takes least.

        Args:
            pairs: Rows of a pass.
        """
        batch = max(SMALLEST_BATCH, min(LARGEST_BATCH, 1 << max(0, (pairs // STEPS).bit_length() - 1)))
        tries = list(self._tries(batch))
        if self._model is None:
            cautious = [one for one in tries if one.training.lora is None][-1]
            return self._made(cautious, batch, None)
        found = next((one for one in tries if self._fits(one, self._model)), None)
        return self._made(found or tries[-1], batch, self._model, fits=found is not None)

    def _tries(self, batch: int) -> Iterator[_Try]:
        smallest = 1 if self._adapter.exact_accumulation else SMALLEST_INEXACT
        rows = [number for number in MICRO_BATCHES if smallest <= number <= batch]
        shares = SHARES if self._machine.gpu_bytes else (None,)
        for lora, checkpointing, number, share in itertools.product(
            (None, ADAPTER), (False, True), rows, shares
        ):
            yield _Try(self._training(number, lora, checkpointing=checkpointing), number, share)

    def _training(self, rows: int, lora: Lora | None, *, checkpointing: bool) -> Training:
        on_gpu = bool(self._machine.gpu_bytes)
        return Training(
            # bfloat16 weights would round small updates away; an adapter's own weights are float32
            element_bytes=ELEMENT_BYTES["bfloat16" if on_gpu and lora else "float32"],
            sequences=rows * SEQUENCES_PER_ROW[self._adapter.rows],
            max_length=self._max_length,
            mixed=on_gpu and lora is None,
            checkpointing=checkpointing,
            lora=lora,
            processes=1,
            sharding="ddp",
            whole_logits=self._adapter.holds_logits,
            reset=ResetSpec().pattern,
            diagnostics=self._adapter.rows == "pairs",
        )

    def _room(self, share: float | None) -> int:
        gpu = self._machine.smallest_gpu
        return self._machine.main_bytes if gpu is None else Room(share or 0.0).left(gpu)

    def _fits(self, one: _Try, model: ModelSize) -> bool:
        return self._holds(self._peak(one, model), one.share) and self._serves(one, model)

    def _holds(self, needed: int, share: float | None) -> bool:
        return verdict(needed, self._room(share), self._machine.tolerance) == "fits"

    def _peak(self, one: _Try, model: ModelSize) -> int:
        peak = training_peak(model, one.training, on_gpu=one.share is not None)
        assert peak is not None  # its sharding is known
        return peak.bytes

    def _serves(self, one: _Try, model: ModelSize) -> bool:
        """Whether the engine's share holds the weights and one context."""
        gpu = self._machine.smallest_gpu
        if gpu is None or one.share is None:
            return True
        engine = Generation(one.training.element_bytes, self._context, one.share, 1, 1)
        return generation_need(model, engine, gpu) <= gpu * one.share

    def _reference_rows(self, one: _Try, model: ModelSize) -> int | None:
        """Rows with which the reference fits; None where the default does, or there is no reference."""
        if not self._adapter.needs_reference:
            return None
        each, training = SEQUENCES_PER_ROW[self._adapter.rows], one.training
        limit = self._adapter.known_settings(self._adapter.hyperparameters()).precompute_ref_tokens
        for rows in REFERENCE_ROWS:
            tokens = scored_at_once(rows, each * training.max_length, limit)
            scoring = Scoring(training.element_bytes, tokens, training.max_length, training.mixed)
            peak = scoring_peak(model, scoring, on_gpu=one.share is not None)
            if self._holds(peak.bytes, one.share):
                return None if rows == REFERENCE_ROWS[0] else rows
        return REFERENCE_ROWS[-1]

    def _made(self, one: _Try, batch: int, model: ModelSize | None, *, fits: bool | None = None) -> Fit:
        return Fit(
            training=one.training,
            rows=one.rows,
            accumulation=max(1, batch // one.rows),
            reference_rows=self._reference_rows(one, model) if model else None,
            share=one.share,
            peak=self._peak(one, model) if model else None,
            fits=fits,
            dtype="float32" if one.training.element_bytes == ELEMENT_BYTES["float32"] else "bfloat16",
        )


def workers_that_fit(machine: Machine, fit: Fit, cores: int, usual: int) -> int | None:
    """Stages side by side on a CPU whose memory does not hold as many as usual; None where it does.

    Args:
        machine: With its main memory.
        fit: The training.
        cores: Of the processor.
        usual: Stages side by side at most, where memory is no matter.
    """
    if machine.gpu_bytes or fit.peak is None:
        return None
    held = int(machine.main_bytes // (fit.peak * (1 + machine.tolerance)))
    return max(1, held) if held < min(cores, usual) else None
