"""Show a run: one live view on a terminal with what matters above it, plain lines where there is none.

Nothing is printed while the lock of the display is held: the live view is drawn from a thread, which asks for
that lock while it holds the console's.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from rich.console import Console

from lorr_bench.events import (
    ENGINE_START,
    Advanced,
    Began,
    Dropped,
    Ended,
    Entered,
    Event,
    GivenUp,
    Noted,
    Planned,
    Postponed,
    RunBegan,
    RunEnded,
)
from lorr_bench.forecast.time_left import StageProgress, TimeLeft
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.quantities import duration_text, roughly, speed_text
from lorr_bench.run.planned_tests import what_is_tested
from lorr_bench.terminal.live_screen import LiveScreen
from lorr_bench.terminal.live_view import LiveView
from lorr_bench.terminal.log_lines import LogLines
from lorr_bench.terminal.text import Hanging, indented, one_line
from lorr_bench.values import START, Point

ESTIMATE_SECONDS: Final = 1.0
MARKED: Final = r"^\[(tuning )?\d+/\d+\] (?P<red>failed)(?=:)"
"""What of a line has a colour: the group's name."""
NEVER: Final[tuple[float, float | None]] = (float("-inf"), None)


class Display:
    """Shows one run; its ``watch`` is a watcher.

    Args:
        console: Where everything goes: lines, and the live view below them if it is a terminal.
        measured: Seconds of the stages that were done before, by digest, where they are known.
        clock: Seconds; replaced in tests.
    """

    def __init__(
        self,
        console: Console,
        measured: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._measured = measured or {}
        self._clock = clock
        self._lock = threading.RLock()
        self._lines = LogLines(self._print, clock)
        self._live: LiveScreen | None = None
        self._total = 0
        self._stages: dict[str, Stage] = {}
        self._done: set[str] = set()
        self._failed: set[str] = set()
        self._arms = _Arms(())
        self._running: dict[str, StageProgress] = {}
        self._time_left = TimeLeft(())
        self._estimated = NEVER
        self._started = clock()
        self._over = False
        self._tuning = False

    def watch(self, event: Event) -> None:
        """Show what happened."""
        match event:
            case Planned(plan):
                self._show_tests(plan)
            case RunBegan():
                self._begin(event)
            case Began():
                self._begin_stage(event)
            case Advanced():
                self._advance(event)
            case Entered():
                self._enter(event)
            case Ended():
                self._end_stage(event)
            case Postponed():
                self._postpone(event)
            case GivenUp(digest, reason):
                self._give_up([digest])
                self._lines.write(f"{self._count} failed: {self._label(digest)}: {indented(reason)}")
            case Dropped(digests, reason):
                self._give_up(digests)
                names = self._label(digests[0]) if len(digests) == 1 else f"{len(digests):,} stages"
                self._lines.write(f"{self._count} left out, because {one_line(reason)}: {names}")
            case Noted(text):
                self._lines.write(f"note: {indented(text)}")
            case RunEnded(interrupted):
                self._finish(stays=not interrupted)

    def _show_tests(self, plan: Plan) -> None:
        """What will be tested, where somebody looks on."""
        if self._console.is_terminal:
            self._console.print(" ".join(what_is_tested(plan)), highlight=False, markup=False)

    def _begin(self, event: RunBegan) -> None:
        """The live view begins, too, where there is a terminal."""
        plan, waiting = event.plan, event.waiting
        todo = {stage.digest for stage in (*waiting, *event.others)}
        self._stages = {stage.digest: stage for stage in plan.stages}
        self._total = len(plan.stages)
        self._tuning = plan.of_tries
        self._failed.clear()
        self._estimated = NEVER
        self._done = self._stages.keys() - todo
        self._arms = _Arms(_needs(plan))
        self._arms.done(self._done)
        self._time_left = TimeLeft(waiting, plan.stages)
        for stage in plan.stages:
            if (seconds := self._measured.get(stage.digest)) is not None:
                self._time_left.measured(stage, seconds)
        self._started = self._clock()
        self._over = False
        if waiting and _can_be_redrawn(self._console):
            self._live = LiveScreen(self._console, self.view)
            self._live.start()

    def _begin_stage(self, event: Began) -> None:
        """A line in the live view."""
        stage = self._stages[event.digest]
        with self._lock:
            self._done.discard(stage.digest)
            self._running[stage.digest] = StageProgress(stage, event.slot, self._clock())
            self._time_left.begins(stage, event.slot, len(self._running))

    def _advance(self, event: Advanced) -> None:
        """The line shows it."""
        with self._lock:
            if (progress := self._running.get(event.digest)) is not None:
                progress.advances(self._clock(), event.done, event.total, event.tokens)

    def _enter(self, event: Entered) -> None:
        """The line shows it; the start of an engine is said where there is no live view."""
        with self._lock:
            if (progress := self._running.get(event.digest)) is not None:
                progress.part = event.part
        if event.part == ENGINE_START and self._live is None:
            self._lines.write(f"{self._count} engine starts: {self._label(event.digest)}")

    def _end_stage(self, event: Ended) -> None:
        """Count it; say it where there is no live view."""
        stage = self._stages[event.digest]
        with self._lock:
            progress = self._running.pop(stage.digest, None)
            self._done.add(stage.digest)
            self._arms.done({stage.digest})
            self._time_left.over(stage)
            if event.seconds > 0:  # else another run did it
                self._time_left.measured(stage, event.seconds)
        if self._live is None:
            done = f"done: {one_line(stage.label)} ({_took(event, progress)})"
            self._lines.write_latest(f"{self._count} {done}", self._ending())

    def _postpone(self, event: Postponed) -> None:
        """Say that it will be tried again, and why."""
        with self._lock:
            self._running.pop(event.digest, None)
        again = f"again in {duration_text(event.delay_seconds)}"
        self._lines.write(f"{self._count} {again}: {self._label(event.digest)}: {indented(event.reason)}")

    def _label(self, digest: str) -> str:
        return one_line(self._stages[digest].label)

    def _finish(self, *, stays: bool) -> None:
        """End the live view; its last state stays on the screen, or leaves no trace."""
        with self._lock:
            self._running.clear()
            self._over = True
        self._lines.flush()
        if self._live is not None:
            self._live.stop(stays=stays)
            self._live = None

    @property
    def _count(self) -> str:
        return f"[{'tuning ' * self._tuning}{len(self._done)}/{self._total}]"

    def _ending(self) -> str:
        left = self._seconds_left()
        return "" if left is None or len(self._done) == self._total else f", about {roughly(left)} left"

    def _seconds_left(self) -> float | None:
        """The estimate, made anew once a second: it looks at every stage that is left."""
        now = self._clock()
        if now - self._estimated[0] >= ESTIMATE_SECONDS:
            self._estimated = (now, self._time_left.seconds_left(self._running, now))
        return self._estimated[1]

    def _give_up(self, digests: Iterable[str]) -> None:
        with self._lock:
            for digest in digests:
                self._running.pop(digest, None)
                self._failed.add(digest)
                self._time_left.over(self._stages[digest])

    def refresh(self) -> None:
        """Draw the live view now, where there is one."""
        if self._live is not None:
            self._live.refresh()

    def view(self) -> LiveView:
        """How far the run is now."""
        with self._lock:
            now = self._clock()
            return LiveView(
                stages=(len(self._done), self._total),
                arms=(self._arms.finished, self._arms.total),
                failed=len(self._failed),
                passed_seconds=now - self._started,
                left_seconds=self._seconds_left(),
                running=list(self._running.values()),
                now=now,
                over=self._over,
                tuning=self._tuning,
            )

    def _print(self, line: str) -> None:
        """A terminal gets lines that end between words, a file one line for each."""
        shown = Hanging(line, MARKED)
        if self._live is not None:
            self._live.print(shown)
        elif self._console.file.isatty():
            self._console.print(shown)
        else:
            self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _took(event: Ended, progress: StageProgress | None) -> str:
    """How long a stage took, and how fast it was: at its work where that was seen, else from end to end."""
    speed = progress.mean_tokens_per_second if progress is not None else None
    if not speed and event.seconds > 0:
        speed = event.tokens / event.seconds
    return f"{event.seconds:.1f} s{f', {speed_text(speed)} tokens/s' if speed else ''}"


def _can_be_redrawn(console: Console) -> bool:
    """Whether it is a terminal, and not only said to be one by FORCE_COLOR."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


def _needs(plan: Plan) -> Iterator[tuple[Point, set[str]]]:
    """The stages after which a trained model is done with: its evaluations, else its training."""
    measured: defaultdict[Point, set[str]] = defaultdict(set)
    for evaluation in plan.evaluations:
        measured[evaluation.point].add(evaluation.digest)
    for point, training in plan.training.items():
        if point != START:
            yield point, measured[point] or {training}


class _Arms:
    """Counts the trained models that are done with.

    Args:
        needs: The digests of the stages that each needs.

    Attributes:
        total: How many models there are.
    """

    def __init__(self, needs: Iterable[tuple[Point, set[str]]]) -> None:
        self._open = {point: set(digests) for point, digests in needs}
        self._readers: defaultdict[str, list[Point]] = defaultdict(list)
        for point, digests in self._open.items():
            for digest in digests:
                self._readers[digest].append(point)
        self.total = len(self._open)

    @property
    def finished(self) -> int:
        """How many are done with."""
        return self.total - len(self._open)

    def done(self, digests: set[str]) -> None:
        """Stages are done."""
        for digest in digests:
            for point in self._readers.pop(digest, ()):
                self._open[point].discard(digest)
                if not self._open[point]:
                    del self._open[point]
