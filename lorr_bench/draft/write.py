"""A draft written beside what is there, none of which is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lorr_bench.errors import SuiteError
from lorr_bench.store.disk import write_text


def check_place(suite: Path, tasks: Path, *, force: bool) -> None:
    """Refuse a place that can't be written to, or that holds something.

    Args:
        suite: File of the suite.
        tasks: Folder of its task.
        force: Whether what is there may be replaced.

    Raises:
        SuiteError: The folder is missing, the suite is a folder, or one of the two is there already.
    """
    if not suite.parent.is_dir():
        fix = f"Make it before: mkdir -p {suite.parent}; or name another with -o."
        raise SuiteError(f"there is no folder {suite.parent}", where=f"-o {suite}", fix=fix)
    if suite.is_dir():
        fix = f"Name a file in it: -o {suite / 'suite.yaml'}."
        raise SuiteError("this is a folder", where=f"-o {suite}", fix=fix)
    for place in () if force else (suite, tasks):
        if place.exists():
            fix = "Name another file with -o, or replace it with --force."
            raise SuiteError("is there already, and stays as it is", where=str(place), fix=fix)


def write_draft(suite: Path, text: str, tasks: Path, task_files: Mapping[str, str]) -> None:
    """Write a suite and the files of its task; each appears whole, the suite last.

    Args:
        suite: File of the suite.
        text: What it says.
        tasks: Folder of the task; made where there are files.
        task_files: Their texts, by name.

    Raises:
        SuiteError: The place can't be written to.
    """
    try:
        if task_files:
            tasks.mkdir(exist_ok=True)
        for name, content in task_files.items():
            write_text(tasks / name, content)
        write_text(suite, text)
    except OSError as error:
        fix = "Name a folder that your account may write to."
        raise SuiteError(f"can't be written: {error.strerror}", where=str(suite), fix=fix) from error
