"""The process that writes to one experiment tracker: ``python -m lorr_bench.track.process OUTPUT TRACKER``.

It reads one trained model a line from standard input, with the sections that it has by now, and logs those
that are new. What the tracker prints, loads and hangs on stays in this process. On standard output it says
what the user should know, a sentence a line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from lorr_bench.outside import SecretFree, fit_to_show
from lorr_bench.store.disk import write_text
from lorr_bench.track.history import TrackedRun
from lorr_bench.track.trackers import TRACKERS, Say, Tracker

LOGGED_FILE: Final = "trackers/{tracker}.json"

Rows = Sequence[tuple[int, Mapping[str, float]]]


class Logbook:
    """Remembers what a tracker has, so that nothing is logged twice.

    What is logged just before the process is killed may not be remembered; then it is logged once more, the
    same values at the same steps.

    Args:
        file: Kept here; what is damaged counts as empty.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._logged = read_logged(file)

    def new(self, run: str, keys: Iterable[str]) -> list[str]:
        """Those of the sections of a run that the tracker does not have."""
        known = self._logged.get(run, ())
        return [key for key in keys if key not in known]

    def add(self, run: str, keys: Iterable[str]) -> None:
        """The tracker has sections of a run now."""
        self._logged.setdefault(run, []).extend(keys)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._file, json.dumps(self._logged, indent=1))


def read_logged(file: Path) -> dict[str, list[str]]:
    """Keys of logged sections by run; nothing where the file is missing or damaged."""
    try:
        logged = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return logged if isinstance(logged, dict) else {}


class Recorder:
    """Logs to a tracker what it does not have; once the tracker has failed, nothing any more.

    Args:
        name: Of the tracker.
        make: Sets it up, when there is something to log.
        logbook: What it has.
        say: Tells the user.
    """

    def __init__(self, name: str, make: Callable[[], Tracker], logbook: Logbook, say: Say) -> None:
        self._name = name
        self._make = make
        self._tracker: Tracker | None = None
        self._logbook = logbook
        self._say = say
        self._failed = False

    def log(self, run: TrackedRun, sections: Mapping[str, Rows]) -> None:
        """Log what is new of a run.

        Args:
            run: The run.
            sections: Rows of each, by key.
        """
        keys = self._logbook.new(run.id, sections)
        if self._failed or not keys:
            return
        try:
            self._write(run, [row for key in keys for row in sections[key] if row[1]])
            self._logbook.add(run.id, keys)
        except Exception as error:  # noqa: BLE001 - a tracker never stops a suite
            self._failed = True
            reason = fit_to_show(f"{type(error).__name__}: {error}")
            self._say(f"{self._name} failed and is off; the next run logs what it lacks. {reason}")

    def _write(self, run: TrackedRun, rows: Rows) -> None:
        if self._tracker is None:
            self._tracker = self._make()
        self._tracker.open(run)
        for step, values in rows:
            self._tracker.log(step, values)
        self._tracker.close()


def main(output: Path, name: str, orders: TextIO, answers: TextIO) -> None:
    """Log what is read until there is no more.

    Args:
        output: Output folder of the run.
        name: Of the tracker.
        orders: A trained model a line.
        answers: Sentences for the user go here.
    """

    def say(text: str) -> None:
        print(" ".join(text.split()), file=answers, flush=True)

    logbook = Logbook(output / LOGGED_FILE.format(tracker=name))
    recorder = Recorder(name, partial(TRACKERS[name], output, say), logbook, say)
    for line in orders:
        order = json.loads(line)
        recorder.log(TrackedRun(**order["run"]), {one["key"]: one["rows"] for one in order["sections"]})


if __name__ == "__main__":
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr = SecretFree(sys.stderr)
    main(Path(sys.argv[1]), sys.argv[2], sys.stdin, told)
