"""A stage and its digest, the identity of its work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

Kind = Literal[
    "fingerprint",
    "collect",
    "refresh",
    "import_pairs",
    "reference",
    "train",
    "answer_math",
    "grade_math",
    "evaluate_general",
    "contamination",
    "families",
]
Pool = Literal["train", "engine", "grade"]

POOLS: Final[dict[Kind, Pool]] = {
    "fingerprint": "train",
    "collect": "engine",
    "refresh": "engine",
    "import_pairs": "train",
    "reference": "train",
    "train": "train",
    "answer_math": "engine",
    "grade_math": "grade",
    "evaluate_general": "engine",
    "contamination": "grade",
    "families": "grade",
}
# Raise a number when the stage's code changes what it writes for the same parameters.
VERSIONS: Final[dict[Kind, int]] = {
    "fingerprint": 1,
    "collect": 3,
    "refresh": 2,
    "import_pairs": 2,
    "reference": 3,
    "train": 3,
    "answer_math": 2,
    "grade_math": 1,
    "evaluate_general": 3,
    "contamination": 2,
    "families": 1,
}

START_ROLE: Final = "start"
"""The part that the fingerprint of the start model plays for a stage of the engine."""

# Raise it when the grader, or a default of its policy, could change a verdict.
GRADING_VERSION: Final = 3


@dataclass(frozen=True)
class Stage:
    """A piece of work with one result.

    Attributes:
        kind: What is done.
        label: Readable name, for people only.
        params: Everything that changes the outcome, as plain JSON values.
        inputs: Digests of the stages whose results are read, by the part they play.
        setting: What the work needs but does not depend on: paths, engine memory. Plain JSON values.
        counted_as: Digests that stand for inputs in this stage's own, by part: of an input of which the stage
            reads no more than another, smaller one would hold.
    """

    kind: Kind
    label: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    setting: Mapping[str, Any] = field(default_factory=dict)
    counted_as: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """sha256 over kind, version, parameters and inputs: same digest, same work."""
        inputs = canonical({**self.inputs, **self.counted_as})
        kind, version = canonical(self.kind), VERSIONS[self.kind]
        params = self.params.text if isinstance(self.params, Shared) else canonical(self.params)
        return _sha256(f'{{"inputs":{inputs},"kind":{kind},"params":{params},"version":{version}}}')

    @property
    def pool(self) -> Pool:
        """Which worker does it."""
        return POOLS[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "kind": self.kind,
            "label": self.label,
            "params": self.params,
            "inputs": dict(self.inputs),
            "setting": self.setting,
            "counted_as": dict(self.counted_as),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Stage:
        """The stage that ``to_dict`` described."""
        return cls(**values)


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class Shared(dict[str, Any]):
    """Parameters that many stages have in common; never changed, so that their text is made once."""

    @cached_property
    def text(self) -> str:
        """The parameters as canonical JSON."""
        return canonical(self)


def canonical(value: Any) -> str:
    """The value as JSON with sorted keys and no spaces; NaN and infinities are refused."""
    return _CANONICAL.encode(value)


def canonical_digest(value: Any) -> str:
    """sha256 of the value as canonical JSON."""
    return _sha256(canonical(value))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
