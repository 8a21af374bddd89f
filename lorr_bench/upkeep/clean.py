"""What lies in a store and in output folders that no run needs, and how it goes."""

from __future__ import annotations

import re
import shutil
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from lorr_bench.errors import HeldError, StoreError
from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.quantities import size_text
from lorr_bench.run.retention import Retention
from lorr_bench.run.suite_run import LOCK_FILE
from lorr_bench.store.disk import storage_error, used_bytes
from lorr_bench.store.lock import Owner, drop_dead, guarded, holder
from lorr_bench.store.store import CLAIMS, DAMAGED, DIGEST_LETTERS, DRAFTS, UNFINISHED, Store

LOGS: Final = "logs"
UNUSED: Final = "results that no suite named here uses"
TO_CONTINUE: Final = "a run continues from it"
WITH_UNUSED: Final = "stays; --unused frees it"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HALF_FILE: Final = re.compile(r"\..+\.\d+")
"""What a process that was killed while it wrote a file leaves beside it."""


@dataclass(frozen=True)
class GivenSuite:
    """A suite whose needs decide what can go.

    Attributes:
        plan: All its stages.
        output: Its output folder.
    """

    plan: Plan
    output: Path

    @property
    def runner(self) -> Owner | None:
        """Who runs it just now."""
        return holder(self.output / LOCK_FILE)


@dataclass(frozen=True)
class Leftover:
    """Something that takes room.

    Attributes:
        title: What kind of thing it is.
        path: File or folder.
        size_bytes: Its size.
        stays: Why it is left alone; empty where it goes.
        stage: The stage whose weights these are; None where the path as a whole goes.
        policy: By which policy the weights go.
    """

    title: str
    path: Path
    size_bytes: int
    stays: str = ""
    stage: Stage | None = None
    policy: str = ""


