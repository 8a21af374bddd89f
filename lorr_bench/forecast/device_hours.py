"""How long a plan takes on GPUs that are not here: operations and bytes over what they can do in a second.

Training and scoring are bound by arithmetic: a forward pass takes 2 · N + 2 · layers · length · width
operations a token, with N the parameters without the input embedding, and a backward pass twice that (Kaplan
et al. 2020, arXiv 2001.08361, section 2.1). Generation is bound by memory: each step reads the weights, and
the keys and values of all answers on their way. Both reach a share of the peak only, and answers are shorter
than their limits: so every figure is a range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lorr_bench.forecast.calibration import Figure, seconds_of
from lorr_bench.forecast.devices import Device, Devices
from lorr_bench.forecast.estimates import Estimates
from lorr_bench.forecast.memory import ModelSizes, size_at_work
from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.peak_memory import ENGINE_BATCH, GIB, LARGE_GPU_GIB
from lorr_bench.forecast.workload import Generation, Scoring, Training, Workload
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.stage import Kind

FLOPS_SHARE: Final = (0.45, 0.2)
"""Of the peak that training reaches, at best and at worst: Llama 3 was trained at 0.38 to 0.43 (arXiv
2407.21783, table 4); short padded micro-batches stay below. Our choice."""
BYTES_SHARE: Final = (0.7, 0.3)
"""Of the memory bandwidth that generation reaches, at best and at worst. Our choice."""
LENGTH_SHARE: Final = (0.25, 1.0)
"""Of their limit that sequences and answers have, at best and at worst. Our choice: nobody knows before."""
FLOAT32_BYTES: Final = 4


@dataclass(frozen=True)
class Range:
    """A quantity between two bounds."""

    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        """Both, one after the other."""
        return Range(self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> Range:
        """So many times as much."""
        return Range(self.low * factor, self.high * factor)


NOTHING: Final = Range(0.0, 0.0)


@dataclass(frozen=True)
class KindHours:
    """How long the stages of one kind that are left take.

    Attributes:
        kind: The kind.
        left: How many stages there are.
        devices: That one of them occupies, at most.
        device_seconds: Of all of them, each times the devices that it occupies; None where none is known.
        seconds: On the devices asked about, as many stages side by side as fit; None likewise, and where one
            stage needs more devices than there are.
        unknown: How many of the stages are not counted.
        measured: How many of them rest on stages that were measured on such a device.
    """

    kind: Kind
    left: int
    devices: int
    device_seconds: Range | None
    seconds: Range | None
    unknown: int
    measured: int


def hours_by_kind(estimates: Estimates, sizes: ModelSizes, devices: Devices) -> tuple[KindHours, ...]:
    """How long each kind of stage takes, of those that occupy a device.

    Args:
        estimates: Of the plan.
        sizes: Gives the size of a reward model by path and revision.
        devices: Asked about.
    """
    left = {
        kind: {workload: number for workload, number in count.items() if workload.devices}
        for kind, count in estimates.workloads_left.items()
    }
    return tuple(_kind(kind, count, estimates, sizes, devices) for kind, count in left.items() if count)


def _kind(
    kind: Kind, count: Mapping[Workload, int], estimates: Estimates, sizes: ModelSizes, devices: Devices
) -> KindHours:
    found = {workload: _seconds(workload, estimates, sizes, devices.device) for workload in count}
    known = {workload: seconds for workload, (seconds, _) in found.items() if seconds is not None}
    needed = max(workload.devices for workload in count)
    total = sum((span.times(w.devices * count[w]) for w, span in known.items()), NOTHING) if known else None
    at_once = sum(w.devices * number * estimates.parts_of(w) for w, number in count.items())
    busy = min(devices.number, at_once)
    return KindHours(
        kind=kind,
        left=sum(count.values()),
        devices=needed,
        device_seconds=total,
        seconds=total.times(1 / busy) if total and needed <= devices.number else None,
        unknown=sum(number for workload, number in count.items() if workload not in known),
        measured=sum(count[workload] for workload, (_, figure) in found.items() if figure.stages),
    )


def _seconds(
    workload: Workload, estimates: Estimates, sizes: ModelSizes, device: Device
) -> tuple[Range | None, Figure]:
    """Seconds of one stage, with its parts in a row: as measured on such a device, else by the formula."""
    model = size_at_work(workload, estimates.model, sizes)
    like = [
        found
        for found in estimates.measured
        if found.workload.kind == workload.kind and device.is_called(found.gpu)
    ]
    figure = seconds_of(workload, model.parameters if model else None, like)
    if figure.value is not None:
        return Range(figure.value, figure.value), figure
    stage = estimates.first_of(workload)
    if model is None or (isinstance(stage, Train) and stage.adapter.online):
        return None, figure  # what an online method generates while it trains is not in its tokens
    parts = estimates.parts_of(workload)
    span = formula_seconds(workload.share(parts), model, device)
    return span and span.times(parts), figure


def formula_seconds(workload: Workload, model: ModelSize, device: Device) -> Range | None:
    """Seconds of a stage, without what it takes to begin; None where the suite does not tell its tokens.

    Args:
        workload: Of the stage.
        model: The model at work.
        device: Each of those that the stage occupies.
    """
    if workload.training is not None and workload.tokens is not None:
        return _training(workload.tokens / workload.devices, model, workload.training, device)
    if workload.scorer is not None and workload.tokens is not None:
        return _at_shares(workload.tokens * 2 * model.parameters, device.bf16_flops)
    if workload.scoring is not None and workload.tokens is not None:
        return _scoring(workload.tokens / workload.devices, model, workload.scoring, device)
    if workload.generation is None or not workload.tokens or not workload.answers:
        return None
    engine = _Engine(model, workload.generation, device)
    return engine.seconds(workload.tokens, workload.answers)


def _training(tokens: float, model: ModelSize, training: Training, device: Device) -> Range:
    """Forward and backward pass of the tokens of one process.

    A backward pass costs a forward pass each for activations and weights; the weights below an adapter need
    none. With checkpointing the forward pass is made twice.
    """
    passes = (3 if training.lora is None else 2) + training.checkpointing
    flops = passes * forward_flops(model, training.max_length) * tokens
    exact = training.element_bytes == FLOAT32_BYTES and not training.mixed
    return _at_shares(flops, device.float32_flops if exact else device.bf16_flops)


def _scoring(tokens: float, model: ModelSize, scoring: Scoring, device: Device) -> Range:
    exact = scoring.element_bytes == FLOAT32_BYTES and not scoring.mixed
    flops = forward_flops(model, scoring.max_length) * tokens
    return _at_shares(flops, device.float32_flops if exact else device.bf16_flops)


def _at_shares(flops: float, peak: float) -> Range:
    low, high = (
        flops * length / (peak * share) for length, share in zip(LENGTH_SHARE, FLOPS_SHARE, strict=True)
    )
    return Range(low, high)


def forward_flops(model: ModelSize, length: float) -> float:
    """Operations of a forward pass, of each token of a sequence.

    Args:
        model: Any.
        length: Tokens of the sequence.
    """
    head = model.vocabulary * model.hidden
    attention = model.layers * length * model.heads * model.head_size
    return 2.0 * (model.linear_parameters + head) + 2.0 * attention


def answers_at_once(device: Device) -> int:
    """How many answers vLLM has on their way on a GPU; of an A100 it takes the smaller of its defaults."""
    large = device.memory_bytes >= LARGE_GPU_GIB * GIB and not device.name.startswith("A100")
    return ENGINE_BATCH["large" if large else "other"][1]


@dataclass(frozen=True)
class _Engine:
    """A generation engine at work.

    Attributes:
        model: That answers.
        generation: The stage.
        device: Each of its GPUs.
    """

    model: ModelSize
    generation: Generation
    device: Device

    def seconds(self, tokens: int, answers: int) -> Range:
        """How long answers take, the reading of prompts left out.

        Args:
            tokens: Of all answers, at most.
            answers: How many.
        """
        low, high = (
            self._full_speed(answers, tokens / answers * length) / share
            for length, share in zip(LENGTH_SHARE, BYTES_SHARE, strict=True)
        )
        return Range(low, high)

    def _full_speed(self, answers: int, length: float) -> float:
        """Seconds at the full bandwidth, or the full arithmetic where that takes longer.

        Each step gives a token to every answer on its way, in the mean half as long as it will be.
        """
        asked, device, gpus = self.generation, self.device, self.generation.tensor_parallel
        weights = self.model.parameters * asked.element_bytes
        kept = length / 2 * self.model.kv_bytes_per_token(asked.element_bytes)
        room = gpus * device.memory_bytes * asked.gpu_share - weights
        at_once = max(1.0, min(answers_at_once(device), answers, room / kept))
        reading = (weights + at_once * kept) / device.bytes_per_second
        peak = device.float32_flops if asked.element_bytes == FLOAT32_BYTES else device.bf16_flops
        arithmetic = at_once * forward_flops(self.model, length / 2) / peak
        return answers * length / at_once * max(reading, arithmetic) / gpus
