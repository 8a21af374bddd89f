"""A shipped suite as a file of the user's own, to be changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from lorr_bench.errors import SuiteError
from lorr_bench.shipped.catalog import shipped_suites
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.schema import SCHEMA_PATH

_SCHEMA: Final = re.compile(r"(?<=\$schema=)\S+")


def copy_suite(name: str, folder: Path) -> Path:
    """Copy a shipped suite. Editors find the schema of the copy where this package lies.

    Args:
        name: The suite, such as ``paper/main_table``.
        folder: Where the copy goes, under the last part of the name; made where it is missing.

    Returns:
        The copy.

    Raises:
        SuiteError: No shipped suite has that name, such a file is there already, or it can't be written.
    """
    shipped = shipped_suites()
    if name not in shipped:
        fix = f"{nearest(name, shipped)}Shipped are {', '.join(shipped)}."
        raise SuiteError("no shipped suite has this name", where=name, fix=fix)
    text = _SCHEMA.sub(lambda _: SCHEMA_PATH.as_uri(), shipped[name].read_text("utf-8"), count=1)
    copy = folder / shipped[name].name
    if copy.exists():
        fix = "Delete it, or name another folder."
        raise SuiteError("is there already, and stays as it is", where=str(copy), fix=fix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with copy.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        fix = "Name a folder that your account may write to."
        raise SuiteError(f"can't be written: {error.strerror}", where=str(copy), fix=fix) from error
    return copy
