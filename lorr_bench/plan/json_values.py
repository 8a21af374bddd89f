"""Canonical JSON, and frozen dataclasses that stand for JSON objects and arrays.

A stage is written to records and to workers, and named by the text of its parameters. So a class of
parameters must give the same JSON for ever: its fields are the keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from types import UnionType
from typing import Any, Final, Self, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError

from lorr_bench.errors import StoreError

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """The value as JSON with sorted keys and no spaces; NaN and infinities are refused."""
    return _CANONICAL.encode(value)


def canonical_digest(value: Any) -> str:
    """sha256 of the value as canonical JSON."""
    return sha256(canonical(value))


def sha256(text: str) -> str:
    """sha256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class JsonObject:
    """Base of frozen dataclasses that stand for a JSON object: each field is a key.

    A field whose default is None has no key while it is None, so one can be added and no digest changes.
    """

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        values: dict[str, Any] = {}
        for member in _members(type(self)):
            value = getattr(self, member.name)
            if value is None and member.left_out:
                continue
            if member.group is None:
                values[member.name] = _written(value)
            else:
                values.update(value.written)
        return values

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The object that ``to_dict`` described.

        Raises:
            StoreError: A key is missing or unknown, or a value has another form.
        """
        if not isinstance(values, Mapping):
            raise _unreadable(cls, f"a mapping is expected, not {type(values).__name__}")
        if unknown := sorted(values.keys() - cls.keys()):
            raise _unreadable(cls, f"{', '.join(unknown)} is not known")
        return cls._taken(values)

    @classmethod
    def keys(cls) -> frozenset[str]:
        """All keys that the object can have."""
        members = _members(cls)
        own = {member.name for member in members if member.group is None}
        return frozenset(own.union(*(member.group.keys() for member in members if member.group is not None)))

    @classmethod
    def _taken(cls, values: Mapping[str, Any]) -> Self:
        """From those of the values that are the object's own."""
        taken: dict[str, Any] = {}
        for member in _members(cls):
            if member.group is not None:
                if not member.left_out or member.group.keys() & values.keys():
                    taken[member.name] = member.group._taken(values)
            elif member.name in values:
                taken[member.name] = member.read(values[member.name])
            elif not member.left_out:
                raise _unreadable(cls, f"{member.name} is missing")
        return cls(**taken)


@dataclass(frozen=True)
class Group(JsonObject):
    """Fields that several classes have in common; their keys stand among those of whoever holds the group."""

    @cached_property
    def written(self) -> Mapping[str, Any]:
        """As plain JSON values; made once for all stages that share the group."""
        return self.to_dict()


@dataclass(frozen=True)
class JsonArray:
    """Base of frozen dataclasses that stand for a JSON array: the values of the fields, in their order."""

    def to_list(self) -> list[Any]:
        """As plain JSON values."""
        return [_written(value) for value in vars(self).values()]

    @classmethod
    def from_list(cls, values: Any) -> Self:
        """The object that ``to_list`` described.

        Raises:
            StoreError: It is no array, or one of another length.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, list | tuple) or len(values) != len(names):
            raise _unreadable(cls, f"an array of {', '.join(names)} is expected")
        return cls(**dict(zip(names, values, strict=True)))


@dataclass(frozen=True)
class _Member:
    """How a field is written and read.

    Attributes:
        name: Of the field.
        left_out: Whether there is no key where the value is None.
        group: The class of the group that it holds; None where it is a key.
        read: Gives the value that JSON stands for.
    """

    name: str
    left_out: bool
    group: type[Group] | None
    read: Callable[[Any], Any]


_MEMBERS: Final[dict[type[JsonObject], tuple[_Member, ...]]] = {}


def _members(cls: type[JsonObject]) -> tuple[_Member, ...]:
    """The fields of a class; found once, because a plan writes thousands of objects."""
    if cls not in _MEMBERS:
        hints = get_type_hints(cls)
        _MEMBERS[cls] = tuple(
            _member(field.name, hints[field.name], field.default is None) for field in fields(cls)
        )
    return _MEMBERS[cls]


def _member(name: str, hint: Any, left_out: bool) -> _Member:
    kind = _without_none(hint)
    group = kind if isinstance(kind, type) and issubclass(kind, Group) else None
    return _Member(name, left_out, group, _reader(kind))


def _without_none(hint: Any) -> Any:
    """``X`` for ``X | None``; other unions have no reader of their own."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 else Any


def _reader(kind: Any) -> Callable[[Any], Any]:
    """What reads a value of a type; numbers, texts and free-form values are what JSON says."""
    read: Callable[[Any], Any] = _as_it_is
    if get_origin(kind) is tuple:
        read = tuple
    elif kind is date:
        read = date.fromisoformat
    elif isinstance(kind, type) and issubclass(kind, JsonObject):
        read = kind.from_dict
    elif isinstance(kind, type) and issubclass(kind, JsonArray):
        read = kind.from_list
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        read = kind.model_validate
    return lambda value: None if value is None else _read(read, value)


def _read(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except (TypeError, ValueError, ValidationError) as error:
        raise StoreError(f"{value!r:.80} can't be read: {error}", fix=_OTHER_VERSION) from error


def _as_it_is(value: Any) -> Any:
    return value


def _written(value: Any) -> Any:
    """A value of a field as a plain JSON value."""
    if type(value) in _PLAIN:  # nearly all are; a plan writes thousands of objects
        return value
    if isinstance(value, tuple):
        return [_written(member) for member in value]
    if isinstance(value, JsonObject):
        return value.to_dict()
    if isinstance(value, JsonArray):
        return value.to_list()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return value.isoformat() if isinstance(value, date) else value


_PLAIN: Final = frozenset((str, int, float, bool, dict, type(None)))
_OTHER_VERSION: Final = "Another version of lorr-bench wrote it; plan and run the suite with one version."


def _unreadable(cls: type[JsonObject | JsonArray], what: str) -> StoreError:
    return StoreError(what, where=cls.__name__, fix=_OTHER_VERSION)
