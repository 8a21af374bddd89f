"""Worker processes as the driver sees them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from lorr_bench.plan.stage import Lane, Stage

QUIET: Final = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "warning",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "PYTHONUNBUFFERED": "1",
}


class Worker:
    """One worker process, started when the first stage is sent to it.

    Args:
        lane: Which stages it takes.
        log: File for everything the process prints.
        inbox: Answers are put here as ``(lane, answer)``; ``(lane, None)`` means that the process ended.
    """

    def __init__(self, lane: Lane, log: Path, inbox: queue.Queue[tuple[Lane, dict[str, Any] | None]]) -> None:
        self.lane = lane
        self.stage: Stage | None = None
        self._log = log
        self._inbox = inbox
        self._process: subprocess.Popen[str] | None = None

    def send(self, stage: Stage, inputs: Mapping[str, Stage], store: Path) -> None:
        """Begin a stage."""
        self.stage = stage
        if self._process is None:
            self._process = self._start()
        order = {
            "stage": stage.to_dict(),
            "inputs": {role: needed.to_dict() for role, needed in inputs.items()},
            "store": str(store),
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it died meanwhile; its reader says so in the inbox
            pass

    def exit_reason(self) -> str:
        """Why the process ended, after ``(lane, None)``; the next stage starts a new one."""
        code = self._wait()
        if code == -signal.SIGKILL:
            return "its process was killed, most often because memory ran out"
        if code < 0:
            return f"its process ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

    def stop(self) -> None:
        """End the process and everything it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._wait()

    def _wait(self) -> int:
        assert self._process is not None
        assert self._process.stdin is not None
        code = self._process.wait()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process = None
        return code

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lorr_bench.run.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=worker_environment(os.environ, self.lane),
                start_new_session=True,
            )
        threading.Thread(target=self._read, args=(process,), daemon=True).start()
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as answers:
            for line in answers:
                self._inbox.put((self.lane, json.loads(line)))
        self._inbox.put((self.lane, None))


def worker_environment(own: Mapping[str, str], lane: Lane) -> dict[str, str]:
    """The environment of a worker: quiet libraries, and processors shared between the lanes.

    Both lanes work at the same time, so each gets half of the cores; what the user has set wins.
    """
    threads = str(max(1, (os.cpu_count() or 2) // 2))
    defaults = {**QUIET, "OMP_NUM_THREADS": threads}
    if lane == "engine":
        # vLLM would pin its threads to cores that training may be using.
        defaults["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
    return {**defaults, **own}
