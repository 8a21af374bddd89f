"""A slot on a node of a Ray cluster: a Ray actor around one ordinary worker process.

The actor holds the resources and passes on what the process says. It is asked again and again, and repeats
what was not heard, so a connection that breaks for a moment loses nothing.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict

from lorr_bench.events import Failed, StageEvent
from lorr_bench.plan.identity.origins import PACKAGE
from lorr_bench.plan.stage import Pool
from lorr_bench.ports.versions import package_version
from lorr_bench.run.local import SILENCE_SECONDS, Slot, WorkerProcess, worker_environment

WORKER: Final = (sys.executable, "-P", "-m", "lorr_bench.run.worker")
LISTEN_SECONDS: Final = 2.0
MAX_LOG_BYTES: Final = 1 << 20
SHARED_FILE_SECONDS: Final = 20.0
"""A network file system may show a new file so much later."""
PATH_SETTINGS: Final = ("model_path", "source", "include_path", "task_start")
"""Settings of stages that may be paths."""


class SlotInfo(TypedDict):
    """What a slot says of itself.

    Attributes:
        version: Of lorr-bench on its node.
        node: Ray's name of the node.
        host: Name of the machine.
        gpus: The GPUs that Ray gave it.
    """

    version: str
    node: str
    host: str
    gpus: list[str]


class SlotNews(TypedDict):
    """What a slot has to tell.

    Attributes:
        events: Of the stage, from the first that was not heard yet.
        log: What the stage printed since.
        read: Bytes of the log that have been read.
    """

    events: list[StageEvent]
    log: str
    read: int


class Request(TypedDict):
    """An order that is sent to another machine.

    Attributes:
        digest: Of the stage.
        order: ``Order.to_dict``; its log is replaced by one on the node.
        package: Where lorr-bench is installed on the machine that sends it.
        token: A file in the store, if that is a folder; the node sees it if it has the same folder.
    """

    digest: str
    order: dict[str, Any]
    package: str
    token: str | None


class NodeSlot:
    """Runs in a Ray actor, several calls at a time.

    Args:
        pool: Which stages it takes.
        number: Counted from 1 within the pool.
        threads: Processor threads of its numerics.
        command: The worker to start; None is the ordinary one of this node. Replaced in tests.
        silence_seconds: A worker that says nothing for so long is ended.
    """

    def __init__(
        self,
        pool: Pool,
        number: int,
        threads: int,
        command: Sequence[str] | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._slot = Slot(pool, number, (), threads)
        self._command = command or WORKER  # of this node's Python, which need not lie where the driver's does
        self._silence_seconds = silence_seconds
        self._logs = Path(tempfile.mkdtemp(prefix="lorr-bench-"))
        self._log = self._logs / "worker.log"
        self._worker: WorkerProcess | None = None
        self._digest = ""
        self._events: list[StageEvent] = []
        self._forgotten = 0
        self._news = threading.Condition()

    def info(self) -> SlotInfo:
        """Where it is, and what it has."""
        import ray

        context = ray.get_runtime_context()
        return SlotInfo(
            version=package_version("lorr-bench"),
            node=context.get_node_id(),
            host=socket.gethostname(),
            gpus=list(context.get_accelerator_ids().get("GPU", [])),
        )

    def begin(self, request: Request, gpus: Sequence[str]) -> None:
        """Begin a stage.

        Args:
            request: What to do.
            gpus: The GPUs that the worker may see.
        """
        self._log.unlink(missing_ok=True)
        self._log = self._logs / f"{request['digest']}.log"
        self._log.touch()
        with self._news:
            self._digest, self._events, self._forgotten = request["digest"], [], 0
        order = relocated(request["order"], request["package"], str(PACKAGE))
        if lack := missing_on_node(order, request["token"]):
            self._tell(Failed(self._digest, lack, lasting=True))
            return
        if self._worker is None:
            self._worker = self._start(gpus)
        self._worker.send({**order, "log": str(self._log)})

    def hear(self, known: int, read: int) -> SlotNews:
        """What happened since; waits a moment for something to happen.

        Args:
            known: How many events of this stage the caller has heard; these are forgotten.
            read: Bytes of the log that the caller has read.
        """
        with self._news:
            del self._events[: known - self._forgotten]
            self._forgotten = known
            self._news.wait_for(lambda: bool(self._events), LISTEN_SECONDS)
            events = list(self._events)
        self._end_silent()
        text, read = read_on(self._log, read)
        return SlotNews(events=events, log=text, read=read)

    def stop(self) -> None:
        """End the worker and everything it started."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
        shutil.rmtree(self._logs, ignore_errors=True)

    def _start(self, gpus: Sequence[str]) -> WorkerProcess:
        own = {**os.environ, "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
        return WorkerProcess(worker_environment(own, self._slot), self._log, self._listen, self._command)

    def _listen(self, worker: WorkerProcess, event: StageEvent | None) -> None:
        if worker is not self._worker:
            return
        if event is None:
            self._drop(worker)
            event = Failed(self._digest, worker.exit_reason())
        elif isinstance(event, Failed) and not event.lasting:
            self._drop(worker)  # what an unforeseen failure leaves in the memory is not known
        self._tell(event)

    def _end_silent(self) -> None:
        worker = self._worker
        if worker is not None and worker.silent_seconds > self._silence_seconds:
            reason = f"its process did not answer for {worker.silent_seconds:.0f} s and was ended"
            self._drop(worker)
            self._tell(Failed(self._digest, reason))

    def _drop(self, worker: WorkerProcess) -> None:
        self._worker = None
        worker.kill()

    def _tell(self, event: StageEvent) -> None:
        with self._news:
            self._events.append(event)
            self._news.notify_all()


def relocated(value: Any, source: str, target: str) -> Any:
    """JSON values in which paths in one folder are paths in another."""
    if isinstance(value, str) and value.startswith(f"{source}/"):
        return target + value[len(source) :]
    if isinstance(value, Mapping):
        return {name: relocated(member, source, target) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [relocated(member, source, target) for member in value]
    return value


def missing_on_node(
    order: Mapping[str, Any], token: str | None, timeout_seconds: float = SHARED_FILE_SECONDS
) -> str:
    """What an order needs that this machine does not have, with what to do; empty where it has everything.

    Args:
        order: ``Order.to_dict``.
        token: A file in the store; None where that is no folder.
        timeout_seconds: How long to wait for the file.
    """
    host = socket.gethostname()
    if token is not None and not _appears(Path(token), timeout_seconds):
        return (
            f"{host} does not see the store {order['store']}. Put it on a path that all nodes share, "
            "or name an object store with --store"
        )
    own = order["stage"]["setting"]
    setting = own["stage"]["setting"] if "stage" in own else own  # of a part that of the whole
    for place in (setting.get(name) for name in PATH_SETTINGS):
        if place is not None and Path(place).is_absolute() and not Path(place).exists():
            return f"{host} has no {place}. Put it on a path that all nodes share"
    return ""


def _appears(file: Path, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not file.exists():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)
    return True


def read_on(log: Path, read: int, max_bytes: int = MAX_LOG_BYTES) -> tuple[str, int]:
    """What was added to a log; of a great deal the end.

    Args:
        log: The file.
        read: Bytes that have been read.
        max_bytes: How much to read at most.

    Returns:
        The text, and how many bytes have been read now.
    """
    with log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = max(read, end - max_bytes)
        file.seek(start)
        text = file.read(end - start).decode("utf-8", "replace")
    return (f"[{start - read} bytes left out]\n{text}" if start > read else text), end
