"""Whether training and engine have room on a GPU, and the smallest change that makes them fit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from lorr_bench.forecast.estimates import Estimates
from lorr_bench.forecast.forecast import Forecast
from lorr_bench.forecast.memory import Room
from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.peak_memory import generation_need, training_peak
from lorr_bench.forecast.workload import Training
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.plan import Plan
from lorr_bench.quantities import size_text

SMALLEST_SHARE: Final = 0.05
LARGEST_SHARE: Final = 0.9
"""What is left holds what else uses the GPU, and what torch takes beside vLLM's count."""
SHARE_STEPS: Final = 20
"""Steps of a GPU's share that is advised: twentieths."""
DIVISORS: Final = (1, 2, 4, 8, 16)
PROCESSES: Final = (2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of a suite, with which training fits.

    Attributes:
        share: New ``engine.gpu_memory_utilization``; None where it stays.
        divisor: By what ``per_device_train_batch_size`` is divided; 1 where it stays.
        checkpointing: Whether ``gradient_checkpointing`` is switched on.
        processes: New ``training.num_processes``, sharded by FSDP; None where it stays.
        processes_before: What that is now.
    """

    share: float | None = None
    divisor: int = 1
    checkpointing: bool = False
    processes: int | None = None
    processes_before: int = 1

    @property
    def settings(self) -> int:
        """How many settings change."""
        return sum((self.share is not None, self.divisor > 1, self.checkpointing, self.processes is not None))

    def applied_to(self, training: Training) -> Training:
        """A training with the change."""
        return replace(
            training,
            sequences=training.sequences // self.divisor,
            checkpointing=training.checkpointing or self.checkpointing,
            processes=self.processes or training.processes,
            sharding="fsdp" if self.processes else training.sharding,
        )

    def __str__(self) -> str:
        """What to write into the suite."""
        parts = []
        if self.share is not None:
            parts.append(f"engine.gpu_memory_utilization: {self.share:.2f}")
        if self.processes is not None:
            parts.append(f"training: {{num_processes: {self.processes}, sharding: fsdp}}")
        if self.divisor > 1:
            parts.append(f"per_device_train_batch_size divided by {self.divisor} in every method")
        if self.checkpointing:
            parts.append("gradient_checkpointing: true in every method")
        accumulation = Fraction(self.divisor * self.processes_before, self.processes or self.processes_before)
        if accumulation != 1:
            verb, factor = ("times", accumulation) if accumulation > 1 else ("divided by", 1 / accumulation)
            parts.append(f"gradient_accumulation_steps {verb} {factor}, for the same batches")
        return "; ".join(parts)


def room_line(plan: Plan, forecast: Forecast) -> str:
    """Whether the training of every arm fits, and its engine, in one line; empty where nothing is known.

    Args:
        plan: The plan.
        forecast: Of the plan.
    """
    gpu, groups = forecast.machine.smallest_gpu, forecast.estimates.by_arm()
    if gpu is None or not groups or groups[0].memory.figure.value is None:
        return ""
    on = f"one {forecast.devices.device.name}" if forecast.devices else "a GPU"
    short = [group for group in groups if group.memory.verdict != "fits"]
    number, room = sum(len(group.arms) for group in short), size_text(groups[0].memory.room)
    largest = f"the largest needs {size_text(groups[0].memory.figure.value)} of {room}"
    engine, share = engine_bytes(forecast.estimates, gpu), int(gpu * plan.suite.engine.gpu_memory_utilization)
    beside = " beside its engine" if Room.of(plan.suite).beside else ""
    fit = f"every arm trains on {on}{beside}; {largest}."
    if short:
        verb = "does" if number == 1 else "do"
        margin = f"{forecast.machine.tolerance:.0%} of margin counted"
        who = f"{number} of {len(plan.arms)} arms"
        fit = f"{who} {verb} not fit on {on}{beside}: {largest}, {margin}."
    if engine > share:
        fit += f" The engine itself needs {size_text(engine)}, its share is {size_text(share)}."
    advice = f" {_advice(plan, forecast, gpu)}" if short or engine > share else ""
    return f"Memory: {fit}{advice}{_too_few(plan, forecast)}"


def _too_few(plan: Plan, forecast: Forecast) -> str:
    """A word where one training takes more GPUs than there are."""
    here, needed = len(forecast.machine.gpu_bytes), plan.suite.training.num_processes
    return f" A training takes {needed} GPUs (training.num_processes), here: {here}." if needed > here else ""


def _advice(plan: Plan, forecast: Forecast, gpu: int) -> str:
    shardings = [set(arm.adapter.shardings) for arm in plan.arms]
    search = _Search(
        forecast.estimates,
        gpu,
        Room.of(plan.suite),
        forecast.machine.tolerance,
        shares_model=all("fsdp" in shared for shared in shardings),
    )
    here = len(forecast.machine.gpu_bytes)
    for gpus in sorted({here, *(number for number in PROCESSES if number > here)}):
        if (change := search.smallest(max_processes=gpus)) is not None:
            first = "Smallest change that fits" if gpus == here else f"On {gpus} of them this fits"
            return f"{first}: {change}.{_changed_methods(plan, change)}"
    return (
        "No share, batch, checkpointing or number of GPUs makes it fit: train an adapter (lora), or take "
        "larger GPUs."
    )


def _changed_methods(plan: Plan, change: Change) -> str:
    """A word on methods whose loss depends on the micro-batch."""
    names = sorted({arm.method for arm in plan.arms if not arm.adapter.exact_accumulation})
    if change.divisor == 1 or not names:
        return ""
    return f" Of {', '.join(names)} a smaller micro-batch is a change of the method: make it in every arm."


@dataclass(frozen=True)
class _Search:
    """Looks for the change of the fewest settings.

    Attributes:
        estimates: Of the plan.
        gpu: Bytes of a GPU.
        room: What the engine takes and leaves now.
        tolerance: Share by which the formula may be too small.
        shares_model: Whether every method can be sharded by FSDP.
    """

    estimates: Estimates
    gpu: int
    room: Room
    tolerance: float
    shares_model: bool

    def smallest(self, max_processes: int) -> Change | None:
        """The change; None where none is enough.

        Args:
            max_processes: That there are GPUs for.
        """
        workloads = self.estimates.all_workloads.get("train", ())
        trainings = {found.training for found in workloads if found.training}
        if self.estimates.model is None or not trainings:
            return None
        found = (
            self._with_share(change, self.estimates.model, trainings)
            for change in self._candidates(trainings, max_processes)
        )
        return min((change for change in found if change), key=lambda change: change.settings, default=None)

    def _candidates(self, trainings: Collection[Training], max_processes: int) -> Iterator[Change]:
        """Changes of training alone, those that change less of it first."""
        now = max(training.processes for training in trainings)
        lora = any(training.lora for training in trainings)
        more = [number for number in PROCESSES if now < number <= max_processes]
        processes = [None, *(more if self.shares_model and not lora else [])]
        switch = [False] if all(training.checkpointing for training in trainings) else [False, True]
        for number, checkpointing, divisor in itertools.product(processes, switch, self._divisors()):
            yield Change(divisor=divisor, checkpointing=checkpointing, processes=number, processes_before=now)

    def _divisors(self) -> list[int]:
        """Numbers by which the micro-batch of every method can be divided."""
        stages = map(self.estimates.first_of, self.estimates.all_workloads["train"])
        rows = [
            stage.known_settings.per_device_train_batch_size or 1
            for stage in stages
            if isinstance(stage, Train)
        ]
        return [divisor for divisor in DIVISORS if math.gcd(*rows) % divisor == 0]

    def _with_share(self, change: Change, model: ModelSize, trainings: Collection[Training]) -> Change | None:
        """The change with the share of the engine that it needs; None where there is none."""
        peaks = [training_peak(model, change.applied_to(training), on_gpu=True) for training in trainings]
        if any(peak is None for peak in peaks):
            return None
        needed = max(peak.bytes for peak in peaks if peak) * (1 + self.tolerance)
        low, high = engine_bytes(self.estimates, self.gpu) / self.gpu, LARGEST_SHARE
        if self.room.beside:
            high = 1 - needed / self.gpu
        elif needed > self.room.left(self.gpu):
            return None  # whatever the engine takes while it answers
        if low <= self.room.share <= high:
            return change
        nearest = math.floor(high * SHARE_STEPS) if self.room.share > high else math.ceil(low * SHARE_STEPS)
        share = nearest / SHARE_STEPS
        return replace(change, share=share) if max(low, SMALLEST_SHARE) <= share <= high else None


def engine_bytes(estimates: Estimates, gpu_bytes: int) -> int:
    """The least that an engine needs of a GPU.

    Args:
        estimates: Of the plan.
        gpu_bytes: Memory of the GPU.
    """
    model = estimates.model
    engines = {
        workload.generation
        for count in estimates.all_workloads.values()
        for workload in count
        if workload.generation
    }
    return max((generation_need(model, engine, gpu_bytes) for engine in engines), default=0) if model else 0
