"""Task files of lm-eval that come with a suite: data, unless the suite says that they may be code.

lm-eval's own form lets a task file run Python: a function beside it (``!function``), a class, a file of
prompts, or another task file that does. Nothing of that is needed to ask questions of a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import DataError, SuiteError
from lorr_bench.spec.document import MAX_BYTES, read_document

CODE_KEYS: Final = ("class", "use_prompt", "unsafe_code")
"""Keys under which lm-eval looks for code, or agrees to run what a model wrote."""
_TRUST: Final = (
    "leave it out; or, if you know who wrote the files in this folder, let them run code: "
    "`trust_remote_code: true` beside `include_path`"
)


def check_task_files(folder: Path) -> None:
    """Refuse a folder of task files that hold more than data.

    Args:
        folder: What ``include_path`` names.

    Raises:
        DataError: A task file has a tag, a key that stands for code, or includes a file from elsewhere; or it
            can't be read, is larger than a suite may be, or is not the plain YAML of suites.
    """
    root = folder.resolve()
    waiting, seen = sorted(root.glob("**/*.yaml")), set[Path]()
    while waiting:
        file = waiting.pop(0)
        if file not in seen:
            seen.add(file)
            waiting.extend(_included(file, _checked(file), root))


def _checked(file: Path) -> Any:
    """What a task file says."""
    try:
        value = read_document(_text(file), lambda line: f"{file}:{line}").value
    except SuiteError as error:
        raise DataError(f"more than data: {error.what}", where=error.where, fix=_TRUST) from error
    for key in _keys(value):
        if key in CODE_KEYS:
            raise DataError(f"more than data: `{key}` can run code", where=str(file), fix=_TRUST)
    return value


def _text(file: Path) -> str:
    try:
        data = file.read_bytes() if file.stat().st_size <= MAX_BYTES else None
        if data is not None:
            return data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(
            f"a task file can't be read: {error}", where=str(file), fix="save it as UTF-8 text"
        ) from error
    raise DataError("a task file is larger than 1 MiB", where=str(file), fix="keep data in files of its own")


def _keys(value: Any) -> Iterator[str]:
    """The keys of all mappings in a value."""
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(part)


def _included(file: Path, value: Any, root: Path) -> Iterator[Path]:
    """The files that a task file includes."""
    named = value.get("include", ()) if isinstance(value, dict) else ()
    for name in named if isinstance(named, list | tuple) else (named,):
        path = (file.resolve().parent / str(name)).resolve()
        if not path.is_relative_to(root):
            raise DataError(f"more than data: it includes {name}", where=str(file), fix=_TRUST)
        yield path
