"""Means of what is logged, kept on the device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class RunningMeans:
    """Sums and counts by name; nothing waits for the device before ``means`` is asked."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add one scalar for each name."""
        for name, value in values.items():
            # On a GPU float64 is slow, and the mean of a replay does not need it.
            added = value.detach().double() if value.device.type == "cpu" else value.detach().float()
            self._sums[name] = self._sums[name] + added if name in self._sums else added
            self._counts[name] = self._counts.get(name, 0) + 1

    def sums(self, names: Iterable[str]) -> dict[str, float]:
        """Sums so far in this process, of those names that were added; waits for the device."""
        return {name: self._sums[name].item() for name in names if name in self._sums}

    def means(self) -> dict[str, float]:
        """Mean by name, over the processes too."""
        from accelerate.utils import reduce

        return {name: reduce(total / self._counts[name], "mean").item() for name, total in self._sums.items()}

    def state(self) -> dict[str, tuple[float, int]]:
        """Sum and count by name."""
        return {name: (total.item(), self._counts[name]) for name, total in self._sums.items()}

    def restore(self, state: Mapping[str, tuple[float, int]], device: object) -> None:
        """Go on from what ``state`` gave."""
        import torch

        dtype = torch.float64 if str(device) == "cpu" else torch.float32
        self._sums = {
            name: torch.tensor(total, dtype=dtype, device=str(device)) for name, (total, _) in state.items()
        }
        self._counts = {name: count for name, (_, count) in state.items()}