class Cleaner:
    """Finds leftovers and frees them.

    Args:
        store: Results of stages.
        suites: Whose needs are known; only their weights and logs are looked at.
        unused: Whether results that none of the suites uses go too.
    """

    def __init__(self, store: Store, suites: Sequence[GivenSuite], *, unused: bool = False) -> None:
        self._store = store
        self._suites = suites
        self._unused = unused

    def drop_dead_claims(self) -> None:
        """Remove the locks of dead processes; takes a minute where one is of another machine.

        Raises:
            StoreError: A lock can't be removed.
        """
        drop_dead(self._store.root / CLAIMS)

    def leftovers(self) -> list[Leftover]:
        """All that can go, and what one might think could go, with the reason why it stays.

        Raises:
            StoreError: A damaged result can't be set aside.
        """
        found = [
            *self._damaged(),
            *self._drafts(),
            *self._unfinished(),
            *self._weights(),
            *self._unused_results(),
            *(leftover for suite in self._suites for leftover in self._in_output(suite)),
        ]
        return [leftover for leftover in found if leftover.path.exists()]

    def free(self, leftover: Leftover) -> None:
        """Delete a leftover.

        Raises:
            HeldError: A stage that began meanwhile uses it.
            StoreError: It can't be deleted.
        """
        try:
            if leftover.stage is not None:
                self._store.free(leftover.stage, leftover.policy)
            elif leftover.title == UNUSED:
                self._remove_result(leftover.path)
            elif leftover.path.is_dir():
                shutil.rmtree(leftover.path)
            else:
                leftover.path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, leftover.path) from error

    @cached_property
    def _stages(self) -> dict[str, Stage]:
        return {stage.digest: stage for suite in self._suites for stage in suite.plan.stages}

    @cached_property
    def _finished(self) -> set[str]:
        return {digest for digest, stage in self._stages.items() if self._store.read(stage) is not None}

    def _damaged(self) -> Iterator[Leftover]:
        for path in _within(self._store.root / DAMAGED):
            yield Leftover("damaged results", path, used_bytes(path))

    def _drafts(self) -> Iterator[Leftover]:
        for path in _within(self._store.root / DRAFTS):
            named = _DIGEST.match(path.name)
            stays = _at_work(self._store.user(named.group() if named else ""))
            yield Leftover("half-written results", path, used_bytes(path), stays)

    def _unfinished(self) -> Iterator[Leftover]:
        for path in _within(self._store.root / UNFINISHED):
            digest = path.name.partition(".")[0]
            stays = _at_work(self._store.user(digest)) or self._continued(digest)
            yield Leftover("checkpoints of interrupted stages", path, used_bytes(path), stays)

    def _continued(self, digest: str) -> str:
        """Why a checkpoint is left alone where no process uses it."""
        name = digest[:DIGEST_LETTERS]
        if any((self._store.root / kind / name).exists() for kind in KINDS):
            return ""
        if digest in self._stages:
            return TO_CONTINUE
        if not self._suites:
            return "a run may continue from it; name the suites"
        return "" if self._unused else WITH_UNUSED

    def _weights(self) -> Iterator[Leftover]:
        """Weights that every suite which has their stage can do without."""
        having = Counter(digest for suite in self._suites for digest in {s.digest for s in suite.plan.stages})
        policies: defaultdict[str, list[str]] = defaultdict(list)
        for suite in self._suites:
            for digest in self._given_up(suite):
                policies[digest].append(suite.plan.suite.execution.keep)
        for digest, policy in policies.items():
            if len(policy) == having[digest]:
                yield from self._weights_of(self._stages[digest], policy[0])

    def _weights_of(self, stage: Stage, policy: str) -> Iterator[Leftover]:
        stays = _at_work(self._store.user(stage.digest))
        for path in self._store.weights(stage):
            title = f"weights that `keep: {policy}` does not keep"
            yield Leftover(title, path, used_bytes(path), stays, stage, policy)

    def _given_up(self, suite: GivenSuite) -> set[str]:
        """Digests whose weights a suite does not need; of one that runs, its own run takes care."""
        if suite.runner is not None:
            return set()
        keeper = Retention(suite.plan, self._store, suite.plan.suite.execution.keep)
        whole = {stage.digest for stage in keeper.due(self._finished)}
        torn = {stage.digest for stage in suite.plan.stages if self._half_freed(stage)}
        return whole | torn

    def _half_freed(self, stage: Stage) -> bool:
        """Whether a process was ended while it freed the weights."""
        return bool(self._store.weights(stage)) and not self._store.whole(stage)

    def _unused_results(self) -> Iterator[Leftover]:
        if not self._suites:
            return
        stays = "" if self._unused else WITH_UNUSED
        stays = _at_work(self._stranger()) or stays
        used = {(stage.kind, digest[:DIGEST_LETTERS]) for digest, stage in self._stages.items()}
        for kind, names in self._store.listing().items():
            for name in sorted(names):
                if (kind, name) not in used:
                    path = self._store.root / kind / name
                    yield Leftover(UNUSED, path, used_bytes(path), stays)

    def _stranger(self) -> Owner | None:
        """A process that works in the store for a suite that is not known here."""
        for path in _within(self._store.root / CLAIMS):
            if path.name not in self._stages and (owner := holder(path)) is not None:
                return owner
        return None

    def _in_output(self, suite: GivenSuite) -> Iterator[Leftover]:
        stays = _at_work(suite.runner)
        for path in _within(suite.output):
            if _HALF_FILE.fullmatch(path.name):
                yield Leftover("half-written files", path, used_bytes(path), stays)
        open_stages = {digest[:8] for digest in self._stages.keys() - self._finished}
        for path in sorted((suite.output / LOGS).rglob("*.log")):
            if path.stem.rpartition(".")[2] not in open_stages:
                yield Leftover("logs of stages that are done", path, used_bytes(path), stays)

    def _remove_result(self, folder: Path) -> None:
        """Take a result out of the store in one step, then delete it."""
        claims, drafts = self._store.root / CLAIMS, self._store.root / DRAFTS
        for parent in (claims, drafts):
            parent.mkdir(parents=True, exist_ok=True)
        gone = drafts / f"unused-{uuid.uuid4().hex}"
        with guarded(claims):
            owner = self._store.user(folder.name)
            if owner is not None:
                fix = "Run the same command again when that has ended."
                raise HeldError(f"{owner} began to use it", where=str(folder), fix=fix, owner=str(owner))
            folder.rename(gone)
        shutil.rmtree(gone)


def free_all(cleaner: Cleaner, leftovers: Sequence[Leftover], *, really: bool) -> str:
    """Free what can go; what fails keeps nothing else from going.

    Args:
        cleaner: Of the store.
        leftovers: What it found.
        really: Whether to free it, or only to say so.

    Returns:
        What was done, as one sentence.

    Raises:
        StoreError: Something could not be freed.
    """
    goes = [leftover for leftover in leftovers if not leftover.stays]
    total = size_text(sum(leftover.size_bytes for leftover in goes))
    if not goes:
        return "Nothing to free."
    if not really:
        return f"{total} can be freed: the same command with --yes frees it."
    errors = []
    for leftover in goes:
        try:
            cleaner.free(leftover)
        except StoreError as error:
            errors.append(error)
    if errors:
        what = f"{len(errors)} of {len(goes)} could not be freed: {errors[0].what}"
        raise StoreError(what, where=errors[0].where, fix=errors[0].fix)
    return f"{total} freed."


def _at_work(owner: Owner | None) -> str:
    return f"in use: {owner}" if owner is not None else ""


def _within(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
