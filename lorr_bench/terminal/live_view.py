"""The live view of a run: how far it is, and a line for each slot at work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lorr_bench.events import ENGINE_START
from lorr_bench.forecast.time_left import StageProgress
from lorr_bench.quantities import duration_text, roughly, speed_text
from lorr_bench.terminal.text import one_line

FRAME_LINES: Final = 4
"""Bar, times, heading of the slots, and a line left free for the cursor."""
MIN_LINES: Final = 3
SLOT_LETTERS: Final = 18
BAR_LETTERS: Final = 24
DONE_STYLE, LEFT_STYLE = "green", "bright_black"
"""Seen on light and on dark; Rich's own is red, as failures are, and what is left black on white."""
ECHO_LETTERS: Final = 2
"""Left free at the end of each line: a terminal writes `^C` there, and would begin a new line for it."""
PARTS: Final[Mapping[str, str]] = {ENGINE_START: "engine starts", "load": "loads weights"}
"""What a stage does before it can say how far it is, by the part of its work."""


@dataclass(frozen=True)
class LiveView:
    """A moment of a run; takes no more room than the terminal has.

    Attributes:
        stages: Stages done, and all.
        arms: Trained models that are evaluated, and all.
        failed: Stages that failed, or wait for one that did.
        passed_seconds: Since the run began.
        left_seconds: Until its end; None while that can't be told.
        running: The stages under way.
        now: On the clock of the stages.
        over: Whether the run has ended.
        tuning: Whether its models are tries, of which settings are chosen.
    """

    stages: tuple[int, int]
    arms: tuple[int, int]
    failed: int
    passed_seconds: float
    left_seconds: float | None
    running: Sequence[StageProgress]
    now: float
    over: bool = False
    tuning: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich's protocol for what can be printed."""
        parts = Group(*self._parts(options.height or console.height))
        yield Constrain(parts, max(1, options.max_width - ECHO_LETTERS))

    def _parts(self, height: int) -> Iterator[RenderableType]:
        yield self._headline()
        yield Text(self._times(), no_wrap=True, overflow="ellipsis")
        if self.running:
            yield from self._slots(max(MIN_LINES, height - FRAME_LINES))

    def _headline(self) -> Table:
        (done, total), (arms, all_arms) = self.stages, self.arms
        before, models = ("tuning: ", "tries") if self.tuning else ("", "arms")
        told = Text(
            f"{before}{done:,}/{total:,} stages, {arms:,}/{all_arms:,} {models}",
            no_wrap=True,
            overflow="ellipsis",
        )
        if self.failed:
            told.append(", ").append(f"{self.failed:,} failed", "red")
        bar = ProgressBar(
            total=max(1, total),
            completed=done,
            width=BAR_LETTERS,
            style=LEFT_STYLE,
            complete_style=DONE_STYLE,
            finished_style=DONE_STYLE,
        )
        line = Table.grid(padding=(0, 2))
        line.add_row(bar, told)
        return line

    def _times(self) -> str:
        if self.over:
            return f"{duration_text(self.passed_seconds)} passed"
        left = self.left_seconds
        ending = "time left: measuring" if left is None else f"about {roughly(left)} left"
        return f"{duration_text(self.passed_seconds)} passed, {ending}"

    def _slots(self, lines: int) -> Iterator[RenderableType]:
        """A line for each slot, or as many as there is room for and one that counts the others."""
        ordered = sorted(self.running, key=lambda progress: _natural(progress.slot))
        shown = ordered if len(ordered) <= lines else ordered[: lines - 1]
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True, header_style="dim")
        table.add_column("worker", no_wrap=True, overflow="ellipsis", max_width=SLOT_LETTERS)
        table.add_column("stage", no_wrap=True, overflow="ellipsis", ratio=1)
        for name in ("done", "tokens/s", "left"):
            table.add_column(name, no_wrap=True, justify="right")
        for progress in shown:
            slot, label, *figures = self._slot(progress)
            table.add_row(Text(slot), _Shortened(label), *map(Text, figures))
        yield table
        if len(shown) < len(ordered):
            yield Text(f"and {len(ordered) - len(shown):,} more", "dim")

    def _slot(self, progress: StageProgress) -> tuple[str, ...]:
        share, speed, left = progress.share, progress.tokens_per_second, progress.seconds_left(self.now)
        return (
            one_line(progress.slot),
            one_line(progress.stage.label),
            PARTS.get(progress.part, "") if share is None else f"{share:.0%}",
            "" if speed is None else speed_text(speed),
            "" if left is None or share == 1 else roughly(left),
        )


@dataclass(frozen=True)
class _Shortened:
    """A text that loses its middle where there is no room: method and seed stand at its ends."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        if cell_len(self.text) <= width:
            yield Text(self.text, no_wrap=True)
            return
        end = set_cell_size(self.text[::-1], (width - 1) // 3)[::-1]
        yield Text(f"{set_cell_size(self.text, width - 1 - cell_len(end))}…{end}", no_wrap=True)


def _natural(slot: str) -> list[tuple[bool, str, int]]:
    """A key that sorts ``train 2`` before ``train 10``."""
    parts = re.findall(r"\d+|\D+", slot)
    return [
        (part.isdigit(), "" if part.isdigit() else part, int(part) if part.isdigit() else 0) for part in parts
    ]
