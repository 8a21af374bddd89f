"""YAML text as plain values, with the line of each.

Only the part of YAML that a suite needs: mappings with text keys, lists and plain values, read by the rules
of YAML 1.2 (``1e-4`` is a number), with the words of YAML 1.1 for booleans (``off`` is false). Tags, aliases
and second documents are refused, so that no file can build an object or grow while it is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lorr_bench.errors import SuiteError

Location = tuple[str | int, ...]

# A suite is a page of text, fewer than ten levels deep; more is no suite, and is not read.
MAX_BYTES = 1 << 20
MAX_DEPTH = 32

INTEGER = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
NUMBER = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_BASES = {"0o": 8, "0x": 16}
_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= {form: True for word in ("true", "yes", "on") for form in (word, word.title(), word.upper())}
_WORDS |= {form: False for word in ("false", "no", "off") for form in (word, word.title(), word.upper())}


class Lines(Mapping[Location, int]):
    """Where each value of a suite stands: its line, or the ``--set`` option that gave it.

    Args:
        lines: Line of every location in the file, counted from 1.
        options: Option text of every location that an option gave.
    """

    def __init__(self, lines: Mapping[Location, int], options: Mapping[Location, str] | None = None) -> None:
        self._lines = dict(lines)
        self._options = dict(options or {})

    def __getitem__(self, location: Location) -> int:
        return self._lines[location]

    def __iter__(self) -> Iterator[Location]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, location: Location) -> int:
        """The line of the nearest known ancestor of a location, itself included; 1 when there is none."""
        return next((self._lines[near] for near in _ancestors(location) if near in self._lines), 1)

    def place(self, path: Path, location: Location) -> str:
        """``file:line``, or the ``--set`` option when one gave this value."""
        for near in _ancestors(location):
            if near in self._options:
                return self._options[near]
            if near in self._lines:
                break
        return f"{path}:{self.line(location)}"

    def replaced(self, location: Location, option: str) -> Lines:
        """The places after an option gave a new value at a location and all below it."""
        depth = len(location)
        lines = {at: line for at, line in self._lines.items() if at[:depth] != location}
        options = {at: text for at, text in self._options.items() if at[:depth] != location}
        return Lines(lines, {**options, location: option})


def _ancestors(location: Location) -> Iterator[Location]:
    """The location itself, then every location above it, the root last."""
    return (location[:length] for length in range(len(location), -1, -1))


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML text says.

    Attributes:
        value: Dicts with text keys, lists, text, numbers, booleans and None; None for an empty text.
        lines: Line of every location, counted from 1; a mapping's entry stands where its key stands.
    """

    value: Any
    lines: Mapping[Location, int]


def read_document(text: str, place: Callable[[int], str], *, depth: int = 0) -> Document:
    """Read one YAML document.

    Args:
        text: The YAML text.
        place: Name of a line, counted from 1, for the error.
        depth: How deep the text's top level already lies; ``MAX_DEPTH`` counts from there.

    Raises:
        SuiteError: Not YAML, a repeated key, a tag, an alias, a number out of range, too deep, or more than
            one document.
    """
    try:
        return _Reader(_events(text), place, depth).document()
    except RecursionError as error:
        raise _too_deep(place(1)) from error
    except yaml.MarkedYAMLError as error:
        # The parser scans ahead, and may stop at a limit of its own before the reader counted to its limit.
        mark = error.problem_mark or error.context_mark
        earlier = _first_refusal(text[: mark.index], place, depth) if mark else None
        raise earlier or _syntax_error(error, text, place) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        reason = getattr(error, "reason", None) or "it has a character that YAML does not know"
        fix = "save it as plain UTF-8 text without control characters"
        raise SuiteError(f"not readable as YAML: {reason}", where=place(1), fix=fix) from error


def _events(text: str) -> Iterator[Any]:
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    events: Iterator[Any] = yaml.parse(text, Loader=loader)
    return events


def _first_refusal(text: str, place: Callable[[int], str], depth: int) -> SuiteError | None:
    """What the reader refuses in a text that may break off, if anything."""
    try:
        _Reader(_events(text), place, depth).document()
    except SuiteError as refusal:
        return refusal
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return None
    return None


def _too_deep(where: str) -> SuiteError:
    return SuiteError(
        f"nested deeper than {MAX_DEPTH} levels", where=where, fix="a suite needs fewer than ten"
    )


def _syntax_error(error: yaml.MarkedYAMLError, text: str, place: Callable[[int], str]) -> SuiteError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    source = lines[line] if line < len(lines) else ""
    indent = source[: len(source) - len(source.lstrip())]
    if "\t" in indent:
        what, fix = f"a tab indents this line, at column {indent.index(chr(9)) + 1}", "indent with spaces"
    else:
        what = f"not valid YAML: {error.problem or error.context}, at column {column + 1}"
        fix = "check the indentation, and quote text that has `: ` or begins with a sign"
    return SuiteError(what, where=place(line + 1), fix=fix)


class _Reader:
    """Builds values from parser events; its recursion is bounded by ``MAX_DEPTH``."""

    def __init__(self, events: Iterator[Any], place: Callable[[int], str], depth: int) -> None:
        self._events = events
        self._place = place
        self._depth = depth
        self._lines: dict[Location, int] = {}

    def document(self) -> Document:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Document(None, {})
        first = next(self._events)
        self._lines[()] = _line(first)
        value = self._value(first, ())
        next(self._events)  # the end of the document
        if not isinstance(after := next(self._events), yaml.StreamEndEvent):
            raise self._error(after, "a second document begins here", "keep one document in a file")
        return Document(value, self._lines)

    def _value(self, event: Any, location: Location) -> Any:
        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, f"`*{event.anchor}` is an alias", "write the value out")
        if event.tag is not None:
            raise self._error(event, f"`{event.tag}` is a tag", "leave tags out; quote what shall be text")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if self._depth + len(location) >= MAX_DEPTH:
            raise _too_deep(self._place(_line(event)))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(location)
        return self._mapping(location)

    def _list(self, location: Location) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = (*location, len(values))
            self._lines[item] = _line(event)
            values.append(self._value(event, item))
        return values

    def _mapping(self, location: Location) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            # Keys are text as it is written: `on:` and `1:` are names here, never true and one.
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "a key must be plain text", "write `key: value`")
            item = (*location, event.value)
            if event.value in values:
                both = f"line {self._lines[item]} and again on line {_line(event)}"
                raise self._error(
                    event, f"key `{event.value[:80]}` stands on {both}", "remove one of the two"
                )
            self._lines[item] = _line(event)
            values[event.value] = self._value(next(self._events), item)
        return values

    def _scalar(self, event: Any) -> str | float | bool | None:
        text: str = event.value
        if event.style:
            return text  # quoted or block text
        if text in _WORDS:
            return _WORDS[text]
        if not (INTEGER.match(text) or NUMBER.match(text) or _NOT_FINITE.match(text)):
            return text
        number = _number(text)
        if number is None:
            raise self._error(
                event, f"{text[:40]} is not a finite number", "give a number that a float can hold"
            )
        return number

    def _error(self, event: Any, what: str, fix: str) -> SuiteError:
        return SuiteError(what, where=self._place(_line(event)), fix=fix)


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line


def _number(text: str) -> float | None:
    """The number, or None when it is not finite or has more digits than Python reads."""
    try:
        if INTEGER.match(text):
            return int(text, _BASES.get(text[:2], 10))
        value = float(text) if NUMBER.match(text) else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
