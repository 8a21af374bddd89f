"""What happens in a run, as values: one vocabulary from the worker process to the display.

A worker process says what becomes of a stage (``WorkerEvent``) as lines of JSON, which ``to_dict`` and
``from_dict`` write and read. The driver hears it, decides, and tells whoever watches the run (``Event``);
what it need not decide about, it passes on as it is. Stages are named by digest, since that is what crosses
processes; who wants more of them has the plan from the first event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from lorr_bench.outside import fit_to_show

ENGINE_START: Final = "engine_start"
"""The part of a stage in which the generation engine is started, which can take minutes."""

if TYPE_CHECKING:  # a worker process tells events, and has no use for all that makes a plan
    from lorr_bench.plan.plan import Plan
    from lorr_bench.plan.stage import Stage


@dataclass(frozen=True, slots=True)
class Planned:
    """It is known what the suite comes to; nothing has run yet.

    Attributes:
        plan: The plan.
    """

    plan: Plan


@dataclass(frozen=True, slots=True)
class RunBegan:
    """A driver begins with a plan. A run whose report finds a damaged result begins a second time.

    Attributes:
        plan: The plan.
        waiting: What has to run, inputs before those who read them.
        others: What is not done either, and is left undone by this run.
    """

    plan: Plan
    waiting: tuple[Stage, ...]
    others: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Began:
    """A stage begins, for the first time or again.

    Attributes:
        digest: Of the stage.
        slot: Where, in words, such as ``train 1, GPU 1``.
    """

    digest: str
    slot: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """A stage got further.

    Attributes:
        digest: Of the stage.
        done: Work done, in units of the stage.
        total: Work in all.
        tokens: Tokens trained on or generated so far; 0 where the stage does not say.
    """

    digest: str
    done: int
    total: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Entered:
    """A stage begins a part of its work.

    Attributes:
        digest: Of the stage.
        part: Which, as the stage's clock names it, such as ``ENGINE_START``.
    """

    digest: str
    part: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A stage is done and stored.

    Attributes:
        digest: Of the stage.
        seconds: How long it took; 0 where another run did it meanwhile.
        tokens: Tokens trained on or generated; 0 where there are none.
    """

    digest: str
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt at a stage failed; the driver makes it ``Postponed`` or ``GivenUp``.

    Attributes:
        digest: Of the stage.
        reason: Why, and what to do, as one text.
        lasting: Whether another attempt would fail the same way: the stage could explain its failure.
        disk_full: Whether there was no room to write.
        diverged: Whether training ran into values that are no numbers.
    """

    digest: str
    reason: str
    lasting: bool = False
    disk_full: bool = False
    diverged: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", fit_to_show(self.reason))


@dataclass(frozen=True, slots=True)
class Busy:
    """Another run works on the stage just now; the driver makes it ``Postponed``.

    Attributes:
        digest: Of the stage.
        owner: Who.
    """

    digest: str
    owner: str


@dataclass(frozen=True, slots=True)
class Spoiled:
    """An input of a stage is gone or damaged and has been set aside; the driver has it made again.

    Attributes:
        digest: Of the stage that could not begin.
        input: Digest of the input.
    """

    digest: str
    input: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """A stage that had begun will be tried again: it failed, or another run works on it.

    Attributes:
        digest: Of the stage.
        reason: Why.
        delay_seconds: Until it can begin.
    """

    digest: str
    reason: str
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A stage failed, and this run does not try it again.

    Attributes:
        digest: Of the stage.
        reason: Why, and what to do, as one text.
        lasting: Whether another attempt would fail the same way until something is mended.
        used_up: Whether it has used up its attempts, so that the next run asks for new ones to try it.
        counts: Whether that is a result as well: a try that diverged.
    """

    digest: str
    reason: str
    lasting: bool = False
    used_up: bool = False
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """Stages can't run, because one whose result they need was given up.

    Attributes:
        digests: Of the stages, in the order of the plan; at least one.
        reason: Why.
    """

    digests: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that the user should know.

    Attributes:
        text: One sentence.
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", fit_to_show(self.text))


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The driver is done; all its workers have ended.

    Attributes:
        interrupted: Whether an error or the user cut it short.
    """

    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Alive:
    """A worker process lives, though its stage has nothing to tell; nobody but who started it hears this."""


InPassing = Advanced | Entered | Noted
"""What an executor tells of stages that go on; the driver passes it on as it is."""

StageEvent = InPassing | Ended | Failed | Busy | Spoiled
"""What an executor tells the driver."""

WorkerEvent = StageEvent | Alive
"""What a worker process says, one a line."""

Event = Planned | RunBegan | Began | InPassing | Ended | Postponed | GivenUp | Dropped | RunEnded
"""What a driver tells whoever watches."""

Watcher = Callable[[Event], None]
"""Watches a run, to show it or to report it; looks at the events that it cares about."""

_KINDS: Final[Mapping[str, type[WorkerEvent]]] = {kind.__name__: kind for kind in get_args(WorkerEvent)}


def to_dict(event: WorkerEvent) -> dict[str, Any]:
    """An event as plain JSON values: the name of its class under ``event``, and its fields."""
    return {"event": type(event).__name__, **asdict(event)}


def from_dict(values: Mapping[str, Any]) -> WorkerEvent:
    """The event that ``to_dict`` described.

    Raises:
        KeyError: There is no such event.
        TypeError: It has other fields.
    """
    fields = {name: value for name, value in values.items() if name != "event"}
    return _KINDS[values["event"]](**fields)


def notes_to(watcher: Watcher) -> Callable[[str], None]:
    """What tells a watcher of a text as ``Noted``, for those who know nothing of runs."""

    def note(text: str) -> None:
        watcher(Noted(text))

    return note


def tell_all(*watchers: Watcher) -> Watcher:
    """Several watchers as one; each is told everything, in this order."""

    def watch(event: Event) -> None:
        for watcher in watchers:
            watcher(event)

    return watch
