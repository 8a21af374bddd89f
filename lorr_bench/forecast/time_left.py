"""How fast stages get on, and how long the rest of a run will take."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from lorr_bench.forecast.calibration import FittedLine
from lorr_bench.plan.stage import Kind, Pool, Stage

WINDOW_SECONDS: Final = 20.0
MIN_SECONDS: Final = 0.5
"""Over less than that no speed is told: words of a worker that arrive late arrive together."""
MAX_CHAINED: Final = 2000


class _Family(NamedTuple):
    """Stages that do the same to different models: one method's trainings, one benchmark's answers.

    Attributes:
        kind: What is done.
        is_counted: Whether their work is counted in units of the kind; else each stage is one.
        like: What else they have in common.
    """

    kind: Kind
    is_counted: bool
    like: Hashable


class _Size(NamedTuple):
    """How much a stage is.

    Attributes:
        family: Which stages it compares with.
        units: Of work.
    """

    family: _Family
    units: float


@dataclass
class _Left:
    """What is left of a family on the workers of one pool."""

    units: float = 0.0
    stages: int = 0


class Told(NamedTuple):
    """What a stage told at one moment.

    Attributes:
        seconds: When, on the clock of the caller.
        done: Work done, in units of the stage.
        tokens: Tokens trained on or generated so far.
    """

    seconds: float
    done: int
    tokens: int


_OfKinds = Mapping[tuple[Kind, bool], FittedLine]


class StageProgress:
    """A stage under way.

    Args:
        stage: Which.
        slot: Where it runs, in words.
        begun: When, in seconds on the clock of the caller.

    Attributes:
        stage: Which.
        slot: Where it runs, in words.
        part: The part of its work that it began last; empty before the first.
    """

    def __init__(self, stage: Stage, slot: str, begun: float) -> None:
        self.stage = stage
        self.slot = slot
        self.part = ""
        self._begun = begun
        self._total = 0
        self._first: Told | None = None
        self._latest: deque[Told] = deque()

    def advances(self, seconds: float, done: int, total: int, tokens: int) -> None:
        """The stage got further."""
        told = Told(seconds, done, tokens)
        self._first = self._first or told
        self._total = total
        self._latest.append(told)
        while len(self._latest) > 2 and self._latest[1].seconds <= seconds - WINDOW_SECONDS:
            self._latest.popleft()

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None where it has told nothing."""
        return min(1.0, self._latest[-1].done / self._total) if self._latest and self._total else None

    @property
    def tokens_per_second(self) -> float | None:
        """Its speed of late; None where it can't be told."""
        return _speed(self._latest[0], self._latest[-1]) if self._latest else None

    @property
    def mean_tokens_per_second(self) -> float | None:
        """Its speed since it first told anything, preparation not included; None where it can't be told."""
        return _speed(self._first, self._latest[-1]) if self._first else None

    def seconds(self, now: float) -> float:
        """How long it has been running."""
        return now - self._begun

    def seconds_left(self, now: float) -> float | None:
        """How long it will run on; None where it can't be told."""
        if self._first is None or (last := self._latest[-1]).done <= self._first.done:
            return None
        each = (last.seconds - self._first.seconds) / (last.done - self._first.done)
        return max(0.0, each * (self._total - last.done) - (now - last.seconds))


def _speed(first: Told, last: Told) -> float | None:
    seconds, tokens = last.seconds - first.seconds, last.tokens - first.tokens
    return tokens / seconds if seconds >= MIN_SECONDS and tokens > 0 else None


