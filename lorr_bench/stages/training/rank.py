"""One of several processes that train together: ``python -m lorr_bench.stages.training.rank FOLDER``.

``accelerate launch`` starts it. It reads the order from the folder; rank 0 leaves progress and outcome
there, and a rank that fails leaves the reason.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import LorrBenchError, StageError
from lorr_bench.outside import keep_secrets_from_output
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.training.memory import is_out_of_memory
from lorr_bench.store.disk import write_text

ORDER: Final = "order.json"
OUTCOME: Final = "outcome.json"
PROGRESS: Final = "progress.json"
FAILURE: Final = "failure.{rank}.json"
OUT_OF_MEMORY: Final = "out_of_memory.txt"
INTERVAL_SECONDS: Final = 0.25


def main(folder: Path, rank: int) -> int:
    """Do the work of one rank.

    Args:
        folder: Where the order lies.
        rank: Which rank this is, counted from 0.

    Returns:
        The exit code.
    """
    content = json.loads((folder / ORDER).read_text("utf-8"))
    tell = teller(folder / PROGRESS) if rank == 0 else _silent
    try:
        outcome = _work(content["work"])(content["order"], tell)
        if rank == 0:
            _write(folder / OUTCOME, outcome)
        _leave_group()
    except LorrBenchError as error:
        _explain(folder, rank, error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the parent says it
        traceback.print_exc()
        if is_out_of_memory(error):
            (folder / OUT_OF_MEMORY).write_text(f"rank {rank}: {error}", "utf-8")
        _explain(folder, rank, StageError(f"{type(error).__name__}: {error}", where=f"rank {rank}"))
        return 1
    return 0


def teller(file: Path) -> Progress:
    """A function that leaves work done, work in all and tokens in a file, as often as anybody looks."""
    last = float("-inf")

    def tell(done: int, total: int, tokens: int = 0) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= INTERVAL_SECONDS or done == total:
            last = now
            _write(file, [done, total, tokens])

    return tell


def _silent(done: int, total: int, tokens: int = 0) -> None:
    """Ranks other than the first tell nothing."""


def _work(name: str) -> Callable[[dict[str, Any], Progress], dict[str, Any]]:
    module, function = name.split(":")
    work: Callable[[dict[str, Any], Progress], dict[str, Any]] = getattr(
        importlib.import_module(module), function
    )
    return work


def _leave_group() -> None:
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


def _explain(folder: Path, rank: int, error: LorrBenchError) -> None:
    reason = {"kind": type(error).__name__, "what": error.what, "where": error.where, "fix": error.fix}
    _write(folder / FAILURE.format(rank=rank), reason)


def _write(file: Path, content: Any) -> None:
    """For the launcher, which reads it at any moment; all of it is gone with the processes."""
    write_text(file, json.dumps(content), durable=False)


def _end_with(parent: int) -> None:
    """End this process when its launcher is gone; its session is its own, so no signal would reach it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(INTERVAL_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    keep_secrets_from_output()
    _end_with(os.getppid())
    sys.exit(main(Path(sys.argv[1]), int(os.environ["RANK"])))
