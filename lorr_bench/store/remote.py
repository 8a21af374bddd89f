"""A store in an object store or behind any other fsspec URL, with a copy of what was read on the local disk.

The layout is that of a local store, so one can be copied to the other. An artefact is there once its record
is, which is sent last. What only concerns one machine, such as drafts and checkpoints of interrupted stages,
stays in the local copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.store.disk import file_digest, storage_error
from lorr_bench.store.record import RECORD_FILE, Record, signed
from lorr_bench.store.remote_files import RETRY_DELAYS_SECONDS, RemoteFiles, is_url
from lorr_bench.store.store import DIGEST_LETTERS, DRAFTS, FREED_FILE, Store, Survey

__all__ = ["RemoteStore", "cache_folder", "is_url", "open_store"]

CACHE_VARIABLE: Final = "LORR_BENCH_CACHE"
UNSENT_FILE: Final = "unsent"
"""Lies beside a result that has not been sent whole."""


def open_store(location: str | Path, notice: Callable[[str], None] = lambda _: None) -> Store:
    """The store at a path or an fsspec URL.

    Args:
        location: A path, or a URL such as ``s3://bucket/folder``.
        notice: Told about damaged artefacts.

    Raises:
        StoreError: The URL can't be used.
        MissingPackageError: Its kind of store needs a package that is not installed.
    """
    if not is_url(str(location)):
        return Store(Path(location), notice)
    return RemoteStore(str(location), cache_folder(str(location), os.environ), notice)


def cache_folder(url: str, variables: Mapping[str, str]) -> Path:
    """Where the local copy of a store lies.

    Args:
        url: Of the store.
        variables: The environment; ``LORR_BENCH_CACHE`` names the folder of all copies.
    """
    caches = Path(variables.get(CACHE_VARIABLE) or Path.home() / ".cache" / "lorr-bench")
    return caches / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:DIGEST_LETTERS]


class _DamageError(Exception):
    """What is wrong with a result in the remote store."""


class RemoteStore(Store):
    """Results of stages behind an fsspec URL.

    Reading a record fetches the small files too, for reports; weights come when a read verifies them.

    Args:
        url: Of the folder.
        cache: Folder of the local copy.
        notice: Told about damaged artefacts.
        delays_seconds: Waits before a request that failed is made again.

    Raises:
        StoreError: The URL can't be used.
        MissingPackageError: It needs a package that is not installed.
    """

    def __init__(
        self,
        url: str,
        cache: Path,
        notice: Callable[[str], None] = lambda _: None,
        delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS,
    ) -> None:
        super().__init__(cache, notice)
        self._copy = _Copy(cache, notice)
        self._remote = RemoteFiles(url, delays_seconds)

    @property
    def location(self) -> str:
        """Where the store is, for another process."""
        return self._remote.url

    def read(self, stage: Stage, *, verify: bool | Collection[str] = False) -> Record | None:
        """The record of a finished stage, or None; its files come to the local copy.

        Args:
            stage: Whose record.
            verify: Whether to fetch the weights too and to compare all files, or the names of small files to
                compare. Weights that were freed are no damage.

        Raises:
            StoreError: The store can't be reached.
        """
        text = self._remote.text(_name(stage, RECORD_FILE))
        if text is None:
            return self._send_again(stage)
        try:
            self._fetch(stage, text, weights=verify is True)
            found = self._copy.read(stage, verify=verify)
            if found is None:  # the copy was damaged, and is gone
                self._fetch(stage, text, weights=verify is True)
                found = self._copy.read(stage, verify=verify)
        except _DamageError as damage:
            self._condemn(stage, str(damage))
            return None
        return found

    def whole(self, stage: Stage) -> bool:
        """Whether the record and all files are in the remote store: none was freed."""
        return self.read(stage) is not None and not self._is_freed(stage)

    def survey(self, stages: Sequence[Stage]) -> Survey:
        """What is there of the stages of a plan, by the names of all files, which are listed once.

        No file is opened: what is damaged shows when a stage, or the report, reads it, and is made again.

        Raises:
            StoreError: The store can't be reached.
        """
        names = self._remote.all_names()
        finished = {stage.digest for stage in stages if _name(stage, RECORD_FILE) in names}
        for stage in stages:
            if stage.digest not in finished and self._send_again(stage) is not None:
                finished.add(stage.digest)
        return Survey(finished, lambda stage: _name(stage, FREED_FILE) not in names)

    def listing(self) -> dict[Kind, set[str]]:
        """Names of the finished results by kind of stage, quick to make: no record is read."""
        found: dict[Kind, set[str]] = {kind: set() for kind in KINDS}
        for name in self._remote.all_names():
            kind, *digest, file = name.split("/") if name.count("/") == 2 else ("", "")
            if kind in found and file == RECORD_FILE:
                found[kind].update(digest)
        return found

    def put(self, stage: Stage, folder: Path) -> None:
        """Move a result to the local copy and send it, unless the remote store has one.

        Raises:
            OSError: It can't be moved.
            StoreError: It can't be sent; the next attempt on this machine sends it.
        """
        (folder / UNSENT_FILE).touch()
        self._copy.put(stage, folder)
        theirs = self._remote.text(_name(stage, RECORD_FILE))
        if theirs is None or self._is_freed(stage):
            self._send(stage)
        elif theirs != _local_text(self.folder(stage)):
            shutil.rmtree(self.folder(stage))

    def free(self, stage: Stage, policy: str = "") -> int:
        """Delete the weights of a finished stage, here and remotely, and keep its record.

        Args:
            stage: Whose weights.
            policy: Why, for who looks into the folder.

        Returns:
            Bytes freed remotely.

        Raises:
            HeldError: A stage that runs on this machine reads them, or makes them anew.
            StoreError: They can't be deleted.
        """
        record = self.read(stage)
        self._copy.free(stage, policy)
        names = [name for name in record.files if stage.can_free(name)] if record else []
        if not names or self._is_freed(stage):
            return 0
        sizes = {name: self._remote.size_bytes(_name(stage, name)) for name in names}
        text = signed({"files": sizes, "policy": policy, "time": time.time()})
        self._remote.write(_name(stage, FREED_FILE), text)
        for name in names:
            self._remote.remove(_name(stage, name))
        return sum(sizes.values())

    def _condemn(self, stage: Stage, why: str) -> None:
        """Take a damaged result out of the remote store: its record first, so that nobody finds it."""
        self._remote.remove(_name(stage, RECORD_FILE))
        shutil.rmtree(self.folder(stage), ignore_errors=True)
        self.set_aside.add(stage.digest)
        place = f"{self._remote.url}/{_name(stage, RECORD_FILE)}"
        self._notice(f"{place}: the result {why}; the record was removed, the stage runs again")

    def _fetch(self, stage: Stage, text: str, *, weights: bool) -> None:
        """Bring to the local copy what it lacks: the small files, and the weights if they are wanted.

        Raises:
            _DamageError: The remote files are not what the record says.
            StoreError: They can't be fetched.
        """
        record = _checked(text, stage.digest)
        folder = self.folder(stage)
        if _local_text(folder) != text:
            shutil.rmtree(folder, ignore_errors=True)
            self._fetch_folder(stage, record, text)
        if weights and not self._is_freed(stage):
            self._fetch_files(stage, record, folder, _absent(folder, record.files))
            (folder / FREED_FILE).unlink(missing_ok=True)

    def _fetch_folder(self, stage: Stage, record: Record, text: str) -> None:
        """Make a local folder of the record and the small files; weights count as freed until they come."""
        weights = {name for name in record.files if stage.can_free(name)}
        with self.writing(stage) as draft:
            self._fetch_files(stage, record, draft.folder, sorted(record.files.keys() - weights))
            if weights:
                sizes = dict.fromkeys(sorted(weights), 0)
                freed = signed({"files": sizes, "policy": "not fetched", "time": time.time()})
                (draft.folder / FREED_FILE).write_text(freed, "utf-8")
            (draft.folder / RECORD_FILE).write_text(text, "utf-8")
            self._copy.put(stage, draft.folder)

    def _fetch_files(self, stage: Stage, record: Record, folder: Path, names: Iterable[str]) -> None:
        """Fetch files, each of which appears under its name only when it holds what was written."""
        for name in names:
            target = folder / name
            try:
                self._fetch_file(_name(stage, name), target, record.files[name])
            except FileNotFoundError as error:
                raise _DamageError(f"lacks {name}") from error
            except OSError as error:
                raise storage_error(error, self.root) from error

    def _fetch_file(self, name: str, target: Path, checksum: str) -> None:
        """Fetch a file; one that comes damaged is fetched once more, in case it was the way."""
        target.parent.mkdir(parents=True, exist_ok=True)
        drafts = self.root / DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=drafts, prefix="fetched-") as draft:
            fetched = Path(draft) / "file"
            for _ in range(2):
                self._remote.fetch(name, fetched)
                if file_digest(fetched) == checksum:
                    fetched.replace(target)
                    return
        raise _DamageError(f"holds {target.name} with another checksum")

    def _send_again(self, stage: Stage) -> Record | None:
        """Send a result whose sending was interrupted; None where there is none, or it is damaged."""
        if not (self.folder(stage) / UNSENT_FILE).exists():
            return None
        record = self._copy.read(stage, verify=True)
        if record is not None:
            self._send(stage)
        return record

    def _send(self, stage: Stage) -> None:
        """Send the files of the local copy, the record last."""
        folder = self.folder(stage)
        record = _checked((folder / RECORD_FILE).read_text("utf-8"), stage.digest)
        self._remote.remove(_name(stage, RECORD_FILE))
        for name in record.files:
            self._remote.send(folder / name, _name(stage, name))
        self._remote.remove(_name(stage, FREED_FILE))
        self._remote.send(folder / RECORD_FILE, _name(stage, RECORD_FILE))
        (folder / UNSENT_FILE).unlink(missing_ok=True)

    def _is_freed(self, stage: Stage) -> bool:
        return self._remote.text(_name(stage, FREED_FILE)) is not None


class _Copy(Store):
    """The local copy of a remote store; what is damaged in it is fetched again."""

    def _set_aside(self, folder: Path, stage: Stage, why: str) -> None:
        del stage
        shutil.rmtree(folder, ignore_errors=True)
        self._notice(f"{folder} {why}; it is fetched again")


def _name(stage: Stage, file: str) -> str:
    """Name of a file of a stage in the remote store."""
    return f"{stage.kind}/{stage.digest[:DIGEST_LETTERS]}/{file}"


def _checked(text: str, digest: str) -> Record:
    """The record that a text holds.

    Raises:
        _DamageError: It holds none, or one of other work.
    """
    try:
        record = Record.from_text(text)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _DamageError(f"has a damaged record ({error})") from error
    if record.digest != digest:
        raise _DamageError("holds the record of other work")
    return record


def _absent(folder: Path, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not (folder / name).is_file())


def _local_text(folder: Path) -> str | None:
    try:
        return (folder / RECORD_FILE).read_text("utf-8", errors="replace")
    except OSError:
        return None
