"""A stage and its digest, the identity of its work; ``lorr_bench.plan.kinds`` has a class for each kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final, Literal

from lorr_bench.plan.json_values import JsonObject, canonical, sha256

Kind = Literal[
    "fingerprint",
    "collect",
    "refresh",
    "part",
    "sample",
    "score",
    "pair_scored",
    "refresh_scored",
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
Role = Literal[
    "start", "model", "primed", "before", "pairs", "collection", "reference", "answers", "scores", "problems"
]
"""The part that an input plays for a stage that reads it."""

START_ROLE: Final = "start"
"""The part that the fingerprint of the start model plays for a stage of the engine."""

# Raise it when the grader, or a default of its policy, could change a verdict.
GRADING_VERSION: Final = 4


@dataclass(frozen=True)
class Parameters(JsonObject):
    """Everything that changes the outcome of a stage, inputs apart."""

    @cached_property
    def text(self) -> str:
        """The parameters as canonical JSON; made once for all stages that share the object."""
        return canonical(self.to_dict())


@dataclass(frozen=True)
class Setting(JsonObject):
    """What a stage needs but its outcome does not depend on: paths, engine memory."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """How much a stage has to do.

    Attributes:
        units: In units that compare within the kind: sequences that pass through the policy, answers times
            their token limit, prompts, answers to grade; None where the suite does not tell.
        tokens: Trained on or generated, at most; None where the suite does not tell, 0 where there are none.
        answers: That are written to the disk; None where the suite does not tell.
        devices: That the stage occupies; 0 for work of the processor alone.
        like: Tells apart stages of the kind that take different times for a unit: method, benchmark.
    """

    units: float | None
    tokens: int | None = 0
    answers: int | None = 0
    devices: int = 0
    like: Hashable = None


@dataclass(frozen=True)
class Source:
    """Something outside the store that a stage reads.

    Attributes:
        place: A path, or a name that is none, such as a Hub id.
        identity: Of what lay there when the stage was planned; None where nobody looked.
        form: What it is.
    """

    place: str
    identity: str | None
    form: Literal["model", "file", "tasks"]


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """A piece of work with one result.

    Attributes:
        kind: What is done.
        version: Of the work: raised when the code changes what it writes for the same parameters.
        pool: Which workers do it, of most of its kind.
        entry_point: ``module:function`` of the task, and the outcome it returns.
        roles: The parts that its inputs can play.
        freeable: Files and folders of the result that can be freed: weights, checkpoints, log-probabilities.
        label: Readable name, for people only.
        parameters: Everything that changes the outcome.
        setting: What the work needs but does not depend on.
        inputs: Digests of the stages whose results are read, by the part they play.
        parts: Digests of the stages that answer a share of its prompts each; their number decides nothing.
        counted_as: Digests that stand for inputs in this stage's own, by part: of an input of which the stage
            reads no more than another, smaller one would hold.
    """

    kind: ClassVar[Kind]
    version: ClassVar[int]
    pool: ClassVar[Pool]
    entry_point: ClassVar[str]
    roles: ClassVar[frozenset[Role]] = frozenset()
    freeable: ClassVar[tuple[str, ...]] = ()

    label: str
    parameters: Parameters
    setting: Setting
    inputs: Mapping[Role, str] = field(default_factory=dict)
    counted_as: Mapping[Role, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """sha256 over kind, version, parameters and inputs: same digest, same work."""
        inputs = canonical({**self.inputs, **self.counted_as})
        work = f'"params":{self.parameters.text},"version":{self.version}'
        return sha256(f'{{"inputs":{inputs},"kind":"{self.kind}",{work}}}')

    @property
    def needs(self) -> tuple[str, ...]:
        """Digests of all stages that have to be done before it."""
        return (*self.inputs.values(), *self.parts)

    @abstractmethod
    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """How much there is to do.

        Args:
            inputs: The stages whose results it reads, as far as they are known.
        """

    @property
    def worker_pool(self) -> Pool:
        """Which workers do it."""
        return self.pool

    def sources(self) -> Iterator[Source]:
        """What it reads outside the store."""
        yield from ()

    @classmethod
    def can_free(cls, name: str) -> bool:
        """Whether a file of the result, by its relative path, can be freed."""
        return name.split("/", maxsplit=1)[0] in cls.freeable

    @property
    def memory_advice(self) -> str:
        """What to change in the suite where memory is short; empty where nothing helps."""
        return ""

    @staticmethod
    def tokens(metrics: Mapping[str, Any], spend: Mapping[str, float]) -> int:  # noqa: ARG004 - others count
        """Tokens that passed through the trained policy, or were generated; 0 where nobody counts.

        Args:
            metrics: Of the outcome.
            spend: Of the outcome.
        """
        return 0

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        described = {
            "kind": self.kind,
            "label": self.label,
            "params": self.parameters.to_dict(),
            "inputs": dict(self.inputs),
            "setting": self.setting.to_dict(),
            "counted_as": dict(self.counted_as),
        }
        return {**described, "parts": list(self.parts)} if self.parts else described
