"""What a run knows of itself: a journal in the output folder, for ``status`` and for the next run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.plan.stage import Stage
from lorr_bench.store.disk import write_text

STATE_FILE: Final = "state.json"
SAVE_SECONDS: Final = 1.0
SHARE_OF_TIME: Final = 0.02
"""How much of a run may go into writing the file, which grows with the suite."""


@dataclass(frozen=True)
class Failure:
    """A stage that failed.

    Attributes:
        attempts: How often, over all runs.
        reason: Why, the last time.
        log: File that holds what the stage printed.
        diverged: Whether training ran into values that are no numbers.
    """

    attempts: int
    reason: str
    log: str
    diverged: bool = False


class Journal:
    """What became of the stages of a suite, kept in a file.

    Args:
        file: Where; what it holds is read, and a damaged one counts as empty.
        clock: Seconds; replaced in tests.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._next_save = float("-inf")
        content = _content(file)
        self.seconds: dict[str, float] = content["seconds"]
        self.running: dict[str, str] = content["running"]
        self.failures: dict[str, Failure] = content["troubles"]

    def attempts(self, digest: str) -> int:
        """How often the stage has failed."""
        return self.failures[digest].attempts if digest in self.failures else 0

    def begins(self, digest: str, slot: str) -> None:
        """A stage begins."""
        self.running[digest] = slot
        self._save_sometimes()

    def ends(self, digest: str, seconds: float) -> None:
        """A stage is done."""
        self.running.pop(digest, None)
        self.failures.pop(digest, None)
        self.seconds[digest] = round(seconds, 3)
        self._save_sometimes()

    def fails(self, digest: str, reason: str, log: Path, *, diverged: bool = False) -> int:
        """A stage failed; at once in the file.

        Args:
            digest: Of the stage.
            reason: Why.
            log: File that holds what it printed.
            diverged: Whether training ran into values that are no numbers.

        Returns:
            How often it has failed.
        """
        self.running.pop(digest, None)
        self.failures[digest] = Failure(self.attempts(digest) + 1, reason, str(log), diverged)
        self.save()
        return self.failures[digest].attempts

    def waits(self, digest: str) -> None:
        """A stage that had begun has to wait; this is no failure."""
        self.running.pop(digest, None)

    def forget_failures(self) -> None:
        """Forget how often stages have failed."""
        self.failures.clear()

    def run_ends(self) -> None:
        """The run is over: nothing runs any more."""
        self.running.clear()
        self.save()

    def save(self) -> None:
        """Write the file.

        Raises:
            OSError: It can't be written.
        """
        failures = {digest: asdict(failure) for digest, failure in self.failures.items()}
        content = {"seconds": self.seconds, "running": self.running, "troubles": failures}
        began = self._clock()
        write_text(self._file, json.dumps(content))
        ended = self._clock()
        self._next_save = began + max(SAVE_SECONDS, (ended - began) / SHARE_OF_TIME)

    def _save_sometimes(self) -> None:
        if self._clock() >= self._next_save:
            self.save()


def known_failures(stages: Sequence[Stage], journal: Journal) -> dict[str, str]:
    """Why stages have no result, by digest, as far as earlier runs know; those behind a failed one are in it.

    Args:
        stages: Of a plan, inputs before those who read them.
        journal: Of the suite.
    """
    labels = {stage.digest: stage.label for stage in stages}
    reasons: dict[str, str] = {}
    for stage in stages:
        if stage.digest in journal.failures:
            reasons[stage.digest] = journal.failures[stage.digest].reason
        elif failed := [digest for digest in stage.inputs.values() if digest in reasons]:
            reasons[stage.digest] = f"`{labels[failed[0]]}` failed"
    return reasons


def _failure(values: Mapping[str, Any]) -> Failure:
    diverged = bool(values.get("diverged", False))  # earlier versions did not say
    return Failure(int(values["attempts"]), str(values["reason"]), str(values["log"]), diverged)


def _content(file: Path) -> dict[str, Any]:
    """What the file holds. It can be lost without harm: results are known from the store."""
    try:
        content: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
        return {
            "seconds": {str(digest): float(seconds) for digest, seconds in content["seconds"].items()},
            "running": {str(digest): str(slot) for digest, slot in content["running"].items()},
            "troubles": {str(digest): _failure(values) for digest, values in content["troubles"].items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return {"seconds": {}, "running": {}, "troubles": {}}
