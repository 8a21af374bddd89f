"""A process that is told lines, and tells lines: workers and trackers."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class LineProcess:
    """A process in a session of its own, so that no interrupt of the run reaches it.

    What it says comes to ``hear``, in a thread.

    Args:
        command: Starts it.
        log: File to which what it prints as errors is added.
        environment: Of the process; that of this one by default.
    """

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Number of the process, and of the group of all that it starts."""
        return self._process.pid

    def hear(self, line: str | None) -> None:
        """A line that it said; None when it has ended."""
        raise NotImplementedError

    def tell(self, line: str) -> None:
        """Tell it a line; nothing happens where it has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def finish(self) -> int:
        """Tell it that there is no more, and wait until it has ended and all its lines were heard.

        Returns:
            Its exit code.
        """
        self._close()
        self._listener.join()
        return self._process.wait()

    def kill(self) -> None:
        """End it and everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._close()

    def _close(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.hear(line)
        self.hear(None)
