"""Where stages run: the port that local processes and a Ray cluster implement.

The driver asks ``takes`` whether a slot is free, gives it a stage with ``begin``, and hears with
``next_event`` what came of it. A slot is one worker process. It serves one pool, one stage at a time, and
keeps its engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lorr_bench.events import StageEvent
from lorr_bench.plan.stage import Role, Stage


@dataclass(frozen=True)
class Order:
    """A stage to run.

    Attributes:
        stage: What to do.
        inputs: The stages whose results it reads, by the part they play.
        store: Location of the store: an absolute path, or an fsspec URL.
        parts: The stages that answered a share of its prompts each.
        log: File on the driver's machine that gets what the stage prints.
    """

    stage: Stage
    inputs: Mapping[Role, Stage]
    store: str
    log: Path
    parts: Sequence[Stage] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "stage": self.stage.to_dict(),
            "inputs": {role: needed.to_dict() for role, needed in self.inputs.items()},
            "store": self.store,
            "log": str(self.log),
            "parts": [part.to_dict() for part in self.parts],
        }


class Executor(Protocol):
    """Runs stages somewhere. A worker that dies is a ``Failed`` that does not last; its slot starts anew."""

    def draws_apart(self) -> bool:
        """Whether each answer that an engine draws has a random state of its own: where engines have GPUs."""

    def takes(self, stage: Stage) -> bool:
        """Whether a slot is free for the stage now."""

    def begin(self, order: Order) -> str:
        """Begin a stage on a free slot.

        Returns:
            The slot in words, such as ``train 1, GPU 1``.
        """

    def end(self, stage: Stage, reason: str) -> None:
        """End a stage that runs, by force; a ``Failed`` that does not last follows, with the reason."""

    def next_event(self, timeout_seconds: float | None) -> StageEvent | None:
        """The next event; None where there was none in the time. None as time waits for ever."""

    def stop(self) -> None:
        """End all workers and everything they started; safe to call twice."""
