"""Tell experiment trackers about trained models, each through a process of its own."""

from __future__ import annotations

import json
import queue
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from lorr_bench.events import Dropped, Ended, Event, GivenUp, RunBegan, RunEnded, Watcher
from lorr_bench.line_process import LineProcess
from lorr_bench.outside import fit_to_show
from lorr_bench.plan.stage import Stage
from lorr_bench.spec.models import Suite
from lorr_bench.store.store import Store
from lorr_bench.track.history import History
from lorr_bench.track.process import LOGGED_FILE, read_logged
from lorr_bench.track.trackers import check_packages
from lorr_bench.values import Point

LOG_FILE: Final = "logs/trackers/{tracker}.log"
FLUSH_SECONDS: Final = 120.0
"""How long the end of a run waits for a tracker."""
INTERRUPTED_FLUSH_SECONDS: Final = 5.0
"""The same for a run that is interrupted."""

_News = tuple[Point, Mapping[str, Stage]]
"""A model, and its stages that are done, by the key of their section."""


def make_trackers(
    suite: Suite, output: Path, store: Store, notice: Callable[[str], None]
) -> tuple[Watcher, ...]:
    """A watcher of the run for each tracker that the suite names.

    Args:
        suite: What names them, under ``execution.report_to``.
        output: Output folder of the run.
        store: Where results lie.
        notice: Told what the user should know.

    Raises:
        MissingPackageError: A tracker is not installed.
    """
    names = tuple(dict.fromkeys(suite.execution.report_to))
    check_packages(names)
    return tuple(Reporter(name, output, store, notice).watch for name in names)


class TrackerProcess(LineProcess):
    """The process that a tracker runs in; an interrupt of the run lets it end what it has begun.

    Args:
        command: Starts it.
        log: File for what it prints.
        notice: Told what it says.
    """

    def __init__(self, command: Sequence[str], log: Path, notice: Callable[[str], None]) -> None:
        self._log = log
        self._notice = notice
        super().__init__(command, log)

    def hear(self, line: str | None) -> None:
        """Pass on what it says."""
        if line is not None:
            self._notice(line.strip())

    def finish(self) -> int:
        """Wait until it has done everything."""
        code = super().finish()
        if code not in (0, -signal.SIGKILL):
            self._notice(f"the process of a tracker failed; {self._log} holds what it printed")
        return code


class Reporter:
    """Tells a tracker about each trained model; its ``watch`` is a watcher.

    It tells of a training when that ends, and of the scores when the last evaluation of the model is over; of
    stages that were done before too, where the tracker does not have them. The tracker runs in a process
    beside the driver, so neither its failures nor its delays reach it.

    Args:
        name: Of the tracker.
        output: Output folder of the run.
        store: Where results lie.
        notice: Told what the user should know.
        command: Starts the process; replaced in tests.
        flush_seconds: How long the end of a run waits for the tracker at most.
    """

    def __init__(
        self,
        name: str,
        output: Path,
        store: Store,
        notice: Callable[[str], None],
        *,
        command: Sequence[str] = (sys.executable, "-P", "-m", "lorr_bench.track.process"),
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._name = name
        self._output = output
        self._store = store
        self._notice = notice
        self._command = [*command, str(output), name]
        self._flush_seconds = flush_seconds
        self._todo: set[str] = set()
        self._trainings: set[str] = set()
        self._readers: defaultdict[str, list[Point]] = defaultdict(list)
        self._open: dict[Point, set[str]] = {}
        self._untold: set[Point] = set()
        self._history: History | None = None
        self._told: queue.Queue[_News | None] = queue.Queue()
        self._process: TrackerProcess | None = None
        self._sender: threading.Thread | None = None

    def watch(self, event: Event) -> None:
        """Tell the tracker what an event completes."""
        match event:
            case RunBegan():
                self._begin(event)
            case Ended(digest=digest):
                self._todo.discard(digest)
                self._untold.update(self._readers.get(digest, ()))
                self._over([digest])
            case GivenUp(digest=digest):
                self._over([digest])
            case Dropped(digests=digests):
                self._over(digests)
            case RunEnded(interrupted=interrupted):
                self._finish(INTERRUPTED_FLUSH_SECONDS if interrupted else FLUSH_SECONDS)
            case _:
                pass  # nothing that a tracker has a place for

    def _begin(self, event: RunBegan) -> None:
        """Start the process, and tell it what was done before."""
        self._history = history = History(event.plan)
        self._todo = {stage.digest for stage in (*event.waiting, *event.others)}
        self._trainings = {stage.digest for stage in event.plan.stages if stage.kind == "train"}
        self._readers.clear()
        self._untold.clear()
        self._told = queue.Queue()
        for point in history.trainings:
            stages = history.keys(point).values()
            for digest in {stage.digest for stage in stages}:
                self._readers[digest].append(point)
            measured = {stage.digest for stage in stages if stage.kind != "train"}
            self._open[point] = measured & self._todo
            self._tell(point)
        self._process = TrackerProcess(
            self._command, self._output / LOG_FILE.format(tracker=self._name), self._notice
        )
        self._sender = threading.Thread(target=self._send, args=(history, self._process), daemon=True)
        self._sender.start()

    def _finish(self, flush_seconds: float) -> None:
        """Tell the rest, and wait for the tracker, but not for ever."""
        if self._sender is None or self._process is None:
            return
        for point in sorted(self._untold, key=str):
            self._tell(point)
        self._told.put(None)
        self._sender.join(min(flush_seconds, self._flush_seconds))
        if self._sender.is_alive():
            self._process.kill()
            self._notice(f"{self._name} did not keep up; the next run logs what it lacks")
        self._sender.join()
        self._sender = None

    def _over(self, digests: Iterable[str]) -> None:
        """Stages are done or will not be: queue the models that this completes."""
        for digest in digests:
            for point in self._readers.get(digest, ()):
                self._open[point].discard(digest)
                if point in self._untold and (digest in self._trainings or not self._open[point]):
                    self._untold.discard(point)
                    self._tell(point)

    def _tell(self, point: Point) -> None:
        """Queue a model with the stages that are done by now."""
        assert self._history is not None
        stages = self._history.keys(point).items()
        if done := {key: stage for key, stage in stages if stage.digest not in self._todo}:
            self._told.put((point, done))

    def _send(self, history: History, process: TrackerProcess) -> None:
        """Run in a thread, because reading takes its time and the pipe may be full."""
        try:
            self._send_all(history, process)
        except Exception as error:  # noqa: BLE001 - a tracker never stops a suite
            reason = fit_to_show(f"{type(error).__name__}: {error}")
            self._notice(f"{self._name} is told nothing more in this run. {reason}")
        process.finish()

    def _send_all(self, history: History, process: TrackerProcess) -> None:
        """Send one model after the other, unless the tracker has all of it."""
        logged = read_logged(self._output / LOGGED_FILE.format(tracker=self._name))
        while (news := self._told.get()) is not None:
            point, done = news
            run = history.run(point)
            if done.keys() <= set(logged.get(run.id, ())):
                continue
            records = {stage.digest: self._store.read(stage) for stage in done.values()}
            sections = history.sections(point, {digest: found for digest, found in records.items() if found})
            process.tell(json.dumps({"run": asdict(run), "sections": [asdict(one) for one in sections]}))
