"""Suite file in, frozen suite out; every error says file and line, what is wrong and what to do.

Example:
    >>> from pathlib import Path
    >>> loaded = load_suite(Path("suites/quickstart.yaml"), ["seeds=[0, 1]"])  # doctest: +SKIP
    >>> loaded.suite.seeds  # doctest: +SKIP
    (0, 1)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lorr_bench.errors import SuiteError
from lorr_bench.spec.diagnosis import model_errors, nearest
from lorr_bench.spec.document import INTEGER, MAX_BYTES, NUMBER, Lines, Location, read_document
from lorr_bench.spec.models import Suite
from lorr_bench.spec.override import apply_override, take_variant

__all__ = ["LoadedSuite", "load_suite", "model_errors", "resolved_yaml"]

_KINDS: dict[type, str] = {list: "list", str: "text", int: "number", float: "number", bool: "boolean"}


@dataclass(frozen=True)
class LoadedSuite:
    """A suite and where it was written.

    Attributes:
        suite: What was asked.
        path: The suite file.
        lines: Line of every location of the file, counted from 1; pass it on to ``model_errors``.
    """

    suite: Suite
    path: Path
    lines: Mapping[Location, int]

    @property
    def folder(self) -> Path:
        """The suite file's folder: relative paths in the suite start there."""
        return self.path.parent

    def line(self, loc: Location) -> int:
        """The line of the nearest known ancestor of a location, itself included."""
        return self._known.line(loc)

    def place(self, loc: Location) -> str:
        """``file:line`` of a location, or the ``--set`` option that gave its value."""
        return self._known.place(self.path, loc)

    @property
    def _known(self) -> Lines:
        return self.lines if isinstance(self.lines, Lines) else Lines(self.lines)


def load_suite(path: Path, overrides: Sequence[str] = ()) -> LoadedSuite:
    """Read a suite file.

    Args:
        path: The suite file, YAML in UTF-8, at most 1 MiB.
        overrides: ``a.b=c`` options, applied in order; a value is YAML.

    Raises:
        SuiteError: The file can't be read, is not YAML, or does not say a valid suite; an override does not
            fit. All faults of a suite are in one error.
    """
    document = read_document(_text(path), lambda line: f"{path}:{line}")
    values = document.value
    if not isinstance(values, dict):
        found = "is empty" if values is None else f"holds a {_KINDS.get(type(values), 'single value')}"
        fix = (
            "write `key: value` lines, beginning with `name:`; for an example: `lorr-bench copy quickstart .`"
        )
        raise SuiteError(f"{found} instead of a mapping", where=f"{path}:1", fix=fix)
    lines = Lines(document.lines)
    for override in overrides:
        lines = take_variant(values, apply_override(values, lines, override))
    try:
        suite = Suite.model_validate(values)
    except ValidationError as error:
        raise model_errors(error, lines, path, Suite) from error
    return LoadedSuite(suite, path, lines)


def _text(path: Path) -> str:
    """The file's text, or the reason why there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SuiteError("no such file", where=str(path), fix=_similar(path)) from error
    except IsADirectoryError as error:
        raise SuiteError(
            "is a folder, not a suite file", where=str(path), fix=_similar(path / "*")
        ) from error
    except PermissionError as error:
        fix = f"let your account read it: chmod u+r '{path}'"
        raise SuiteError("may not be read", where=str(path), fix=fix) from error
    except (OSError, ValueError) as error:
        fix = "give the path of a suite file"
        raise SuiteError(f"can't be read: {error}", where=repr(str(path)), fix=fix) from error
    if len(data) > MAX_BYTES:
        fix = "keep data in files of its own and name them in the suite"
        raise SuiteError("is larger than 1 MiB", where=str(path), fix=fix)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SuiteError("is not UTF-8 text", where=f"{path}:{line}", fix="save the file as UTF-8") from error


def _similar(path: Path) -> str:
    """A hint at the suite files that lie beside a wrong path."""
    try:
        beside = sorted(file.name for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml"))
    except OSError:
        beside = []
    there = f"in {path.parent} there are: {', '.join(beside[:8])}" if beside else ""
    return (
        f"{nearest(path.name, beside)}{there}"
        or "give the path of a suite file, such as suites/quickstart.yaml, or the name of a shipped suite: "
        "`lorr-bench list suites`"
    )


class _Dumper(yaml.SafeDumper):
    """Quotes every text that this loader, or one for YAML 1.1, would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the base class names it
        """Write a value out each time: the loader refuses aliases."""
        return True


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Escape the exotic line breaks: the emitter leaves them as they are, and they read as spaces."""
    style = '"' if any(mark in text for mark in "\x85\u2028\u2029\ufeff") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", INTEGER, list("-+0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, list("-+.0123456789"))


def resolved_yaml(suite: Suite) -> str:
    """The suite with all defaults as YAML, in the models' order; loading it gives an equal suite."""
    values = suite.model_dump(mode="json")
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
