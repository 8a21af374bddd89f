"""Whether the memory of the devices will do for a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from lorr_bench.forecast.calibration import MEASURED, Figure, Measured
from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.peak_memory import (
    Peak,
    generation_need,
    generation_peak,
    reward_peak,
    scoring_peak,
    training_peak,
)
from lorr_bench.forecast.workload import Generation, Workload
from lorr_bench.quantities import GIB
from lorr_bench.spec.models import Suite

Verdict = Literal["fits", "may not fit", "does not fit", "unknown"]
ModelSizes = Callable[[str, str | None], ModelSize | None]

FORMULA: Final = "formula"
NO_MODEL: Final = "no model on this machine"
NO_FORMULA: Final = "no formula for this trainer"
ASLEEP_BYTES: Final = 4 * GIB
"""Of an engine that sleeps, graphs included. Without graphs it kept 1.4 GiB on an H100 (benchmarks/gpu)."""
GPU_TOLERANCE: Final = 0.2
CPU_TOLERANCE: Final = 0.5
"""Share of a need by which a formula may be too small before its verdict is doubtful. On a CPU the allocator
keeps freed memory: measured peaks were up to 1.5 times the formula. On an H100 it kept up to 1.14 times."""


@dataclass(frozen=True)
class Machine:
    """Memory of the machine that a plan is asked about.

    Attributes:
        gpu_bytes: Of each GPU that may be used; none where the processor computes.
        main_bytes: Main memory that processes may use.
    """

    gpu_bytes: tuple[int, ...]
    main_bytes: int

    @property
    def smallest_gpu(self) -> int | None:
        """Bytes of the GPU with the least memory, or None without GPUs."""
        return min(self.gpu_bytes, default=None)

    @property
    def tolerance(self) -> float:
        """Share by which a formula may be too small here."""
        return GPU_TOLERANCE if self.gpu_bytes else CPU_TOLERANCE


@dataclass(frozen=True)
class Room:
    """What an engine leaves of a GPU to those that compute on it.

    Attributes:
        share: Of the GPU that the engine has while it answers.
        beside: Whether it answers while others compute on the same GPU; otherwise it sleeps, or is not there.
        keeps: Bytes that it keeps while it sleeps, at most.
    """

    share: float
    beside: bool = False
    keeps: int = ASLEEP_BYTES

    @classmethod
    def of(cls, suite: Suite) -> Room:
        """As a suite has it: on this machine they take turns, on a cluster each has the GPUs that it asks."""
        share = suite.engine.gpu_memory_utilization
        if suite.execution.executor == "local":
            return cls(share)
        asked = suite.execution.resources
        parts = (asked.train.gpus, asked.engine.gpus)
        beside = all(part is not None and 0 < part < 1 for part in parts)
        return cls(share, beside, 0)

    def left(self, gpu_bytes: int) -> int:
        """Bytes for a training, a reference or a reward model.

        Args:
            gpu_bytes: Of the GPU.
        """
        taken = int(gpu_bytes * self.share)
        return gpu_bytes - (taken if self.beside else min(taken, self.keeps))


@dataclass(frozen=True)
class Memory:
    """Memory of a stage.

    Attributes:
        figure: Bytes of one process on one device.
        verdict: Whether it fits.
        room: Bytes that the device has for it.
        parts: What the formula adds up; empty where there is none.
    """

    figure: Figure
    verdict: Verdict
    room: int
    parts: Mapping[str, int] = field(default_factory=dict)


class MemoryEstimates:
    """Estimates the memory of stages.

    Args:
        model: The start model; None where it is not on this machine.
        sizes: Gives the size of a reward model by path and revision.
        machine: Where the stages will run.
        beside_engine: What an engine leaves of a GPU.
        measured: Finished stages.
    """

    def __init__(
        self,
        model: ModelSize | None,
        sizes: ModelSizes,
        machine: Machine,
        beside_engine: Room,
        measured: Sequence[Measured],
    ) -> None:
        self._model, self._sizes, self._machine = model, sizes, machine
        self._beside_engine = beside_engine
        self._measured = measured

    def of(self, workload: Workload) -> Memory | None:
        """Memory of a stage; None for work that needs little."""
        if workload.generation is not None:
            return self._generation(workload.generation)
        return self._training(workload) if workload.kind in ("train", "reference", "score") else None

    def _training(self, workload: Workload) -> Memory:
        """Measured stages count before the formula, whose parts are told all the same."""
        gpu = self._machine.smallest_gpu
        room = self._machine.main_bytes if gpu is None else self._beside_engine.left(gpu)
        peak = self._training_peak(workload)
        parts = peak.parts if peak else {}
        if peaks := self._peaks(workload):
            figure = Figure(max(peaks), MEASURED, stages=len(peaks))
            return Memory(figure, verdict(max(peaks), room), room, parts)
        if peak is None:
            unknown = size_at_work(workload, self._model, self._sizes) is None
            why = NO_MODEL if unknown else NO_FORMULA
            return Memory(Figure(None, why), "unknown", room)
        fits = verdict(peak.bytes, room, self._machine.tolerance)
        return Memory(Figure(peak.bytes, FORMULA), fits, room, parts)

    def _training_peak(self, workload: Workload) -> Peak | None:
        on_gpu = bool(self._machine.gpu_bytes)
        model = size_at_work(workload, self._model, self._sizes)
        if model is None:
            return None
        if workload.scoring is not None:
            peak = scoring_peak if workload.scorer is None else reward_peak
            return peak(model, workload.scoring, on_gpu=on_gpu)
        if workload.training is None:
            return None
        return training_peak(model, workload.training, on_gpu=on_gpu)

    def _peaks(self, workload: Workload) -> list[int]:
        """Peaks of equal stages, measured on the same sort of device."""
        return [
            found.peak_memory_bytes
            for found in self._measured
            if found.peak_memory_bytes is not None
            and found.workload == workload
            and found.on_gpu == bool(self._machine.gpu_bytes)
        ]

    def _generation(self, generation: Generation) -> Memory:
        gpu, main = self._machine.smallest_gpu, self._machine.main_bytes
        room = main if gpu is None else gpu
        if self._model is None:
            return Memory(Figure(None, NO_MODEL), "unknown", room)
        peak = generation_peak(self._model, generation, gpu_bytes=gpu)
        found = verdict(peak.bytes, room)
        if gpu is not None:
            share = int(gpu * generation.gpu_share)
            found = _worse(found, verdict(generation_need(self._model, generation, gpu), share))
        return Memory(Figure(peak.bytes, FORMULA), found, room, peak.parts)


def size_at_work(workload: Workload, start: ModelSize | None, sizes: ModelSizes) -> ModelSize | None:
    """Size of the model that a stage works on; None where it is not known.

    Args:
        workload: Of the stage.
        start: Size of the start model.
        sizes: Gives the size of a reward model by path and revision.
    """
    return start if workload.scorer is None else sizes(*workload.scorer)


def verdict(needed: float, room: float, tolerance: float = 0.0) -> Verdict:
    """Whether something fits.

    Args:
        needed: Bytes.
        room: Bytes.
        tolerance: Share of the need by which it may be too small.
    """
    if needed > room:
        return "does not fit"
    return "fits" if needed * (1 + tolerance) <= room else "may not fit"


def _worse(first: Verdict, second: Verdict) -> Verdict:
    order: list[Verdict] = ["fits", "may not fit", "unknown", "does not fit"]
    return max(first, second, key=order.index)
