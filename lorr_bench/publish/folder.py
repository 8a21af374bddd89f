"""A folder that appears whole, and takes the place of an older one only where that was asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lorr_bench.errors import DataError
from lorr_bench.store.disk import storage_error

FIGURES: Final = "figures"


def refuse_existing(folder: Path, *, replace: bool) -> None:
    """Refuse to write where something is.

    Args:
        folder: Where to write.
        replace: Whether what is there may go.

    Raises:
        DataError: Something is there that must not go.
    """
    if not folder.exists():
        return
    if not replace:
        raise DataError("is there already", where=str(folder), fix="Add --replace, or name another: --to.")
    if not folder.is_dir() or folder.is_symlink():
        raise DataError("is no folder", where=str(folder), fix="Name another place: --to.")
    if others := sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != FIGURES):
        fix = "Move them, or name another place: --to."
        raise DataError(f"has folders in it that would go: {', '.join(others)}", where=str(folder), fix=fix)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A draft beside a folder, which takes its place when all is written.

    Args:
        folder: What will be there; an older one goes.

    Raises:
        StoreError: It can't be written; then the older one stays, and nothing lies beside it.
    """
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    old = draft.with_name(f"{draft.name}.old")
    try:
        draft.mkdir(parents=True)
        yield draft
        if folder.exists():
            folder.rename(old)
        try:
            draft.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as error:
        raise storage_error(error, folder) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
