"""Horizontal axes: logarithmic where the range asks for it, with as many numbers as fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lorr_bench.report.figures.canvas.text_fit import number_text, text_width
from lorr_bench.report.figures.drawing import TICK_SIZE

LOG_FROM = 6.0  # times the smallest value
POINTS_LIMIT = 100.0
"""Points between two shares, at most."""
EDGE, BETWEEN_NUMBERS = 0.1, 0.09  # a share of the axis; inches
BESIDE, SPREAD = 0.042, 0.16  # shares of the axis: from one to the next, and of all


@dataclass(frozen=True, slots=True)
class Scale:
    """The values of a horizontal axis.

    Attributes:
        low: The smallest value drawn.
        high: The largest.
        log: Whether equal steps are equal factors.
    """

    low: float
    high: float
    log: bool

    @classmethod
    def over(cls, values: Iterable[float], *, log: bool | None = None) -> Scale:
        """The scale of these positive values; logarithmic from a factor of six on, unless told."""
        found = sorted(values) or [1.0]
        low, high = found[0], found[-1]
        return cls(low, high, high >= LOG_FROM * low if log is None else log)

    @property
    def length(self) -> float:
        """From the smallest to the largest value, in steps of the axis; never 0."""
        return (self.forward(self.high) - self.forward(self.low)) or (1.0 if self.log else self.high)

    @property
    def limits(self) -> tuple[float, float]:
        """Where the axis begins and ends."""
        edge = EDGE * self.length
        return self.backward(self.forward(self.low) - edge), self.backward(self.forward(self.high) + edge)

    def forward(self, value: float) -> float:
        """Where a value lies, in steps of the axis."""
        return math.log(value) if self.log else value

    def backward(self, place: float) -> float:
        """The value that lies there."""
        return math.exp(place) if self.log else place

    def side_by_side(self, values: Sequence[float]) -> NDArray[np.float64]:
        """Where to draw values so that equal ones stand beside each other, in their order."""
        places = np.array([self.forward(value) for value in values], dtype=float)
        unique, which, counts = np.unique(places, return_inverse=True, return_counts=True)
        if counts.max(initial=1) == 1:
            return np.array(values, dtype=float)
        closest = min((later - earlier for earlier, later in pairwise(unique)), default=math.inf)
        step = min(self.length * min(BESIDE, SPREAD / counts.max()), 0.5 * closest / counts.max())
        seen = np.zeros(len(unique), dtype=int)
        for number, group in enumerate(which):
            places[number] += step * (seen[group] - (counts[group] - 1) / 2)
            seen[group] += 1
        return np.array([self.backward(place) for place in places])

    def ticks(self, width: float) -> list[float]:
        """Round numbers within the axis that fit on so many inches."""
        low, high = self.limits
        for candidates in self._candidates(low, high):
            ticks = [float(tick) for tick in candidates if low <= tick <= high]
            if len(self.spaced(ticks, width)) == len(ticks):
                return ticks
        return []

    def spaced(self, ticks: Sequence[float], width: float) -> list[float]:
        """Those of the rising ticks whose numbers fit on so many inches, the largest first."""
        low, high = (self.forward(limit) for limit in self.limits)
        kept: list[float] = []
        end = math.inf
        for tick in reversed(ticks):
            centre = (self.forward(tick) - low) / (high - low) * width
            half = text_width(number_text(tick), TICK_SIZE) / 2
            if centre + half + BETWEEN_NUMBERS <= end:
                kept.append(tick)
                end = centre - half
        return kept

    def _candidates(self, low: float, high: float) -> Iterable[Sequence[float] | NDArray[np.float64]]:
        """Ever fewer round numbers."""
        if not self.log:
            yield from (
                MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
                for count in range(6, 0, -1)
            )
            return
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            yield [digit * 10.0**decade for decade in decades for digit in digits]
        for step in range(2, len(decades) + 2):
            yield [10.0**decade for decade in decades if decade % step == 0]


def within_points(share: float) -> float:
    """A share's difference in points, at the end of the scale where an interval reaches beyond it."""
    return max(-POINTS_LIMIT, min(POINTS_LIMIT, 100 * share))


def keep_to_shares(axis: Axes) -> None:
    """Vertical limits within 0 and 100 %: no score lies beyond, and marks at an end are drawn whole."""
    low, high = axis.get_ylim()
    axis.set_ylim(max(0.0, low), min(100.0, high) if high > 0 else 1.0)


def set_scale(axis: Axes, scale: Scale, width: float, ticks: Sequence[float] | None = None) -> None:
    """The horizontal axis of a panel of so many inches: round numbers, or ticks at given values."""
    if scale.log:
        axis.set_xscale("log")
    places = scale.ticks(width) if ticks is None else list(ticks)
    numbered = scale.spaced(places, width)
    axis.set_xticks(places, labels=[number_text(tick) if tick in numbered else "" for tick in places])
    axis.minorticks_off()
    axis.set_xlim(*scale.limits)
