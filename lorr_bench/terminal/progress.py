"""Show a run: one live view on a terminal, plain lines where the output goes elsewhere."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.live import Live

from lorr_bench.forecast.time_left import StageProgress, TimeLeft
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.quantities import duration_text, roughly, speed_text
from lorr_bench.terminal.live_view import LiveView
from lorr_bench.terminal.log_lines import Lines
from lorr_bench.terminal.text import indented, one_line
from lorr_bench.values import START, Point

REFRESH_PER_SECOND: Final = 4
ESTIMATE_SECONDS: Final = 1.0
NEVER: Final[tuple[float, float | None]] = (float("-inf"), None)


class Display:
    """Shows one run; a watcher of its driver.

    Args:
        console: Where the live view goes, if it is a terminal.
        errors: Where lines go: failures and notes, and where there is no live view all else.
        measured: Seconds of the stages that were done before, by digest, where they are known.
        clock: Seconds; replaced in tests.
    """

    def __init__(
        self,
        console: Console,
        errors: Console,
        measured: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._errors = errors
        self._measured = measured or {}
        self._clock = clock
        self._lock = threading.RLock()
        self._lines = Lines(self._print, clock)
        self._live: Live | None = None
        self._total = 0
        self._done: set[str] = set()
        self._failed: set[str] = set()
        self._arms = _Arms(())
        self._running: dict[str, StageProgress] = {}
        self._time_left = TimeLeft(())
        self._estimated = NEVER
        self._started = clock()

    def begin(self, plan: Plan, waiting: Sequence[Stage], others: Sequence[Stage] = ()) -> None:
        """The run begins; the live view, too, where there is a terminal."""
        todo = {stage.digest for stage in (*waiting, *others)}
        self._total = len(plan.stages)
        self._failed.clear()
        self._estimated = NEVER
        self._done = {stage.digest for stage in plan.stages} - todo
        self._arms = _Arms(_needs(plan))
        self._arms.done(self._done)
        self._time_left = TimeLeft(waiting, plan.stages)
        for stage in plan.stages:
            if (seconds := self._measured.get(stage.digest)) is not None:
                self._time_left.measured(stage, seconds)
        self._started = self._clock()
        if waiting and _can_be_redrawn(self._console):
            self._start_live()

    def stage_begins(self, stage: Stage, slot: str) -> None:
        """A line in the live view."""
        with self._lock:
            self._done.discard(stage.digest)
            self._running[stage.digest] = StageProgress(stage, slot, self._clock())
            self._time_left.begins(stage, slot, len(self._running))

    def stage_advances(self, stage: Stage, done: int, total: int, tokens: int) -> None:
        """The line shows it."""
        with self._lock:
            if (progress := self._running.get(stage.digest)) is not None:
                progress.advances(self._clock(), done, total, tokens)

    def stage_ends(self, stage: Stage, seconds: float, tokens: int) -> None:
        """Count it; say it where there is no live view."""
        with self._lock:
            progress = self._running.pop(stage.digest, None)
            self._done.add(stage.digest)
            self._arms.done({stage.digest})
            self._time_left.over(stage)
            if seconds > 0:  # else another run did it
                self._time_left.measured(stage, seconds)
            if self._live is None:
                speed = (progress and progress.mean_tokens_per_second) or (
                    tokens / seconds if seconds > 0 else 0.0
                )
                took = f"{seconds:.1f} s{f', {speed_text(speed)} tokens/s' if speed else ''}"
                self._lines.mention(f"{self._count} done: {one_line(stage.label)} ({took})", self._ending())

    def stage_retries(self, stage: Stage, reason: str, delay_seconds: float) -> None:
        """Say that it will be tried again, and why."""
        with self._lock:
            self._running.pop(stage.digest, None)
            what = f"again in {duration_text(delay_seconds)}: {one_line(stage.label)}: {indented(reason)}"
            self._lines.say(f"{self._count} {what}")

    def stage_fails(self, stage: Stage, reason: str) -> None:
        """Say it, and why."""
        self._give_up([stage])
        self._lines.say(f"{self._count} failed: {one_line(stage.label)}: {indented(reason)}")

    def stages_dropped(self, stages: Sequence[Stage], reason: str) -> None:
        """Say how many."""
        self._give_up(stages)
        names = one_line(stages[0].label) if len(stages) == 1 else f"{len(stages):,} stages"
        self._lines.say(f"{self._count} left out, because {one_line(reason)}: {names}")

    def note(self, text: str) -> None:
        """Say it."""
        self._lines.say(f"note: {indented(text)}")

    def finish(self) -> None:
        """End the live view; its last state stays on the screen."""
        with self._lock:
            self._running.clear()
        self._lines.flush()
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def _count(self) -> str:
        return f"[{len(self._done)}/{self._total}]"

    def _ending(self) -> str:
        left = self._seconds_left()
        return "" if left is None or len(self._done) == self._total else f", about {roughly(left)} left"

    def _seconds_left(self) -> float | None:
        """The estimate, made anew once a second: it looks at every stage that is left."""
        now = self._clock()
        if now - self._estimated[0] >= ESTIMATE_SECONDS:
            self._estimated = (now, self._time_left.seconds_left(self._running, now))
        return self._estimated[1]

    def _give_up(self, stages: Sequence[Stage]) -> None:
        with self._lock:
            for stage in stages:
                self._running.pop(stage.digest, None)
                self._failed.add(stage.digest)
                self._time_left.over(stage)

    def _start_live(self) -> None:
        self._live = Live(
            console=self._console,
            get_renderable=self._view,
            refresh_per_second=REFRESH_PER_SECOND,
            redirect_stderr=self._errors.is_terminal,  # failures still reach a file that stderr is sent to
        )
        self._live.start()

    def _view(self) -> LiveView:
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
            )

    def _print(self, line: str) -> None:
        self._errors.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


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
