"""Where stages run: the port that local processes and a Ray cluster implement.

The driver asks ``takes`` whether a slot is free, gives it a stage with ``begin``, and hears with
``next_event`` what came of it. A slot is one worker process. It serves one pool, one stage at a time, and
keeps its engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lorr_bench.outside import fit_to_show
from lorr_bench.plan.stage import Role, Stage


@dataclass(frozen=True)
class Order:
    """A stage to run.

    Attributes:
        stage: What to do.
        inputs: The stages whose results it reads, by the part they play.
        store: Location of the store: an absolute path, or an fsspec URL.
        log: File on the driver's machine that gets what the stage prints.
    """

    stage: Stage
    inputs: Mapping[Role, Stage]
    store: str
    log: Path

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "stage": self.stage.to_dict(),
            "inputs": {role: needed.to_dict() for role, needed in self.inputs.items()},
            "store": self.store,
            "log": str(self.log),
        }


@dataclass(frozen=True)
class Advanced:
    """A stage got further.

    Attributes:
        digest: Of the stage.
        done: Work done, in units of the stage.
        total: Work in all.
        tokens: Tokens trained on or generated so far; 0 where the stage does not say.
    """

    digest: str
    done: int
    total: int
    tokens: int


@dataclass(frozen=True)
class Ended:
    """A stage is done and stored.

    Attributes:
        digest: Of the stage.
        seconds: How long it took.
        tokens: Tokens trained on or generated; 0 where there are none.
    """

    digest: str
    seconds: float
    tokens: int


@dataclass(frozen=True)
class Failed:
    """A stage failed.

    Attributes:
        digest: Of the stage.
        reason: Why, and what to do, as one text.
        lasting: Whether another attempt would fail the same way: the stage could explain its failure.
        disk_full: Whether there was no room to write.
    """

    digest: str
    reason: str
    lasting: bool
    disk_full: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", fit_to_show(self.reason))


@dataclass(frozen=True)
class Busy:
    """Another run works on the stage just now.

    Attributes:
        digest: Of the stage.
        owner: Who.
    """

    digest: str
    owner: str


@dataclass(frozen=True)
class Spoiled:
    """An input of a stage is gone or damaged; it has been set aside.

    Attributes:
        digest: Of the stage that could not begin.
        input: Digest of the input.
    """

    digest: str
    input: str


@dataclass(frozen=True)
class Noted:
    """Something that the user should know.

    Attributes:
        text: One sentence.
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", fit_to_show(self.text))


Event = Advanced | Ended | Failed | Busy | Spoiled | Noted


class Executor(Protocol):
    """Runs stages somewhere. A worker that dies is a ``Failed`` that does not last; its slot starts anew."""

    def takes(self, stage: Stage) -> bool:
        """Whether a slot is free for the stage now."""

    def begin(self, order: Order) -> str:
        """Begin a stage on a free slot.

        Returns:
            The slot in words, such as ``train 1, GPU 1``.
        """

    def end(self, stage: Stage, reason: str) -> None:
        """End a stage that runs, by force; a ``Failed`` that does not last follows, with the reason."""

    def next_event(self, timeout_seconds: float | None) -> Event | None:
        """The next event; None where there was none in the time. None as time waits for ever."""

    def stop(self) -> None:
        """End all workers and everything they started; safe to call twice."""
