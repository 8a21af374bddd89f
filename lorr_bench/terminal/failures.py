"""Why stages have no result, at the end of a run: each cause once, with the commands that say more."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from lorr_bench.events import Dropped, Event, GivenUp, Planned, RunBegan
from lorr_bench.plan.stage import Stage
from lorr_bench.run.local import log_file
from lorr_bench.terminal.text import Hanging, one_line

MAX_CAUSES: Final = 10
MAX_LABELS: Final = 3
LOG_LINES: Final = 40
TEXT: Final = 5
"""Letters before what is said of a cause."""
_DIGEST: Final = re.compile(r"\b[0-9a-f]{8,64}\b")


@dataclass
class Cause:
    """Why one or several stages failed.

    Attributes:
        reason: Why, and what to do, as the first of them said it.
        stages: Those that failed.
        behind: How many others wait for one of them.
        lasting: Whether they fail again until something is mended.
        used_up: Whether one of them has used up its attempts.
    """

    reason: str
    stages: list[Stage] = field(default_factory=list)
    behind: int = 0
    lasting: bool = False
    used_up: bool = False


class Failures:
    """Remembers what failed in a run; its ``watch`` is a watcher."""

    def __init__(self) -> None:
        self._stages: Mapping[str, Stage] = {}
        self._causes: dict[str, Cause] = {}
        self._of_tries: dict[str, Cause] = {}
        self._tries = False
        self._latest: Cause | None = None

    def watch(self, event: Event) -> None:
        """Remember it, if it is a failure."""
        match event:
            case Planned(plan) | RunBegan(plan):
                self._stages = {stage.digest: stage for stage in plan.stages}
                self._of_tries.update(self._causes if self._tries else {})  # what follows does not try them
                self._tries = plan.of_tries
                self._causes.clear()
            case GivenUp(counts=True):
                self._latest = None
            case GivenUp():
                self._latest = self._cause(event)
            case Dropped(digests) if self._latest is not None:  # told right after what they need
                self._latest.behind += len(digests)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The different causes, the first to be met first."""
        return (*self._of_tries.values(), *self._causes.values())

    def _cause(self, event: GivenUp) -> Cause:
        stage = self._stages[event.digest]
        cause = self._causes.setdefault(_alike(event.reason, stage), Cause(event.reason))
        cause.stages.append(stage)
        cause.lasting = cause.lasting or event.lasting
        cause.used_up = cause.used_up or event.used_up
        return cause


def _alike(reason: str, stage: Stage) -> str:
    """A reason without what only names the stage: its label, and digests in the paths of its files."""
    return _DIGEST.sub("…", reason.replace(stage.label, "…"))


def print_failures(err: Console, causes: Sequence[Cause], status: Sequence[str], logs: Path) -> None:
    """Say why stages have no result, and what helps.

    Args:
        err: Where to.
        causes: Why; at least one.
        status: The command that shows the state of the suite, in words.
        logs: Folder of the logs of the run.
    """
    lost = sum(len(cause.stages) + cause.behind for cause in causes)
    stages = "1 stage has" if lost == 1 else f"{lost:,} stages have"
    err.print(f"{stages} no result, for {_number(len(causes), 'cause')}:", style="red", highlight=False)
    for number, cause in enumerate(causes[:MAX_CAUSES], start=1):
        err.print(Hanging(f"{number}. {cause.reason}", first=2, further=TEXT))
        err.print(Hanging(_who(cause), first=TEXT, further=TEXT))
        if (log := _log(cause, logs)) is not None:
            _print_command(err, f"{' ' * TEXT}Log: ", ("tail", "-n", str(LOG_LINES), str(log)))
    if len(causes) > MAX_CAUSES:
        err.print(f"  and {_number(len(causes) - MAX_CAUSES, 'more cause')}", highlight=False)
    _print_command(err, "All of them: ", status)
    err.print(Hanging(advice(causes)))


def advice(causes: Sequence[Cause]) -> str:
    """What helps against these causes."""
    mend = any(cause.lasting for cause in causes)
    again = any(cause.used_up for cause in causes)
    if mend and again:
        return "Mend what is said above, then run the same command with --retry-failed."
    if mend:
        return "Mend what is said above, then run the same command again."
    if again:
        return "Their attempts are used up: --retry-failed gives them new ones."
    return "Run the same command again to try them again."


def _who(cause: Cause) -> str:
    """The stages of a cause, the first of them by name."""
    labels = [one_line(stage.label) for stage in cause.stages[:MAX_LABELS]]
    more = len(cause.stages) - len(labels)
    told = "; ".join(labels) + (f"; and {more:,} more" if more else "")
    behind = f". Behind {'it' if len(cause.stages) == 1 else 'them'}: {_number(cause.behind, 'stage')}"
    return f"{told}{behind if cause.behind else ''}"


def _log(cause: Cause, logs: Path) -> Path | None:
    """The first log of a cause that holds something, from the current folder where it lies below."""
    for stage in cause.stages:
        log = log_file(logs, stage)
        if log.is_file() and log.stat().st_size:
            here = Path.cwd()
            return log.relative_to(here) if log.is_relative_to(here) else log
    return None


def _print_command(err: Console, before: str, command: Sequence[str]) -> None:
    """On one line, however long, so that it can be copied."""
    err.print(f"{before}{shlex.join(command)}", markup=False, highlight=False, soft_wrap=True)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
