"""Estimates from measured stages: of equal ones their mean, of others a line through what they took.

The line is seconds over work: units of the stage times parameters of the model. A forward and a backward pass
cost so much a token (Kaplan et al. 2020, arXiv 2001.08361); what a stage takes before it begins is the line's
height at no work.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Literal

from lorr_bench.forecast.workload import Workload

Bound = Literal["", "at most", "at least"]

MEASURED: Final = "measured"
SCALED: Final = "scaled"
LIMITS: Final = "token limits"
NONE: Final = "none"
NOTHING_MEASURED: Final = "nothing measured"
TEXT_BYTES_PER_TOKEN: Final = 4
ROW_BYTES: Final = 700
"""Of an answer on the disk beside its text: identities, counts, and the sha256 of its prompt and its key."""


@dataclass(frozen=True)
class Measured:
    """What a finished stage took.

    Attributes:
        workload: Of the stage.
        parameters: Parameters of the model it worked on; None where they are not known.
        seconds: Without the start of an engine.
        tokens: Trained on or generated; None where nobody counted.
        peak_memory_bytes: Of one process; None where nobody measured.
        disk_bytes: Of its files; None where they are not on this machine.
        on_gpu: Whether the memory is that of a GPU.
        gpu: Name of that GPU, as its driver has it.
    """

    workload: Workload
    parameters: int | None
    seconds: float
    tokens: int | None = None
    peak_memory_bytes: int | None = None
    disk_bytes: int | None = None
    on_gpu: bool = False
    gpu: str = ""


@dataclass(frozen=True)
class Figure:
    """An estimate.

    Attributes:
        value: None where it is unknown.
        basis: What it rests on, in words.
        bound: Whether the true value can only be smaller, or only larger.
        stages: Measured stages that it rests on.
        factor: How many times the work of the nearest measured stage it is about; 1 where that is equal.
    """

    value: float | None
    basis: str
    bound: Bound = ""
    stages: int = 0
    factor: float = 1.0

    def __str__(self) -> str:
        """The basis, with how many measured stages there are."""
        if self.basis == MEASURED:
            return f"measured: {self.stages:,} alike"
        if self.basis == SCALED:
            return f"scaled ×{self.factor:.3g} from {self.stages:,}"
        return self.basis


def seconds_of(workload: Workload, parameters: int | None, measured: Sequence[Measured]) -> Figure:
    """Seconds of a stage.

    Args:
        workload: Of the stage.
        parameters: Of the model it will work on; None where they are not known.
        measured: Finished stages of its kind.
    """
    if equal := [found.seconds for found in measured if found.workload == workload]:
        return Figure(fmean(equal), MEASURED, stages=len(equal))
    work = work_of(workload, parameters)
    points = [
        (done, found.seconds) for found in measured if (done := work_of(found.workload, found.parameters))
    ]
    if not work or not points:
        return Figure(None, NOTHING_MEASURED)
    seconds = FittedLine(points).seconds(work)
    return Figure(seconds, SCALED, stages=len(points), factor=_factor(work, points))


def work_of(workload: Workload, parameters: int | None) -> float | None:
    """Units of the workload, times the parameters of the model where the time grows with them."""
    if not workload.model:
        return workload.units
    return None if workload.units is None or parameters is None else workload.units * parameters


class FittedLine:
    """Seconds over work: the line of least squares through measured points, which come one by one.

    Through the origin where it would rise from below it, or fall.
    """

    def __init__(self, points: Iterable[tuple[float, float]] = ()) -> None:
        self._points = 0
        self._work = self._seconds = 0.0
        self._spread = self._together = 0.0
        for work, seconds in points:
            self.add(work, seconds)

    def __bool__(self) -> bool:
        """Whether anything was measured."""
        return self._points > 0

    def add(self, work: float, seconds: float) -> None:
        """A stage took so long.

        Args:
            work: Above 0.
            seconds: How long.
        """
        # Welford's updates of means, spread and covariance: sums of squares would cancel for like work.
        self._points += 1
        beyond = work - self._work
        self._work += beyond / self._points
        self._seconds += (seconds - self._seconds) / self._points
        self._spread += beyond * (work - self._work)
        self._together += beyond * (seconds - self._seconds)

    def seconds(self, work: float, stages: int = 1) -> float:
        """How long some stages take, one after the other.

        Args:
            work: Of all of them.
            stages: How many.
        """
        slope = self._together / self._spread if self._spread else -1.0
        height = self._seconds - slope * self._work
        if slope < 0 or height < 0:
            return self._seconds / self._work * work
        return height * stages + slope * work


def tokens_of(workload: Workload, measured: Sequence[Measured]) -> Figure:
    """Tokens that a stage trains on or generates; without measured ones at most what its limits allow."""
    if workload.tokens == 0:
        return Figure(0, NONE)
    if found := _by_units(workload, [(stage, stage.tokens) for stage in measured]):
        return found
    if workload.tokens is None:
        return Figure(None, "nothing measured, no limit")
    return Figure(workload.tokens, LIMITS, "at most")


def disk_of(workload: Workload, measured: Sequence[Measured]) -> Figure:
    """Bytes of a stage's files, weights apart."""
    if found := _by_units(workload, [(stage, stage.disk_bytes) for stage in measured]):
        return found
    if workload.generation is None or workload.tokens is None or workload.answers is None:
        return Figure(None, NOTHING_MEASURED)
    text = workload.tokens * TEXT_BYTES_PER_TOKEN + workload.answers * ROW_BYTES
    return Figure(text, f"{LIMITS}, {TEXT_BYTES_PER_TOKEN} bytes a token", "at most")


