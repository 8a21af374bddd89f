"""When to reset and how strongly, and when to end, by a signal that is measured at every replay.

This part is ours: the paper (arXiv 2508.06412) resets after every replay by the same factor. With s₀ the
signal of the start model, s_ℓ that at the end of replay ℓ, before its reset, and s the one that s_ℓ is held
against::

    fall = max(0, s - s_ℓ)        s = s₀ (`below_start`) or s_{ℓ-1} (`below_last`)
    α_ℓ = max(α, 1 - (1-α)·fall / scale)

Without a scale α_ℓ is α wherever the signal fell. Where it did not, there is no reset, and no moment of the
optimizer is cleared; the diagnostics say 1. With a patience of p training ends once p replays in a row gave
no value above all before, s₀ included; the model is that of the last replay. Higher is better for every
signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import nn

When = Literal["always", "below_start", "below_last"]


@dataclass(frozen=True)
class Rule:
    """What is decided at the end of a replay.

    Attributes:
        reset: After which replays: all, or those whose signal is below the start's or the one before.
        scale: The fall at which a reset has its full strength; None resets by the full strength always.
        patience: Replays without a new best after which training ends; None never ends it early.
    """

    reset: When
    scale: float | None = None
    patience: int | None = None

    def factor(self, signals: Sequence[float], factor: float) -> float | None:
        """α of the reset that follows.

        Args:
            signals: Of the start and of every replay so far, at least one.
            factor: α of a reset of full strength.

        Returns:
            From ``factor`` to 1; None where the signal did not fall, which is no reset.
        """
        if self.reset == "always":
            return factor
        fall = (signals[0] if self.reset == "below_start" else signals[-2]) - signals[-1]
        if fall <= 0:
            return None
        if self.scale is None:
            return factor
        return max(factor, 1 - (1 - factor) * fall / self.scale)

    def ends(self, signals: Sequence[float]) -> bool:
        """Whether the last replay was the last of all.

        Args:
            signals: Of the start and of every replay so far.
        """
        if self.patience is None:
            return False
        return len(signals) - 1 - signals.index(max(signals)) >= self.patience


class Signal(Protocol):
    """Something that is measured of the model, the same in every process."""

    @property
    def name(self) -> str:
        """What it is."""

    def measure(self, model: nn.Module) -> float:
        """Its value; the first call is of the model that training starts from."""


@dataclass(frozen=True)
class Adaptive:
    """Decides by a signal.

    Attributes:
        rule: What follows from it.
        signal: What is measured.
    """

    rule: Rule
    signal: Signal
