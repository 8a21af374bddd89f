"""Show a run: a live line with time left on a terminal, almost nothing when piped."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.run.driver import LANES

REFRESH_PER_SECOND: Final = 4


class Estimate:
    """Time left, from the stages that ran: the mean of a kind, weighted by its expected work.

    Args:
        stages: The stages to run.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._left = {stage.digest: stage for stage in stages}
        self._seconds: dict[str, float] = defaultdict(float)
        self._work: dict[str, float] = defaultdict(float)

    def finished(self, stage: Stage, seconds: float | None) -> None:
        """A stage is over; ``seconds`` is None where it failed."""
        self._left.pop(stage.digest, None)
        if seconds is not None:
            self._seconds[stage.kind] += seconds
            self._work[stage.kind] += work(stage)

    def seconds_left(self) -> float | None:
        """Seconds until the slower lane is through; None while a kind of stage was never measured."""
        totals = dict.fromkeys(LANES, 0.0)
        for stage in self._left.values():
            if not self._work[stage.kind]:
                return None
            totals[stage.lane] += self._seconds[stage.kind] / self._work[stage.kind] * work(stage)
        return max(totals.values())


def work(stage: Stage) -> float:
    """How much a stage has to do, in units that compare within its kind."""
    if stage.kind == "train":
        return float(stage.params["unique_pairs"] * len(stage.params["sft_weights"]))
    return 1.0


def spoken(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Display:
    """Shows one run on a console.

    Args:
        console: Where to; only a terminal gets the live view.
        errors: Where failures are said.
    """

    def __init__(self, console: Console, errors: Console) -> None:
        self._console = console
        self._errors = errors
        self._live: Live | None = None
        self._total = self._done = 0
        self._current: dict[str, tuple[Stage, str]] = {}
        self._estimate = Estimate([])
        self._started = time.monotonic()

    def begin(self, plan: Plan, waiting: Sequence[Stage]) -> None:
        """Start the live view on a terminal."""
        self._total, self._done = len(plan.stages), len(plan.stages) - len(waiting)
        self._estimate = Estimate(waiting)
        self._started = time.monotonic()
        if self._console.is_terminal and waiting:
            self._live = Live(
                console=self._console, get_renderable=self._view, refresh_per_second=REFRESH_PER_SECOND
            )
            self._live.start()

    def stage_begins(self, stage: Stage) -> None:
        """Show what a lane is doing."""
        self._current[stage.lane] = (stage, "")

    def stage_advances(self, stage: Stage, done: int, total: int) -> None:
        """Show how far it is."""
        self._current[stage.lane] = (stage, f"{100 * done // max(1, total)} %")

    def stage_ends(self, stage: Stage, seconds: float) -> None:
        """Count it."""
        self._over(stage, seconds)

    def stage_fails(self, stage: Stage, reason: str) -> None:
        """Say it at once, above the live view."""
        self._over(stage, None)
        message = f"[red]failed[/red] {escape(stage.label)}: {escape(reason)}"
        self._errors.print(message, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """End the live view."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _over(self, stage: Stage, seconds: float | None) -> None:
        self._done += 1
        self._current.pop(stage.lane, None)
        self._estimate.finished(stage, seconds)

    def _view(self) -> Table:
        table = Table.grid(padding=(0, 2))
        left = self._estimate.seconds_left()
        ending = "time left: measuring" if left is None else f"about {spoken(left)} left"
        passed = spoken(time.monotonic() - self._started)
        table.add_row(f"{self._done}/{self._total} stages", f"{passed} passed, {ending}")
        for lane in LANES:
            stage, far = self._current.get(lane, (None, ""))
            table.add_row(f"  {lane}", f"{escape(stage.label)} {far}" if stage else "[dim]waiting[/dim]")
        return table
