"""A content-addressed store on a local disk.

``ROOT/<kind>/<digest>/`` holds the files of a stage and its ``record.json``. A folder appears under its final
name only when it is complete. A folder whose files do not match their checksums is moved to ``ROOT/damaged``
and its work is done again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lorr_bench.errors import StoreError
from lorr_bench.plan.stage import Stage
from lorr_bench.store.provenance import provenance
from lorr_bench.store.record import RECORD_FILE, Outcome, Record

DIGEST_LETTERS: Final = 20


class Store:
    """Results of stages under one folder.

    Args:
        root: Created when first written to.
        notice: Told about damaged artefacts.
    """

    def __init__(self, root: Path, notice: Callable[[str], None] = lambda _: None) -> None:
        self.root = root
        self._notice = notice

    def folder(self, stage: Stage) -> Path:
        """Where the files of the stage lie once it is done."""
        return self.root / stage.kind / stage.digest[:DIGEST_LETTERS]

    def read(self, stage: Stage, *, verify: bool = False) -> Record | None:
        """The record of a finished stage, or None. A damaged result is set aside and counts as none.

        Args:
            stage: Whose record.
            verify: Whether to compare every file with its checksum; the names are always compared.
        """
        folder = self.folder(stage)
        if not folder.exists():
            return None
        try:
            return _sound_record(folder, stage.digest, verify=verify)
        except _DamageError as damage:
            self._set_aside(folder, str(damage))
            return None

    @contextmanager
    def writing(self, stage: Stage) -> Iterator[Draft]:
        """A folder to fill; commit it with ``Draft.commit``, else it is removed.

        Raises:
            StoreError: The disk is full or can't be written.
        """
        drafts = self.root / "drafts"
        draft: Draft | None = None
        try:
            drafts.mkdir(parents=True, exist_ok=True)
            draft = Draft(self, stage, Path(tempfile.mkdtemp(prefix=f"{stage.kind}-", dir=drafts)))
            yield draft
        except OSError as error:
            raise storage_error(error, self.root) from error
        finally:
            if draft is not None:
                shutil.rmtree(draft.folder, ignore_errors=True)

    def scratch(self, stage: Stage) -> Path:
        """Where a stage keeps what survives its interruption; it goes when the stage is done."""
        return self.root / "unfinished" / stage.digest

    def _set_aside(self, folder: Path, why: str) -> None:
        damaged = self.root / "damaged" / f"{folder.parent.name}-{folder.name}-{time.time_ns()}"
        damaged.parent.mkdir(parents=True, exist_ok=True)
        folder.replace(damaged)
        self._notice(f"{folder} {why}; moved to {damaged}, the stage runs again")


class _DamageError(Exception):
    """What is wrong with a stored result."""


def _sound_record(folder: Path, digest: str, *, verify: bool) -> Record:
    """The record of a folder whose files are all there.

    Raises:
        _DamageError: They are not.
    """
    try:
        record = Record.from_dict(json.loads((folder / RECORD_FILE).read_text("utf-8")))
    except FileNotFoundError as error:
        raise _DamageError("has no record") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _DamageError(f"has a damaged record ({error})") from error
    if record.digest != digest:
        raise _DamageError("holds the record of other work")
    for name, checksum in record.files.items():
        if not (folder / name).is_file():
            raise _DamageError(f"lacks {name}")
        if verify and file_digest(folder / name) != checksum:
            raise _DamageError(f"holds {name} with another checksum")
    return record


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
        write_text(self.folder / RECORD_FILE, json.dumps(record.to_dict(), indent=1, sort_keys=True))
        self.folder.chmod(0o755)
        final = self._store.folder(self._stage)
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.folder.rename(final)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        return record


def storage_error(error: OSError, root: Path) -> StoreError:
    """What a failed write means to a user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = "Free some space, or name another disk with --store; then run the same command again."
        return StoreError("the disk is full", where=str(error.filename or root), fix=free)
    return StoreError(
        f"can't write: {error.strerror or error}",
        where=str(error.filename or root),
        fix="Check the permissions, or name another folder with --store.",
    )


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a file so that it holds the old text or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
