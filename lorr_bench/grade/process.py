"""The parent's end of the grading workers: start, deal out questions, kill, restart, stop."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

from lorr_bench.errors import MissingPackageError, StageError
from lorr_bench.grade.policy import Policy
from lorr_bench.outside import public_variables

SCRIPT: Final = Path(__file__).with_name("worker.py")
IMPORT_ROOT: Final = Path(__file__).parents[2]
MEMORY_BYTES: Final = 3 << 29  # 1.5 GiB of address space; Math-Verify itself needs about 60 MiB
START_SECONDS: Final = 120.0
# The worker keeps its limit in processor seconds; on the clock it gets this many times as long, and a while.
BUSY_FACTOR: Final = 3.0
GRACE_SECONDS: Final = 2.0
BATCH_CHARS: Final = 30_000  # below a pipe's 64 KiB, so that writing never waits for a slow answer
BATCH_QUESTIONS: Final = 32
QUESTIONS_PER_WORKER: Final = 200  # about what takes as long as to start another one
MAX_WORKERS: Final = 16


@dataclass(frozen=True, slots=True)
class Question:
    """A gold answer and the text to judge.

    Attributes:
        gold: The gold answer.
        text: The answer that was found.
        policy: How to judge, time limit included.
    """

    gold: str
    text: str
    policy: Policy

    def line(self) -> bytes:
        """The request as the worker reads it."""
        message = {"gold": self.gold, "text": self.text, "policy": _plain(self.policy)}
        return json.dumps(message).encode() + b"\n"


@lru_cache(maxsize=16)
def _plain(policy: Policy) -> dict[str, Any]:
    return asdict(policy)


@dataclass(frozen=True, slots=True)
class Finding:
    """The worker's reply; ``reason`` is ``timeout`` or ``crash`` if it died over the answer."""

    reason: str
    extracted: str | None
    seconds: float


class WorkerEndedError(Exception):
    """The worker is gone.

    Args:
        timed_out: Whether its time limit ended it.
    """

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("the grading worker ended")
        self.timed_out = timed_out


class Worker:
    """A running Math-Verify process and the questions it has been given."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # -P keeps the script's folder off the import path
            [sys.executable, "-P", str(SCRIPT), str(os.getpid()), str(MEMORY_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**public_variables(os.environ), "PYTHONPATH": _import_path()},
            bufsize=0,  # a forked child must not hold half-written requests
        )
        self._buffer = b""
        self._deadline = time.monotonic() + START_SECONDS
        self.answered = 0
        self.given: deque[tuple[int, Question]] = deque()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def seconds_left(self) -> float:
        """Until its next reply is overdue."""
        return max(0.0, self._deadline - time.monotonic())

    def fileno(self) -> int:
        """What ``select`` waits on."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def greet(self) -> None:
        """Wait until it is ready.

        Raises:
            MissingPackageError: Math-Verify is not installed.
            StageError: The process did not start.
        """
        try:
            greeting = self._read_one()
        except WorkerEndedError as ended:
            self.stop()
            raise StageError(
                "the grading process ended before it was ready",
                where="grading",
                fix=f"run `{sys.executable} -c 'import math_verify'` and mend what it says",
            ) from ended
        if "missing" in greeting:
            self.stop()
            raise MissingPackageError(
                f"Math-Verify cannot be imported: {greeting['missing']}",
                where="grading",
                fix="pip install math-verify==0.9.0",
            )

    def give(self, batch: Sequence[tuple[int, Question]]) -> None:
        """Send numbered questions; a worker that is already gone shows when its replies are read."""
        assert self._process.stdin is not None
        self.given.extend(batch)
        self._expect()
        data = memoryview(b"".join(question.line() for _, question in batch))
        try:
            while data:
                data = data[os.write(self._process.stdin.fileno(), data) :]
        except BrokenPipeError:
            return

    def _expect(self) -> None:
        """Set the time by which the next reply must be there."""
        if self.given:
            seconds = self.given[0][1].policy.timeout_seconds * BUSY_FACTOR + GRACE_SECONDS
            self._deadline = time.monotonic() + seconds

    def replies(self) -> list[tuple[int, Finding]]:
        """The findings that have come since, each with its question's number.

        Raises:
            WorkerEndedError: It died, or was killed because it did not keep the limit.
        """
        found = []
        for message in self._messages():
            number, _ = self.given.popleft()
            found.append((number, Finding(message["reason"], message["extracted"], message["seconds"])))
        if found:
            self.answered += len(found)
            self._expect()
        elif not self.seconds_left:
            self._process.kill()
            raise WorkerEndedError(timed_out=True)
        return found

    def _messages(self) -> list[dict[str, Any]]:
        """Whole lines that are there now."""
        if not select.select([self], [], [], 0)[0]:
            return []
        chunk = os.read(self.fileno(), 1 << 16)
        if not chunk:
            raise WorkerEndedError(timed_out=self._process.wait() == -signal.SIGPROF)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def _read_one(self) -> dict[str, Any]:
        while select.select([self], [], [], self.seconds_left)[0]:
            if messages := self._messages():
                return messages[0]
        raise WorkerEndedError(timed_out=True)

    def stop(self) -> None:
        """End the process and close its pipes; harmless if it already ended."""
        self._process.kill()
        self._close_pipes()
        self._process.wait()

    def forget(self) -> None:
        """Close our ends of the pipes only, as a forked child must that does not own the process."""
        self._close_pipes()
        self._process.returncode = 0  # else Popen warns of a process it has not waited for

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _import_path() -> str:
    """This package first, wherever the worker's Python looks else."""
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(IMPORT_ROOT), *([inherited] if inherited else [])])