class TimeLeft:
    """Estimates the rest of a run from the stages that were measured, and the slots that were seen.

    What a stage takes is read off the line through those of its family, such as trainings by the same method;
    through those of its kind where none of the family was measured.

    Args:
        stages: The stages to run, inputs before those who read them.
        others: Stages whose results these read.
    """

    def __init__(self, stages: Iterable[Stage], others: Iterable[Stage] = ()) -> None:
        todo = list(stages)
        self._known = {stage.digest: stage for stage in (*others, *todo)}
        self._sizes: dict[str, _Size] = {}
        self._left: dict[str, Stage] = {}
        self._of_family: defaultdict[tuple[Pool, _Family], _Left] = defaultdict(_Left)
        self._families: defaultdict[_Family, FittedLine] = defaultdict(FittedLine)
        self._kinds: defaultdict[tuple[Kind, bool], FittedLine] = defaultdict(FittedLine)
        self._slots: defaultdict[Pool, set[str]] = defaultdict(set)
        self._most_at_once = 1
        for stage in todo:
            self._add(stage)

    def begins(self, stage: Stage, slot: str, at_once: int) -> None:
        """A stage begins, perhaps once more.

        Args:
            stage: Which.
            slot: Where, in words.
            at_once: How many stages run now, this one included.
        """
        self._add(stage)
        self._slots[stage.worker_pool].add(slot)
        self._most_at_once = max(self._most_at_once, at_once)

    def measured(self, stage: Stage, seconds: float) -> None:
        """A stage took so long, now or in an earlier run."""
        family, units = self._size(stage)
        if units:
            self._families[family].add(units, seconds)
            self._kinds[family.kind, family.is_counted].add(units, seconds)

    def over(self, stage: Stage) -> None:
        """A stage will not run any more: it is done, or failed."""
        if self._left.pop(stage.digest, None) is not None:
            family, units = self._size(stage)
            left = self._of_family[stage.worker_pool, family]
            left.units -= units
            left.stages -= 1

    def seconds_left(self, running: Mapping[str, StageProgress], now: float) -> float | None:
        """Seconds until all is done; None while a kind of stage was never measured.

        No less than the work of any pool spread over its slots, than all work spread over as many stages as
        ran at once, and than the longest chain of stages that wait for each other, where few are left.

        Args:
            running: The stages under way, by digest.
            now: On their clock.
        """
        kinds = self._lines_of_kinds(running, now)
        pools: defaultdict[Pool, float] = defaultdict(float)
        for (pool, family), left in self._of_family.items():
            if left.stages:
                if (line := self._line(family, kinds)) is None:
                    return None
                pools[pool] += line.seconds(left.units, left.stages)
        passed = {
            digest: self._passed(progress, kinds, now)
            for digest, progress in running.items()
            if digest in self._left
        }
        for digest, seconds in passed.items():
            pools[self._left[digest].worker_pool] -= seconds
        spread = [seconds / max(1, len(self._slots[pool])) for pool, seconds in pools.items()]
        return max([*spread, sum(pools.values()) / self._most_at_once, self._longest_chain(kinds, passed)])

    def _size(self, stage: Stage) -> _Size:
        """How much a stage is; found once, because every second asks for thousands."""
        if stage.digest not in self._sizes:
            known = self._known
            work = stage.work(
                {role: known[digest] for role, digest in stage.inputs.items() if digest in known}
            )
            is_counted = work.units is not None
            units = 1.0 if work.units is None else work.units
            if stage.parts:
                units = 0.0  # they have it
            self._sizes[stage.digest] = _Size(_Family(stage.kind, is_counted, work.like), units)
        return self._sizes[stage.digest]

    def _add(self, stage: Stage) -> None:
        if stage.digest not in self._left:
            self._left[stage.digest] = stage
            family, units = self._size(stage)
            left = self._of_family[stage.worker_pool, family]
            left.units += units
            left.stages += 1

    def _longest_chain(self, kinds: _OfKinds, passed: Mapping[str, float]) -> float:
        """Of many stages the spread decides, and an estimate is not worth looking at each of them."""
        if len(self._left) > MAX_CHAINED:
            return 0.0
        ends: dict[str, float] = {}
        for digest, stage in self._left.items():
            begin = max((ends.get(needed, 0.0) for needed in stage.needs), default=0.0)
            ends[digest] = begin + self._expected(stage, kinds) - passed.get(digest, 0.0)
        return max(ends.values(), default=0.0)

    def _lines_of_kinds(self, running: Mapping[str, StageProgress], now: float) -> _OfKinds:
        """What each kind takes; of stages under way where none was measured."""
        kinds = dict(self._kinds)
        for progress in running.values():
            family, units = self._size(progress.stage)
            if units and (left := progress.seconds_left(now)) is not None:
                whole = (units, progress.seconds(now) + left)
                kinds.setdefault((family.kind, family.is_counted), FittedLine([whole]))
        return kinds

    def _line(self, family: _Family, kinds: _OfKinds) -> FittedLine | None:
        return self._families.get(family) or kinds.get((family.kind, family.is_counted))

    def _expected(self, stage: Stage, kinds: _OfKinds) -> float:
        """Seconds that a stage takes in all."""
        family, units = self._size(stage)
        line = self._line(family, kinds)
        return line.seconds(units) if line else 0.0

    def _passed(self, progress: StageProgress, kinds: _OfKinds, now: float) -> float:
        """Seconds of what a stage under way is expected to take that need not be waited for any more."""
        expected, left = self._expected(progress.stage, kinds), progress.seconds_left(now)
        return min(expected, progress.seconds(now)) if left is None else expected - left
