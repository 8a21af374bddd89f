"""A worker process: runs the stages it is sent, one after the other.

It reads one order a line (``Order.to_dict`` as JSON) from standard input. It answers on the original standard
output, one event a line (``lorr_bench.events.to_dict`` as JSON).
Everything that libraries print goes to the log of the stage. When standard input ends, the process ends with
all its children, so a killed driver leaves nothing behind.
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from lorr_bench import events
from lorr_bench.errors import DiskFullError, DivergedError, LorrBenchError
from lorr_bench.events import Advanced, Alive, Busy, Ended, Entered, Failed, Noted, Spoiled, WorkerEvent
from lorr_bench.outside import keep_secrets_from_output
from lorr_bench.plan.identity.unchanged import Inputs
from lorr_bench.plan.kinds.registry import stage_from_dict
from lorr_bench.plan.stage import Role, Stage
from lorr_bench.stages.task import Clock, EngineRoom, Task
from lorr_bench.stages.training.memory import free_memory, out_of_memory_advice
from lorr_bench.store.disk import storage_error
from lorr_bench.store.lock import HeldError
from lorr_bench.store.record import Outcome, Record
from lorr_bench.store.remote import open_store
from lorr_bench.store.store import Store

PROGRESS_INTERVAL_SECONDS: Final = 0.25
HEARTBEAT_SECONDS: Final = 5.0

_INPUTS: Final = Inputs()


class SpoiledError(Exception):
    """An input of a stage is gone or damaged.

    Attributes:
        stage: The input.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.label)
        self.stage = stage


class EventWriter:
    """Writes events to the driver, a line each, from any thread.

    Args:
        out: Where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def write(self, event: WorkerEvent) -> None:
        """Write an event; a lock keeps heartbeats from falling into the middle of a line."""
        line = json.dumps(events.to_dict(event)) + "\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()


def main() -> None:
    """Entry of ``python -m lorr_bench.run.worker``."""
    writer = EventWriter(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    # From here on file number 1 is the log: libraries print to it, native ones past `sys.stdout`, and one
    # such line among the events could not be told from them.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    keep_secrets_from_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # else what the driver ignores is ignored here
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_orders, args=(orders,), daemon=True).start()
    threading.Thread(target=_send_heartbeats, args=(writer,), daemon=True).start()
    engines = EngineRoom()
    while True:
        order = orders.get()
        print_to(Path(order["log"]))
        serve(order, engines, writer)


def _read_orders(orders: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    # The pipe is closed: the driver has ended, perhaps by SIGKILL. The group holds the engine's processes
    # too, which would go on, and keep the GPU, if only this one ended.
    os.killpg(0, signal.SIGKILL)


def _send_heartbeats(writer: EventWriter) -> None:
    while True:
        time.sleep(HEARTBEAT_SECONDS)
        writer.write(Alive())


def print_to(log: Path) -> None:
    """Let everything that is printed from now on, by native code too, be added to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    os.close(file)


def serve(order: Mapping[str, Any], engines: EngineRoom, writer: EventWriter) -> None:
    """Run one stage and tell what came of it; no failure ends the worker.

    Before it is told, the memory of the GPU is given back: what comes next on it may be another worker's.
    """
    stage = stage_from_dict(order["stage"])
    event = _served(stage, order, engines, writer)
    try:
        engines.rest()
    except Exception as error:  # noqa: BLE001 - the driver ends this process, and finds a result that is there
        traceback.print_exc()
        event = Failed(stage.digest, _unexplained(stage, error))
    if stage.pool == "train":  # what the others load lives in processes of their own, or stays on purpose
        free_memory()
    writer.write(event)


def _served(stage: Stage, order: Mapping[str, Any], engines: EngineRoom, writer: EventWriter) -> WorkerEvent:
    inputs = {role: stage_from_dict(values) for role, values in order["inputs"].items()}

    def notice(text: str) -> None:
        writer.write(Noted(text))

    def entered(part: str) -> None:
        writer.write(Entered(stage.digest, part))

    try:
        store = open_store(order["store"], notice=notice)
        with store.claim(stage):  # another run may have done it meanwhile
            done = store.read(stage) if store.whole(stage) else None
            record = done or run_stage(
                stage,
                inputs,
                store,
                engines,
                parts=[stage_from_dict(values) for values in order.get("parts", ())],
                progress=_progress(stage, writer),
                notice=notice,
                clock=Clock(entered),
            )
        tokens = stage.tokens(record.outcome.metrics, record.outcome.spend)
        return Ended(stage.digest, record.wall_seconds, tokens)
    except HeldError as error:
        return Busy(stage.digest, error.what)
    except SpoiledError as error:
        return Spoiled(stage.digest, error.stage.digest)
    except LorrBenchError as error:
        return _explained(stage, error)
    except Exception as error:  # noqa: BLE001 - one arm's failure never stops the others
        traceback.print_exc()
        return Failed(stage.digest, _unexplained(stage, error))


def _explained(stage: Stage, error: LorrBenchError) -> Failed:
    place = f"{error.where}: " if error.where not in ("", stage.label) else ""
    fix = f". {error.fix}" if error.fix else ""
    return Failed(
        stage.digest,
        f"{place}{error.what}{fix}",
        lasting=not error.may_pass,
        disk_full=isinstance(error, DiskFullError),
        diverged=isinstance(error, DivergedError),
    )


def _unexplained(stage: Stage, error: Exception) -> str:
    advice = out_of_memory_advice(stage, error)
    return f"{type(error).__name__}: {error}. {advice or 'The log of the stage holds the traceback.'}"


def run_stage(
    stage: Stage,
    inputs: Mapping[Role, Stage],
    store: Store,
    engines: EngineRoom,
    *,
    parts: Sequence[Stage] = (),
    progress: Callable[..., None],
    notice: Callable[[str], None],
    clock: Clock | None = None,
) -> Record:
    """Run a stage and store its result.

    Returns:
        Its record.

    Raises:
        SpoiledError: An input is missing or damaged.
        StoreError: The result can't be written.
        LorrBenchError: The stage failed in a way it can explain.
    """
    folders = {role: _checked_input(store, needed) for role, needed in inputs.items()}
    answered = [_checked_input(store, part) for part in parts]
    _INPUTS.check(stage)
    with store.writing(stage) as draft:
        task = Task(
            stage,
            folders,
            draft.folder,
            store.scratch(stage),
            engines,
            progress,
            notice,
            clock or Clock(),
            answered,
        )
        try:
            outcome = _work(task)
        except OSError as error:
            raise storage_error(error, store.root) from error
        _INPUTS.check(stage)  # nothing changed meanwhile either
        record = draft.commit(outcome)
    shutil.rmtree(store.scratch(stage), ignore_errors=True)
    return record


def _checked_input(store: Store, stage: Stage) -> Path:
    if store.read(stage, verify=True) is None or not store.whole(stage):
        raise SpoiledError(stage)
    return store.folder(stage)


def _work(task: Task[Stage]) -> Outcome:
    """Call the stage; its module is imported here, so that a worker loads only what it needs."""
    module, _, function = task.stage.entry_point.partition(":")
    run: Callable[[Task[Stage]], Outcome] = getattr(importlib.import_module(module), function)
    return run(task)


def _progress(stage: Stage, writer: EventWriter) -> Callable[..., None]:
    last = 0.0

    def tell(done: int, total: int, tokens: int = 0) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_INTERVAL_SECONDS:
            last = now
            writer.write(Advanced(stage.digest, done, total, tokens))

    return tell


if __name__ == "__main__":
    main()
