"""The record of a stage: what was done, what it used, what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

FORMAT: Final = 1
RECORD_FILE: Final = "record.json"


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """The record that ``to_dict`` described.

        Raises:
            KeyError: A field is missing.
            TypeError: A field is unknown.
        """
        return cls(**{**values, "outcome": Outcome(**values["outcome"])})
