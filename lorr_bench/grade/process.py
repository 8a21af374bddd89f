"""The parent's end of the grading worker: start, ask in batches, restart, stop."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from lorr_bench.errors import MissingPackageError, StageError

SCRIPT: Final = Path(__file__).with_name("worker.py")
MEMORY_BYTES: Final = 3 << 29  # 1.5 GiB of address space; Math-Verify itself needs about 60 MiB
START_SECONDS: Final = 120.0
# The worker keeps its limit in processor seconds; on the clock it gets this many times as long, and a while.
BUSY_FACTOR: Final = 3.0
GRACE_SECONDS: Final = 2.0
BATCH_CHARS: Final = 30_000  # below a pipe's 64 KiB, so that writing never waits for a slow answer


@dataclass(frozen=True, slots=True)
class Question:
    """A gold answer, the text to judge, and the seconds it may take."""

    gold: str
    text: str
    seconds: float

    def line(self) -> bytes:
        """The request as the worker reads it."""
        return json.dumps({"gold": self.gold, "text": self.text, "seconds": self.seconds}).encode() + b"\n"


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
    """A running Math-Verify process.

    Raises:
        MissingPackageError: Math-Verify is not installed.
        StageError: The process does not start.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # -P keeps the script's folder off the import path
            [sys.executable, "-P", str(SCRIPT), str(os.getpid()), str(MEMORY_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # a forked child must not hold half-written requests
        )
        self._buffer = b""
        self.answered = 0
        self._greet()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def _greet(self) -> None:
        try:
            greeting = self._read(START_SECONDS)
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

    def write(self, questions: Sequence[Question]) -> None:
        """Send a batch; a worker that is already gone shows when its replies are read."""
        assert self._process.stdin is not None
        data = memoryview(b"".join(question.line() for question in questions))
        try:
            while data:
                data = data[os.write(self._process.stdin.fileno(), data) :]
        except BrokenPipeError:
            return

    def read(self, seconds: float) -> Finding:
        """The next reply.

        Args:
            seconds: The limit that the question carried.

        Raises:
            WorkerEndedError: It died, or was killed because it did not keep the limit.
        """
        reply = self._read(seconds * BUSY_FACTOR + GRACE_SECONDS)
        self.answered += 1
        return Finding(reply["reason"], reply["extracted"], reply["seconds"])

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            ready = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]
            if not ready:
                self._process.kill()
                raise WorkerEndedError(timed_out=True)
            chunk = os.read(handle, 1 << 16)
            if not chunk:
                raise WorkerEndedError(timed_out=self._process.wait() == -signal.SIGPROF)
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

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


class Judge:
    """Answers questions through one worker, which it starts when needed and replaces when it dies."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def worker_pid(self) -> int | None:
        """Process id of the running worker, if there is one."""
        return self._worker.pid if self._worker else None

    def ask(self, questions: Sequence[Question]) -> list[Finding]:
        """A finding for each question, in order.

        Raises:
            MissingPackageError: Math-Verify is not installed.
            StageError: The worker does not start.
        """
        findings: list[Finding] = []
        try:
            while len(findings) < len(questions):
                findings += self._ask_batch(_batch(questions, len(findings)))
        except BaseException:
            self.close()  # replies still to come would be taken for those to the next questions
            raise
        return findings

    def _ask_batch(self, batch: Sequence[Question]) -> list[Finding]:
        """Findings for the first questions of a batch: all of them, or those up to the worker's death."""
        worker = self._worker = self._worker or Worker()
        fresh = worker.answered == 0
        worker.write(batch)
        findings: list[Finding] = []
        for question in batch:
            try:
                findings.append(worker.read(question.seconds))
            except WorkerEndedError as ended:
                self.close()
                if ended.timed_out:
                    findings.append(Finding("timeout", None, question.seconds))
                elif fresh and not findings:
                    findings.append(Finding("crash", None, 0.0))
                # Otherwise earlier answers may have caused it: asked again, first in a new worker.
                break
        return findings

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker:
            self._worker.stop()
            self._worker = None

    def abandon(self) -> None:
        """Let go of a worker that belongs to the process this one was forked from."""
        if self._worker:
            self._worker.forget()
            self._worker = None


def _batch(questions: Sequence[Question], start: int) -> Sequence[Question]:
    """The questions from ``start`` whose lines fit a pipe together; one at least."""
    chars = 0
    for stop in range(start, len(questions)):
        chars += len(questions[stop].line())
        if chars > BATCH_CHARS and stop > start:
            return questions[start:stop]
    return questions[start:]