class Judge:
    """Answers questions through workers, one per core at most, which it starts when needed and replaces."""

    def __init__(self, cores: int | None = None) -> None:
        self._most = min(MAX_WORKERS, cores or len(os.sched_getaffinity(0)))
        self._workers: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the running workers."""
        return [worker.pid for worker in self._workers]

    def ask(self, questions: Sequence[Question]) -> list[Finding]:
        """A finding for each question, in order.

        Raises:
            MissingPackageError: Math-Verify is not installed.
            StageError: A worker does not start.
        """
        waiting = deque(enumerate(questions))
        findings: dict[int, Finding] = {}
        try:
            self._start(min(self._most, -(-len(questions) // QUESTIONS_PER_WORKER)) - len(self._workers))
            while len(findings) < len(questions):
                self._deal(waiting)
                findings.update(self._collect())
        except BaseException:
            self.close()  # replies still to come would be taken for those to the next questions
            raise
        return [findings[number] for number in range(len(questions))]

    def _start(self, count: int) -> None:
        started = [Worker() for _ in range(count)]
        self._workers += started
        for worker in started:
            worker.greet()

    def _deal(self, waiting: deque[tuple[int, Question]]) -> None:
        """Give each idle worker a batch: smaller ones near the end, so that all finish together."""
        for worker in self._workers:
            if waiting and not worker.given:
                share = -(-len(waiting) // len(self._workers))
                worker.give(_batch(waiting, min(BATCH_QUESTIONS, share)))

    def _collect(self) -> dict[int, Finding]:
        """Findings of the workers that have any, once one has; a worker that died is replaced."""
        busy = [worker for worker in self._workers if worker.given]
        select.select(busy, [], [], min(worker.seconds_left for worker in busy))
        findings: dict[int, Finding] = {}
        for worker in busy:
            try:
                findings.update(worker.replies())
            except WorkerEndedError as ended:
                findings.update(self._replace(worker, ended))
        return findings

    def _replace(self, worker: Worker, ended: WorkerEndedError) -> dict[int, Finding]:
        """Start another worker for the questions of one that died; what it died over has its finding."""
        worker.stop()
        self._workers.remove(worker)
        given, finding = list(worker.given), {}
        if ended.timed_out:
            number, question = given.pop(0)
            finding[number] = Finding("timeout", None, question.policy.timeout_seconds)
        elif not worker.answered:
            finding[given.pop(0)[0]] = Finding("crash", None, 0.0)
        # Otherwise earlier answers may have caused it: asked again, first in a new worker.
        if given:
            self._start(1)
            self._workers[-1].give(given)
        return finding

    def close(self) -> None:
        """End the workers, if there are any."""
        while self._workers:
            self._workers.pop().stop()

    def abandon(self) -> None:
        """Let go of workers that belong to the process this one was forked from."""
        while self._workers:
            self._workers.pop().forget()


def _batch(waiting: deque[tuple[int, Question]], most: int) -> list[tuple[int, Question]]:
    """The next questions whose lines fit a pipe together; one at least."""
    batch: list[tuple[int, Question]] = []
    chars = 0
    while waiting and len(batch) < most:
        chars += len(waiting[0][1].line())
        if chars > BATCH_CHARS and batch:
            break
        batch.append(waiting.popleft())
    return batch
