"""A suite argument is a file, or the name of a shipped suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lorr_bench.errors import SuiteError
from lorr_bench.shipped.catalog import Need, needs, shipped_suites
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.load import LoadedSuite, load_suite

SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True)
class NamedSuite(LoadedSuite):
    """A suite that was given by name, and comes with the package.

    Attributes:
        current_folder: Where the command was typed. Relative paths start there: the user's files do not lie
            in the package.
    """

    current_folder: Path

    @property
    def folder(self) -> Path:
        """Where relative paths in the suite start."""
        return self.current_folder


def load_named(argument: Path, overrides: Sequence[str], current_folder: Path) -> LoadedSuite:
    """Load the suite that an argument of a command means.

    A file of exactly that path comes first, then the shipped suite of that name.

    Args:
        argument: A suite file, or the name of a shipped suite.
        overrides: As ``load_suite`` takes them.
        current_folder: Where the command was typed.

    Returns:
        A ``NamedSuite`` where the argument was a name.

    Raises:
        SuiteError: As ``load_suite``; a file here has the name, too, with a suffix; or the shipped suite
            needs files that do not come with it.
    """
    shipped, name = shipped_suites(), argument.as_posix()
    if name not in shipped or (current_folder / argument).is_file():
        return _load_file(argument, overrides, shipped)
    _refuse_second_meaning(name, shipped[name], current_folder)
    loaded = load_suite(shipped[name], overrides)
    suite = NamedSuite(loaded.suite, loaded.path, loaded.lines, current_folder)
    _refuse_missing_files(name, suite)
    return suite


def _load_file(argument: Path, overrides: Sequence[str], shipped: Mapping[str, Path]) -> LoadedSuite:
    """A suite file; where there is none, the shipped suite that may be meant is in the error."""
    try:
        return load_suite(argument, overrides)
    except SuiteError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        meant = argument.as_posix().removeprefix("suites/")
        for suffix in SUFFIXES:
            meant = meant.removesuffix(suffix)
        fix = f"{nearest(meant, [meant] if meant in shipped else shipped)}{error.fix}"
        raise SuiteError(error.what, where=error.where, fix=fix) from error


def _refuse_second_meaning(name: str, path: Path, current_folder: Path) -> None:
    """Refuse a name where a file here has it, too: an edited copy must not be mistaken for the original."""
    for suffix in SUFFIXES:
        file = current_folder / f"{name}{suffix}"
        if file.is_file() and not file.samefile(path):
            raise SuiteError(
                f"is both a shipped suite and a file here, {name}{suffix}",
                where=name,
                fix=f"Give `{name}{suffix}` for the file; for the shipped suite, rename the file or go to "
                "another folder.",
            )


def _refuse_missing_files(name: str, suite: NamedSuite) -> None:
    """Refuse a shipped suite whose placeholders for the user's files are still there."""
    missing = {need for need in needs(suite.suite, suite.folder) if _is_missing(need, suite.folder)}
    placeholders = needs(load_suite(suite.path).suite, suite.folder) if missing else ()
    if unsaid := [need for need in placeholders if need in missing]:
        keys = " ".join(f"--set {need.key}=…" for need in unsaid)
        raise SuiteError(
            f"needs files of yours, which do not come with it: {', '.join(need.key for need in unsaid)}",
            where=name,
            fix=f"Name them: {keys}; or `lorr-bench copy {name} .`, and write them into the copy.",
        )


def _is_missing(need: Need, folder: Path) -> bool:
    return not need.from_hub and not (folder / need.source).exists()
