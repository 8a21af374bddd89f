"""A seal on a folder of files: it says that the folder is complete, and what each file holds.

Checkpoints carry one. A folder that was cut off has none; one that was damaged later breaks it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lorr_bench.store.disk import file_digest, flush_file, write_text
from lorr_bench.store.record import signed, verified

SEAL_FILE: Final = "checksums.json"


def seal(folder: Path) -> None:
    """Seal a folder that is complete.

    Raises:
        OSError: The seal can't be written.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL_FILE)
    for path in paths:
        flush_file(path)
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}
    write_text(folder / SEAL_FILE, signed({"files": files}))


def is_sealed(folder: Path) -> bool:
    """Whether a folder has a seal, and all its files are as they were when it was sealed."""
    try:
        files = verified((folder / SEAL_FILE).read_text("utf-8"))["files"]
        return all(file_digest(folder / name) == checksum for name, checksum in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
