"""What has to run, and what can run next."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence, Set

from lorr_bench.plan.stage import Pool, Stage


def unfinished(
    stages: Sequence[Stage], wanted: Iterable[str], finished: Set[str], whole: Callable[[Stage], bool]
) -> set[str]:
    """Digests of all that has to run for the wanted stages to be done.

    A stage that was done counts as unfinished where a stage to run reads files of it that were freed.

    Args:
        stages: Of a plan, inputs before those who read them.
        wanted: Digests of the stages to have.
        finished: Digests of the stages that were done.
        whole: Whether all files of a finished stage are there.
    """
    needed = set(wanted) - finished
    by_digest = {stage.digest: stage for stage in stages}
    for stage in reversed(stages):
        if stage.digest in needed:
            needed.update(d for d in stage.needs if d not in finished or not whole(by_digest[d]))
    return needed


class Agenda:
    """The stages to run, each given out when its inputs are there, in the order of the plan.

    Args:
        stages: Of a plan, inputs before those who read them.
        todo: Digests of those to run.
        finished: Digests of those that are done.
        whole: Whether all files of a finished stage are there.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        todo: Set[str],
        finished: Set[str],
        whole: Callable[[Stage], bool],
    ) -> None:
        self._stages = {stage.digest: stage for stage in stages}
        self._place = {stage.digest: place for place, stage in enumerate(stages)}
        self._order = [stage.digest for stage in stages]
        self._whole = whole
        self._finished = set(finished) - todo
        self._missing: dict[str, set[str]] = {}
        self._readers: dict[str, set[str]] = {}
        self._ready: dict[Pool, list[int]] = {}
        for digest in self._order:
            if digest in todo:
                self._wait(digest)

    @property
    def finished(self) -> Set[str]:
        """Digests of the stages that are done."""
        return self._finished

    def take(self, takes: Callable[[Stage], bool]) -> Stage | None:
        """The first stage that can run and that somebody takes; None where there is none."""
        for place, pool in sorted((heap[0], pool) for pool, heap in self._ready.items() if heap):
            stage = self._stages[self._order[place]]
            if takes(stage):
                heapq.heappop(self._ready[pool])
                return stage
        return None

    def done(self, digest: str) -> None:
        """A stage is done: what waits for it alone can run."""
        self._finished.add(digest)
        for reader in self._readers.pop(digest, ()):
            if (missing := self._missing.get(reader)) is not None:  # else it was dropped
                missing.discard(digest)
                if not missing:
                    self._offer(reader)

    def drop(self, digest: str) -> list[Stage]:
        """A stage will not be done in this run.

        Returns:
            The stages that can't run because of it, in the order of the plan, without the stage itself.
        """
        dropped: set[str] = set()
        front = [digest]
        while front:
            for reader in self._readers.pop(front.pop(), ()):
                if self._missing.pop(reader, None) is not None:
                    dropped.add(reader)
                    front.append(reader)
        return [self._stages[reader] for reader in sorted(dropped, key=self._place.__getitem__)]

    def requeue(self, digest: str) -> None:
        """A stage that was given out has to run again."""
        self._wait(digest)

    def redo(self, digest: str) -> None:
        """The result of a finished stage is gone: it runs again, with whatever it needs for that."""
        if digest in self._finished:
            self._finished.discard(digest)
            for needed in self._stages[digest].needs:
                if needed in self._finished and not self._whole(self._stages[needed]):
                    self.redo(needed)
            self._wait(digest)

    def _wait(self, digest: str) -> None:
        missing = {needed for needed in self._stages[digest].needs if needed not in self._finished}
        self._missing[digest] = missing
        for needed in missing:
            self._readers.setdefault(needed, set()).add(digest)
        if not missing:
            self._offer(digest)

    def _offer(self, digest: str) -> None:
        del self._missing[digest]
        heapq.heappush(self._ready.setdefault(self._stages[digest].worker_pool, []), self._place[digest])
