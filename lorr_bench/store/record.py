"""The record of a stage: what was done, what it used, what it wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

FORMAT: Final = 2
RECORD_FILE: Final = "record.json"
CHECKSUM: Final = "checksum"
UNSIGNED: Final = "0" * 64
"""What stands in the place of a checksum while it is made."""


@dataclass(frozen=True)
class Outcome:
    """What a stage hands back besides its files.

    Attributes:
        metrics: Results as plain JSON values.
        spend: Quantities of the ledger, by name.
        parts: Seconds of named parts of the stage.
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    spend: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A finished stage.

    Attributes:
        digest: Identity of the work.
        stage: The stage as plain JSON values.
        outcome: What it handed back.
        files: sha256 of every file it wrote, by relative path.
        started: Seconds since the epoch.
        wall_seconds: How long it took.
        provenance: Versions and machine.
        format: Version of this form.
    """

    digest: str
    stage: Mapping[str, Any]
    outcome: Outcome
    files: Mapping[str, str]
    started: float
    wall_seconds: float
    provenance: Mapping[str, str]
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    def to_text(self) -> str:
        """As it is stored: JSON that holds its own checksum."""
        return signed(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """The record that ``to_dict`` described.

        Raises:
            KeyError: A field is missing.
            TypeError: A field is unknown, or holds no mapping where it must.
            ValueError: A file's name leads out of the folder of the stage.
        """
        known = {name: value for name, value in values.items() if name != CHECKSUM}
        record = cls(**{**known, "outcome": Outcome(**values["outcome"])})
        _check(record)
        return record

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The record that ``to_text`` wrote.

        Raises:
            ValueError: It is no JSON, of another format, or not what was written.
            KeyError: A field is missing.
            TypeError: A field is unknown.
        """
        values = _parsed(text)
        if isinstance(values, dict) and (found := values.get("format", FORMAT)) != FORMAT:
            raise ValueError(f"format {found}; this version reads {FORMAT}")
        return cls.from_dict(verified(text))


def _check(record: Record) -> None:
    """Refuse a record that would be followed out of its folder, or that is none."""
    kept = (record.stage, record.files, record.provenance, *vars(record.outcome).values())
    if not all(isinstance(mapping, dict) for mapping in kept):
        raise TypeError("a field holds no mapping")
    if missing := {"kind", "label", "params"} - record.stage.keys():
        raise KeyError(min(missing))
    if not all(isinstance(name, str) and isinstance(digest, str) for name, digest in record.files.items()):
        raise TypeError("a file has no name or no checksum")
    for name in record.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not name.isprintable():
            raise ValueError(f"it names a file outside of its folder, {name!r}")


def signed(values: Mapping[str, Any]) -> str:
    """Values as JSON with a checksum over the text, which a bit flipped anywhere in it breaks.

    Args:
        values: With names as keys, none of which comes before ``checksum`` in the alphabet.
    """
    text = json.dumps({CHECKSUM: UNSIGNED, **values}, indent=1, sort_keys=True)
    return text.replace(UNSIGNED, _sha256(text), 1)


def verified(text: str) -> dict[str, Any]:
    """The values of which ``signed`` made the text; the checksum is among them.

    Raises:
        ValueError: It is no JSON, or not what was written.
    """
    values = _parsed(text)
    checksum = values.get(CHECKSUM) if isinstance(values, dict) else None
    if not isinstance(checksum, str) or len(checksum) != len(UNSIGNED):
        raise ValueError("no checksum")
    if _sha256(text.replace(checksum, UNSIGNED, 1)) != checksum:
        raise ValueError("another checksum")
    return dict(values)


def _parsed(text: str) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: It is no JSON, or nested beyond what can be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested without end") from error


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
