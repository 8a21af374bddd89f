"""Who is told what happens in a run: the display on a terminal, and experiment trackers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage


class Watcher(Protocol):
    """Is told what happens, to show it or to report it."""

    def begin(self, plan: Plan, waiting: Sequence[Stage], others: Sequence[Stage] = ()) -> None:
        """The run begins; ``waiting`` is what has to run, ``others`` what this run leaves undone."""

    def stage_begins(self, stage: Stage, slot: str) -> None:
        """A stage begins on a slot."""

    def stage_advances(self, stage: Stage, done: int, total: int, tokens: int) -> None:
        """A stage got further."""

    def stage_ends(self, stage: Stage, seconds: float, tokens: int) -> None:
        """A stage is done."""

    def stage_retries(self, stage: Stage, reason: str, delay_seconds: float) -> None:
        """A stage failed, and will be tried again."""

    def stage_fails(self, stage: Stage, reason: str) -> None:
        """A stage failed for this run."""

    def stages_dropped(self, stages: Sequence[Stage], reason: str) -> None:
        """Stages can't run, because something they need failed."""

    def note(self, text: str) -> None:
        """Something that the user should know."""

    def finish(self) -> None:
        """The run is over."""


class Watchers:
    """Several watchers as one.

    Args:
        watchers: Told everything, in this order.
    """

    def __init__(self, watchers: Iterable[Watcher]) -> None:
        self._watchers = tuple(watchers)

    def begin(self, plan: Plan, waiting: Sequence[Stage], others: Sequence[Stage] = ()) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.begin(plan, waiting, others)

    def stage_begins(self, stage: Stage, slot: str) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.stage_begins(stage, slot)

    def stage_advances(self, stage: Stage, done: int, total: int, tokens: int) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.stage_advances(stage, done, total, tokens)

    def stage_ends(self, stage: Stage, seconds: float, tokens: int) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.stage_ends(stage, seconds, tokens)

    def stage_retries(self, stage: Stage, reason: str, delay_seconds: float) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.stage_retries(stage, reason, delay_seconds)

    def stage_fails(self, stage: Stage, reason: str) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.stage_fails(stage, reason)

    def stages_dropped(self, stages: Sequence[Stage], reason: str) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.stages_dropped(stages, reason)

    def note(self, text: str) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.note(text)

    def finish(self) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.finish()
