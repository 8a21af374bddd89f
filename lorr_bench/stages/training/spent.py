"""What a training used over all processes that worked on it: what an interruption would else take away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lorr_bench.store.disk import write_text

if TYPE_CHECKING:
    from lorr_bench.lorr.loop import ReplayLoop

SPENT_FILE: Final = "spent.json"


@dataclass(frozen=True)
class Spent:
    """Quantities that are measured, not counted.

    Attributes:
        seconds: Of training; measuring the model is not training.
        peak_memory_bytes: The largest of all processes.
    """

    seconds: float = 0.0
    peak_memory_bytes: int = 0

    def and_then(self, seconds: float, peak_memory_bytes: int) -> Spent:
        """With what was spent after it."""
        return Spent(self.seconds + seconds, max(self.peak_memory_bytes, peak_memory_bytes))


class Meter:
    """Keeps in a file what has been spent up to the newest checkpoint.

    What is spent after it is lost with the work when the training is interrupted: the work is done again, and
    only what led to the result is charged. A kill while a checkpoint is being written can count its interval
    twice.

    Args:
        file: Beside the checkpoints.
        loop: Tells how long it measured.
        peak_memory: Largest memory of this process so far, in bytes.
        clock: Seconds; replaced in tests.

    Attributes:
        before: What processes before this one spent.
    """

    def __init__(
        self,
        file: Path,
        loop: ReplayLoop,
        peak_memory: Callable[[], int],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.before = _read(file)
        self._file = file
        self._loop = loop
        self._peak_memory = peak_memory
        self._clock = clock
        self._started = clock()

    def save(self) -> None:
        """Write down what has been spent up to now; a checkpoint follows."""
        seconds = self._clock() - self._started - self._loop.measuring_seconds
        spent = self.before.and_then(seconds, self._peak_memory())
        write_text(self._file, json.dumps(asdict(spent)))


def _read(file: Path) -> Spent:
    """What the file holds; nothing where there was no interruption, or where the file is damaged."""
    try:
        return Spent(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return Spent()
