"""How fast stages get on, and how long the rest of a run will take."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from lorr_bench.plan.stage import Kind, Pool, Stage

WINDOW_SECONDS: Final = 20.0
MIN_SECONDS: Final = 0.5
"""Over less than that no speed is told: words of a worker that arrive late arrive together."""
MAX_CHAINED: Final = 2000

_Group = tuple[Pool, Kind, str]


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


class StageProgress:
    """A stage under way.

    Args:
        stage: Which.
        slot: Where it runs, in words.
        begun: When, in seconds on the clock of the caller.

    Attributes:
        stage: Which.
        slot: Where it runs, in words.
    """

    def __init__(self, stage: Stage, slot: str, begun: float) -> None:
        self.stage = stage
        self.slot = slot
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

    A stage takes as long as those of its family, such as trainings by the same method, for each unit of work;
    as those of its kind where none of the family was measured.

    Args:
        stages: The stages to run, inputs before those who read them.
    """

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._left: dict[str, Stage] = {}
        self._units: defaultdict[_Group, float] = defaultdict(float)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._work: defaultdict[str, float] = defaultdict(float)
        self._slots: defaultdict[Pool, set[str]] = defaultdict(set)
        self._most_at_once = 1
        for stage in stages:
            self._add(stage)

    def begins(self, stage: Stage, slot: str, at_once: int) -> None:
        """A stage begins, perhaps once more.

        Args:
            stage: Which.
            slot: Where, in words.
            at_once: How many stages run now, this one included.
        """
        self._add(stage)
        self._slots[stage.pool].add(slot)
        self._most_at_once = max(self._most_at_once, at_once)

    def measured(self, stage: Stage, seconds: float) -> None:
        """A stage took so long, now or in an earlier run."""
        for group in (stage.kind, _family(stage)):
            self._seconds[group] += seconds
            self._work[group] += work(stage)

    def over(self, stage: Stage) -> None:
        """A stage will not run any more: it is done, or failed."""
        if self._left.pop(stage.digest, None) is not None:
            group = _group(stage)
            self._units[group] -= work(stage)
            if self._units[group] <= 0:
                del self._units[group]

    def seconds_left(self, running: Mapping[str, StageProgress], now: float) -> float | None:
        """Seconds until all is done; None while a kind of stage was never measured.

        No less than the work of any pool spread over its slots, than all work spread over as many stages as
        ran at once, and than the longest chain of stages that wait for each other, where few are left.

        Args:
            running: The stages under way, by digest.
            now: On their clock.
        """
        rates = self._rates(running, now)
        pools: defaultdict[Pool, float] = defaultdict(float)
        for (pool, kind, family), units in self._units.items():
            if (rate := rates.get(family, rates.get(kind))) is None:
                return None
            pools[pool] += rate * units
        passed = {
            digest: _passed(progress, rates, now)
            for digest, progress in running.items()
            if digest in self._left
        }
        for digest, seconds in passed.items():
            pools[self._left[digest].pool] -= seconds
        spread = [seconds / max(1, len(self._slots[pool])) for pool, seconds in pools.items()]
        return max([*spread, sum(pools.values()) / self._most_at_once, self._longest_chain(rates, passed)])

    def _add(self, stage: Stage) -> None:
        if stage.digest not in self._left:
            self._left[stage.digest] = stage
            self._units[_group(stage)] += work(stage)

    def _longest_chain(self, rates: Mapping[str, float], passed: Mapping[str, float]) -> float:
        """Of many stages the spread decides, and an estimate is not worth looking at each of them."""
        if len(self._left) > MAX_CHAINED:
            return 0.0
        ends: dict[str, float] = {}
        for digest, stage in self._left.items():
            begin = max((ends.get(needed, 0.0) for needed in stage.inputs.values()), default=0.0)
            ends[digest] = begin + _expected(stage, rates) - passed.get(digest, 0.0)
        return max(ends.values(), default=0.0)

    def _rates(self, running: Mapping[str, StageProgress], now: float) -> dict[str, float]:
        """Seconds for each unit of work, by family and kind; of stages under way where none was measured."""
        rates = {group: self._seconds[group] / done for group, done in self._work.items() if done}
        for progress in running.values():
            if (left := progress.seconds_left(now)) is not None:
                rates.setdefault(progress.stage.kind, (progress.seconds(now) + left) / work(progress.stage))
        return rates


def work(stage: Stage) -> float:
    """How much a stage has to do, in units that compare within its family: pair visits of a training."""
    if stage.kind != "train":
        return 1.0
    replays = len(stage.params["sft_weights"])
    part = "before" in stage.inputs or stage.params["stop_after"] < replays
    return float(stage.params["unique_pairs"] * (1 if part else replays))


def _expected(stage: Stage, rates: Mapping[str, float]) -> float:
    """Seconds that a stage takes in all."""
    return rates.get(_family(stage), rates.get(stage.kind, 0.0)) * work(stage)


def _passed(progress: StageProgress, rates: Mapping[str, float], now: float) -> float:
    """Seconds of what a stage under way is expected to take that need not be waited for any more."""
    expected, left = _expected(progress.stage, rates), progress.seconds_left(now)
    return min(expected, progress.seconds(now)) if left is None else expected - left


def _group(stage: Stage) -> _Group:
    return stage.pool, stage.kind, _family(stage)


def _family(stage: Stage) -> str:
    """Stages that do the same to different models: one method's trainings, one benchmark's answers."""
    name = stage.params["adapter"][0] if stage.kind == "train" else stage.label.partition(":")[0]
    return f"{stage.kind} {name}"