def _by_units(workload: Workload, quantities: Sequence[tuple[Measured, int | None]]) -> Figure | None:
    """A quantity of equal workloads, else one that grows with their units."""
    known = [(found.workload, value) for found, value in quantities if value is not None]
    if equal := [value for done, value in known if done == workload]:
        return Figure(fmean(equal), MEASURED, stages=len(equal))
    points = [(done.units, value) for done, value in known if done.units]
    if not workload.units or not points:
        return None
    rate = sum(value for _, value in points) / sum(units for units, _ in points)
    factor = _factor(workload.units, points)
    return Figure(workload.units * rate, SCALED, stages=len(points), factor=factor)


def total(figures: Mapping[Workload, Figure], count: Mapping[Workload, int]) -> Figure:
    """The sum over all stages, with what it rests on.

    Args:
        figures: Of one stage of each workload.
        count: How many stages have it.
    """
    if not figures:
        return Figure(0, NONE)
    return summed([(figure, count[workload]) for workload, figure in figures.items()], _bases(figures, count))


def summed(figures: Sequence[tuple[Figure, int]], basis: str = "") -> Figure:
    """The sum of figures, each as often as it says.

    An unknown part makes it a lower bound; parts that could be larger and smaller make it unknown.

    Args:
        figures: With how often each counts.
        basis: Of the sum.
    """
    known = [(figure, number) for figure, number in figures if figure.value is not None]
    bounds = {figure.bound for figure, _ in known} - {""}
    if len(known) < len(figures):
        bounds.add("at least")
    if not known or len(bounds) > 1:
        return Figure(None, basis)
    value = sum((figure.value or 0) * number for figure, number in known)
    return Figure(value, basis, bounds.pop() if bounds else "")


def _bases(figures: Mapping[Workload, Figure], count: Mapping[Workload, int]) -> str:
    """What a sum rests on: each basis once, with the number of stages where there are several."""
    by_basis: dict[str, list[Workload]] = {}
    for workload, figure in figures.items():
        by_basis.setdefault(figure.basis, []).append(workload)
    told = {
        str(_together([figures[workload] for workload in same])): sum(count[workload] for workload in same)
        for same in by_basis.values()
    }
    return ", ".join(told if len(told) == 1 else (f"{text} ({number:,})" for text, number in told.items()))


def _together(figures: Sequence[Figure]) -> Figure:
    """Figures of one basis: all measured stages, and the furthest from any."""
    furthest = max(figures, key=lambda figure: abs(math.log(figure.factor)))
    add = sum if furthest.basis == MEASURED else max  # scaled ones rest on the same stages
    return replace(furthest, stages=add(figure.stages for figure in figures))


def _factor(work: float, points: Sequence[tuple[float, float]]) -> float:
    nearest = min((done for done, _ in points), key=lambda done: abs(math.log(done / work)))
    return work / nearest
