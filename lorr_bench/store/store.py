"""A content-addressed store on a local disk.

::

    ROOT/<kind>/<digest>/   files of a stage, and its record.json; freed.json where its weights were freed
    ROOT/claims/<digest>    lock of whoever works on a stage
    ROOT/drafts/            results that are being written
    ROOT/unfinished/        checkpoints of stages that were interrupted
    ROOT/damaged/           what did not hold what was written

A folder appears under its final name only when it is complete. A folder whose files do not match their
checksums is moved to ``ROOT/damaged`` and its work is done again.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lorr_bench.errors import DiskFullError, HeldError
from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.store.disk import (
    disk_full,
    file_digest,
    flush_file,
    is_disk_full,
    storage_error,
    used_bytes,
    write_text,
)
from lorr_bench.store.lock import Lock, Owner, guarded, holder
from lorr_bench.store.provenance import provenance
from lorr_bench.store.record import RECORD_FILE, Outcome, Record, signed

DIGEST_LETTERS: Final = 20
CLAIMS: Final = "claims"
DRAFTS: Final = "drafts"
UNFINISHED: Final = "unfinished"
DAMAGED: Final = "damaged"
FREED_FILE: Final = "freed.json"


@dataclass(frozen=True)
class Survey:
    """What a store holds of some stages, at one moment.

    Attributes:
        finished: Digests of those that are done.
        whole: Whether all files of one that is done are there: none was freed.
    """

    finished: Set[str]
    whole: Callable[[Stage], bool]


class Store:
    """Results of stages under one folder.

    Args:
        root: Created when first written to.
        notice: Told about damaged artefacts.

    Attributes:
        root: The folder.
        set_aside: Digests of the stages whose results this object found damaged.
    """

    def __init__(self, root: Path, notice: Callable[[str], None] = lambda _: None) -> None:
        self.root = root
        self.set_aside: set[str] = set()
        self._notice = notice

    @property
    def location(self) -> str:
        """Where the store is, for another process."""
        return str(self.root.absolute())

    def folder(self, stage: Stage) -> Path:
        """Where the files of the stage lie once it is done."""
        return self.root / stage.kind / stage.digest[:DIGEST_LETTERS]

    def read(self, stage: Stage, *, verify: bool | Collection[str] = False) -> Record | None:
        """The record of a finished stage, or None. A damaged result is set aside and counts as none.

        Args:
            stage: Whose record.
            verify: Whether to compare every file with its checksum, or the names of those to compare; the
                record is always compared with its own, and all names are. Freed files are no damage.

        Raises:
            StoreError: A damaged result can't be set aside.
        """
        folder = self.folder(stage)
        if not folder.exists():
            return None
        try:
            return _sound_record(folder, stage, verify)
        except _DamageError as damage:
            self._set_aside(folder, stage, str(damage))
            return None

    def whole(self, stage: Stage) -> bool:
        """Whether the record and all files are there: none was freed."""
        record = self.read(stage)
        folder = self.folder(stage)
        return record is not None and not ((folder / FREED_FILE).exists() and _absent(folder, record))

    def survey(self, stages: Sequence[Stage]) -> Survey:
        """What is there of the stages of a plan, for a run that begins.

        Raises:
            StoreError: The store can't be used.
        """
        return Survey({stage.digest for stage in stages if self.read(stage) is not None}, self.whole)

    def listing(self) -> dict[Kind, set[str]]:
        """Names of the result folders by kind of stage, quick to make: no folder is opened."""
        return {kind: _names(self.root / kind) for kind in KINDS}

    def claim(self, stage: Stage) -> Lock:
        """A lock on the work of a stage; half-written results of dead processes go when it is taken.

        The lock names the inputs too: nobody frees what a running stage reads.
        """
        return _Claim(self.root, stage)

    def weights(self, stage: Stage) -> list[Path]:
        """Files and folders of a finished stage that can be freed and are still there."""
        folder = self.folder(stage)
        return [path for name in stage.freeable if (path := folder / name).exists()]

    def free(self, stage: Stage, policy: str = "") -> int:
        """Delete the weights of a finished stage and keep its record.

        Args:
            stage: Whose weights.
            policy: Why, for who looks into the folder.

        Returns:
            Bytes freed.

        Raises:
            HeldError: A running stage reads them, or makes them anew.
            StoreError: They can't be deleted.
        """
        record = self.read(stage) if self.weights(stage) else None
        if record is None:
            return 0
        folder = self.folder(stage)
        names = [name for name in record.files if stage.can_free(name)]
        try:
            (self.root / CLAIMS).mkdir(parents=True, exist_ok=True)
            with guarded(self.root / CLAIMS):
                self._refuse_if_in_use(stage)
                _write_freed(folder, names, policy)
            return sum(map(_delete, self.weights(stage)))
        except OSError as error:
            raise storage_error(error, folder) from error

    @contextmanager
    def writing(self, stage: Stage) -> Iterator[Draft]:
        """A folder to fill; commit it with ``Draft.commit``, else it is removed.

        Raises:
            DiskFullError: There is no room, whatever library found it out.
            StoreError: The folder can't be written.
        """
        drafts = self.root / DRAFTS
        draft: Draft | None = None
        try:
            drafts.mkdir(parents=True, exist_ok=True)
            draft = Draft(self, stage, Path(tempfile.mkdtemp(prefix=f"{stage.digest}-", dir=drafts)))
            yield draft
        except OSError as error:
            raise storage_error(error, self.root) from error
        except Exception as error:
            if isinstance(error, DiskFullError) or not is_disk_full(error, self.root):
                raise
            raise disk_full(self.root) from error
        finally:
            if draft is not None:
                shutil.rmtree(draft.folder, ignore_errors=True)

    def scratch(self, stage: Stage) -> Path:
        """Where a stage keeps what survives its interruption; it goes when the stage is done."""
        return self.root / UNFINISHED / stage.digest

    def put(self, stage: Stage, folder: Path) -> None:
        """Move a complete result to its final place in one step, unless a whole one is there.

        Raises:
            OSError: It can't be moved.
        """
        final = self.folder(stage)
        for parent in (final.parent, self.root / CLAIMS):
            parent.mkdir(parents=True, exist_ok=True)
        with guarded(self.root / CLAIMS):
            if self.whole(stage):
                return
            freed = self.root / DRAFTS / f"{stage.digest}-freed-{uuid.uuid4().hex}"
            with suppress(FileNotFoundError):
                final.rename(freed)
            try:
                folder.rename(final)
            except OSError:
                with suppress(OSError):
                    freed.rename(final)
                raise
        flush_file(final.parent)
        shutil.rmtree(freed, ignore_errors=True)

    def user(self, digest: str) -> Owner | None:
        """Who works on a stage, or on one that reads its result; None where nobody does.

        Args:
            digest: Of the stage, or how it begins.
        """
        claims = self.root / CLAIMS
        for name in sorted(_names(claims)):
            owner = holder(claims / name)
            if owner is not None and any(used.startswith(digest) for used in (name, *owner.needs)):
                return owner
        return None

    def _refuse_if_in_use(self, stage: Stage) -> None:
        owner = self.user(stage.digest)
        if owner is not None:
            raise HeldError(
                f"{owner} is using `{stage.label}`",
                where=str(self.folder(stage)),
                fix="Free it when that has ended.",
                owner=str(owner),
            )

    def _set_aside(self, folder: Path, stage: Stage, why: str) -> None:
        damaged = self.root / DAMAGED / f"{folder.parent.name}-{folder.name}-{uuid.uuid4().hex[:8]}"
        try:
            damaged.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(damaged)
        except FileNotFoundError:
            return  # another process was quicker
        except OSError as error:
            raise storage_error(error, folder) from error
        self.set_aside.add(stage.digest)
        self._notice(f"{folder} {why}; moved to {damaged}, the stage runs again")


def done_stages(stages: Sequence[Stage], store: Store) -> set[str]:
    """Digests of the stages whose results lie in the store; looks at names only, for speed."""
    listing = store.listing()
    return {stage.digest for stage in stages if stage.digest[:DIGEST_LETTERS] in listing[stage.kind]}


class _Claim(Lock):
    """The lock on the work of a stage."""

    def __init__(self, root: Path, stage: Stage) -> None:
        super().__init__(root / CLAIMS / stage.digest, needs=sorted(stage.needs))
        self._drafts = root / DRAFTS
        self._digest = stage.digest

    def acquire(self) -> None:
        super().acquire()
        for draft in self._drafts.glob(f"{self._digest}-*"):
            shutil.rmtree(draft, ignore_errors=True)


def _names(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))  # noqa: PTH208 - thousands of names, of which no path is needed
    except FileNotFoundError:
        return set()


class _DamageError(Exception):
    """What is wrong with a stored result."""


def _sound_record(folder: Path, stage: Stage, verify: bool | Collection[str]) -> Record:
    """The record of a folder whose files are all there, but for those that were freed.

    Raises:
        _DamageError: They are not.
    """
    try:
        record = Record.from_text((folder / RECORD_FILE).read_text("utf-8"))
    except FileNotFoundError as error:
        raise _DamageError("has no record") from error
    except (ValueError, KeyError, TypeError, IsADirectoryError) as error:
        raise _DamageError(f"has a damaged record ({error})") from error
    except OSError as error:
        raise storage_error(error, folder) from error
    if record.digest != stage.digest:
        raise _DamageError("holds the record of other work")
    absent = _absent(folder, record)
    if lost := [name for name in absent if not stage.can_free(name)]:
        raise _DamageError(f"lacks {lost[0]}")
    if absent and not (folder / FREED_FILE).exists():
        raise _DamageError(f"lacks {absent[0]}")
    for name in sorted(_to_verify(record, verify) - set(absent)):
        if _checksum(folder, name) != record.files[name]:
            raise _DamageError(f"holds {name} with another checksum")
    return record


def _checksum(folder: Path, name: str) -> str:
    """The checksum of a file.

    Raises:
        _DamageError: The disk can't read it, or it has just gone.
        StoreError: It can't be read for a reason that may pass.
    """
    try:
        return file_digest(folder / name)
    except OSError as error:
        if error.errno in (errno.EIO, errno.ENOENT):
            raise _DamageError(f"holds {name}, which can't be read ({error.strerror})") from error
        raise storage_error(error, folder) from error


def _absent(folder: Path, record: Record) -> list[str]:
    return [name for name in record.files if not (folder / name).is_file()]


def _to_verify(record: Record, verify: bool | Collection[str]) -> set[str]:
    if isinstance(verify, bool):
        return set(record.files) if verify else set()
    return record.files.keys() & set(verify)


def _write_freed(folder: Path, names: Collection[str], policy: str) -> None:
    """Say which files are meant to be gone, before they go, so that a crash between leaves no damage."""
    if not (folder / FREED_FILE).exists():
        sizes = {name: used_bytes(folder / name) for name in names}
        write_text(folder / FREED_FILE, signed({"files": sizes, "policy": policy, "time": time.time()}))


def _delete(path: Path) -> int:
    """Delete a file or folder; returns its bytes."""
    size = used_bytes(path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return size


class Draft:
    """The files of a stage under way.

    Attributes:
        folder: Write here.
    """

    def __init__(self, store: Store, stage: Stage, folder: Path) -> None:
        self.folder = folder
        self._store = store
        self._stage = stage
        self._started = time.time()
        self._clock = time.perf_counter()

    def commit(self, outcome: Outcome) -> Record:
        """Write the record and move the folder to its final place, in one step.

        Another process may have done the same work meanwhile; then its result stays.
        """
        names = sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())
        record = Record(
            digest=self._stage.digest,
            stage=self._stage.to_dict(),
            outcome=outcome,
            files={name: file_digest(self.folder / name) for name in names},
            started=self._started,
            wall_seconds=time.perf_counter() - self._clock,
            provenance=provenance(),
        )
        for name in names:
            flush_file(self.folder / name)
        write_text(self.folder / RECORD_FILE, record.to_text())
        self.folder.chmod(0o755)
        self._store.put(self._stage, self.folder)
        return record
