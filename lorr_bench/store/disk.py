"""Files on a disk: written whole, told apart by checksum, and what a failed write means."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from lorr_bench.errors import DiskFullError, StoreError

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS: Final = ("No space left on device", "Disk quota exceeded", "os error 28", "os error 122")
"""How libraries that are written in other languages say it, with errors that are no ``OSError``."""
TORCH_WORDS: Final = ("inline_container.cc", "PytorchStreamWriter")
"""torch says only that a write failed."""
NEARLY_FULL_BYTES: Final = 64 << 20


def is_disk_full(error: BaseException | None, root: Path) -> bool:
    """Whether an error, or what it came from, is that there was no room to write.

    Args:
        error: Of any library.
        root: Where was written; what was half-written is still there.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        words = str(error)
        if any(word in words for word in FULL_WORDS):
            return True
        if any(word in words for word in TORCH_WORDS) and _free_bytes(root) < NEARLY_FULL_BYTES:
            return True
        error = error.__cause__ or error.__context__
    return False


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def disk_full(place: Path | str) -> DiskFullError:
    """What a full disk means to a user.

    Args:
        place: What could not be written.
    """
    free = "Free some space, or name another disk with --store; then run the same command again."
    return DiskFullError("the disk is full", where=str(place), fix=free)


def storage_error(error: OSError, root: Path) -> StoreError:
    """What a failed write means to a user."""
    place = str(error.filename or root)
    if error.errno in FULL:
        return disk_full(place)
    return StoreError(
        f"can't write: {error.strerror or error}",
        where=place,
        fix="Check the permissions, or name another folder with --store.",
    )


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file so that it holds the old text or the new one, never half of it.

    Args:
        path: The file.
        text: What it will hold.
        durable: Whether to wait until it would outlive a loss of power.

    Raises:
        OSError: It can't be written; then the old text stays, and nothing lies beside it.
    """
    write_bytes(path, text.encode("utf-8"), durable=durable)


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """``write_text`` of bytes."""
    with replacing(path, durable=durable) as file:
        file.write(content)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of the old one when all is written.

    Args:
        path: The file.
        durable: Whether to wait until it would outlive a loss of power.

    Raises:
        OSError: It can't be written; then the old one stays, and nothing lies beside it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")  # a hidden file of this form is known to `clean`
    try:
        with draft.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def flush_file(path: Path) -> None:
    """Wait until a file, or the names in a folder, would outlive a loss of power."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def used_bytes(path: Path) -> int:
    """Size of a file, or of all files under a folder; 0 of what is gone meanwhile."""
    if path.is_dir() and not path.is_symlink():
        return sum(used_bytes(Path(entry.path)) for entry in _entries(path))
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
