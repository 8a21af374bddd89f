"""A worker process: runs the stages it is sent, one after the other.

It reads one JSON object a line from standard input and answers on the original standard output; everything
that libraries print goes to the log. When standard input ends, the process ends with all its children, so a
killed driver leaves nothing behind.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

from lorr_bench.errors import LorrBenchError, StoreError
from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store, storage_error

PROGRESS_INTERVAL_SECONDS: Final = 0.25
STAGES: Final[dict[Kind, tuple[str, str]]] = {
    "collect": ("lorr_bench.stages.collect", "collect"),
    "refresh": ("lorr_bench.stages.refresh", "refresh"),
    "import_pairs": ("lorr_bench.stages.collect", "import_pairs"),
    "reference": ("lorr_bench.stages.train", "reference"),
    "train": ("lorr_bench.stages.train", "train"),
    "answer_math": ("lorr_bench.stages.answer_math", "answer_math"),
    "grade_math": ("lorr_bench.stages.grade_math", "grade_math"),
    "contamination": ("lorr_bench.stages.contamination", "contamination"),
    "evaluate_general": ("lorr_bench.stages.general", "evaluate_general"),
}


def main() -> None:
    """Entry of ``python -m lorr_bench.run.worker``."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    engines = EngineRoom()
    while True:
        serve(orders.get(), engines, answers)


def _listen(orders: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    os.killpg(0, signal.SIGKILL)


def serve(order: dict[str, Any], engines: EngineRoom, answers: TextIO) -> None:
    """Run one stage and answer with what came of it; no failure ends the worker."""
    stage = Stage.from_dict(order["stage"])
    try:
        seconds = run_stage(
            stage,
            {role: Stage.from_dict(values) for role, values in order["inputs"].items()},
            Store(Path(order["store"])),
            engines,
            _progress(stage, answers),
        )
        answer = {"done": stage.digest, "seconds": seconds}
    except LorrBenchError as error:
        answer = {"failed": stage.digest, "what": error.what, "where": error.where, "fix": error.fix}
    except Exception as error:  # noqa: BLE001 - one arm's failure never stops the others
        traceback.print_exc()
        answer = {
            "failed": stage.digest,
            "what": f"{type(error).__name__}: {error}",
            "where": stage.label,
            "fix": "The log of this run holds the traceback.",
        }
    answers.write(json.dumps(answer) + "\n")


def run_stage(
    stage: Stage,
    inputs: Mapping[str, Stage],
    store: Store,
    engines: EngineRoom,
    progress: Callable[[int, int], None],
) -> float:
    """Run a stage and store its result.

    Returns:
        Seconds it took.

    Raises:
        StoreError: An input is missing or damaged, or the result can't be written.
        LorrBenchError: The stage failed in a way it can explain.
    """
    folders = {role: _checked_input(store, needed) for role, needed in inputs.items()}
    with store.writing(stage) as draft:
        task = Task(stage, folders, draft.folder, store.scratch(stage), engines, progress)
        try:
            outcome = _work(task)
        except OSError as error:
            raise storage_error(error, store.root) from error
        seconds = draft.commit(outcome).wall_seconds
    shutil.rmtree(store.scratch(stage), ignore_errors=True)
    return seconds


def _checked_input(store: Store, stage: Stage) -> Path:
    if store.read(stage, verify=True) is None:
        raise StoreError(
            f"the result of `{stage.label}` is gone or damaged",
            where=str(store.folder(stage)),
            fix="Run the same command again: it is made anew.",
        )
    return store.folder(stage)


def _work(task: Task) -> Outcome:
    """Call the stage; its module is imported here, so that a worker loads only what it needs."""
    module, function = STAGES[task.stage.kind]
    run: Callable[[Task], Outcome] = getattr(importlib.import_module(module), function)
    return run(task)


def _progress(stage: Stage, answers: TextIO) -> Callable[[int, int], None]:
    last = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_INTERVAL_SECONDS:
            last = now
            answers.write(json.dumps({"progress": stage.digest, "of": [done, total]}) + "\n")

    return tell


if __name__ == "__main__":
    main()
