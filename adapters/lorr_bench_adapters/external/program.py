"""Run a training program to its end, with its output in a file."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lorr_bench.errors import StageError

SHOWN_LINES: Final = 15
"""Last lines of the log that an error shows."""


def run_program(
    command: Sequence[str],
    *,
    variables: Mapping[str, str],
    log: Path,
    watch: Callable[[], None],
    seconds: float = 0.5,
) -> None:
    """Run a program without a shell; it stays in this process group and ends with it.

    Args:
        command: The program and its arguments.
        variables: Its environment, whole.
        log: File for what it prints.
        watch: Called every so often while it runs, and once after it ended well.
        seconds: How often.

    Raises:
        StageError: It can't be started, or failed; the message holds the end of its log.
    """
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(variables),
            )
        except OSError as error:
            raise StageError(f"the trainer does not start: {error}", where=command[0]) from error
        try:
            while _runs(process, seconds):
                watch()
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise StageError(
            f"the trainer {_ending(process.returncode)}; its last lines:\n{last_lines(log)}",
            where=str(log),
            fix="Mend what these lines name; the next run continues after the last finished replay.",
        )
    watch()


def last_lines(log: Path, count: int = SHOWN_LINES) -> str:
    """The end of a log."""
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-count:])


def _runs(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed, most often because memory ran out"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
