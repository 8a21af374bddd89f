"""Run stages on this machine: one worker process a slot, each with devices of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from lorr_bench import events
from lorr_bench.events import Alive, Failed, InPassing, StageEvent
from lorr_bench.line_process import LineProcess
from lorr_bench.plan.stage import Pool, Stage
from lorr_bench.run.executor import Order
from lorr_bench.spec.models import Suite

MAX_WORKERS_BY_CORES: Final = 8
SILENCE_SECONDS: Final = 300.0
"""A worker that says nothing for so long, not even that it lives, is ended."""

LONG_NAMED_ALLOCATOR: Final = "PYTORCH_CUDA_ALLOC_CONF"
"""PyTorch's older name of what settings the allocator has."""

QUIET: Final = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "warning",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Slot:
    """A place for one worker process.

    Attributes:
        pool: Which stages it takes.
        number: Counted from 1 within the pool.
        devices: GPUs it uses, as ``CUDA_VISIBLE_DEVICES`` names them; none on a CPU.
        threads: Processor threads of its numerics.
    """

    pool: Pool
    number: int
    devices: tuple[str, ...]
    threads: int

    def __str__(self) -> str:
        """The slot in words."""
        place = f", GPU {' '.join(self.devices)}" if self.devices else ""
        return f"{self.pool} {self.number}{place}"


def make_slots(suite: Suite, gpus: Sequence[str], cores: int) -> tuple[tuple[Slot, ...], int]:
    """The slots of this machine, and how many training and engine stages may run at the same time.

    On GPUs each group of as many as a stage needs is a slot, for training and for engines alike; on the same
    GPU they take turns. On a CPU training has as many slots as workers, and there is one engine. Grading has
    a slot of its own.

    Args:
        suite: How many workers it wants, and how many GPUs its stages need.
        gpus: The GPUs that may be used.
        cores: Processor cores that may be used.
    """
    engine, training = suite.engine, suite.training
    if gpus:
        trainers = _groups(gpus, training.num_processes)
        engines = _groups(gpus, engine.tensor_parallel_size)[: engine.data_parallel_size]
        workers = suite.execution.workers or len(trainers) + len(engines)
    else:
        workers = suite.execution.workers or min(cores, MAX_WORKERS_BY_CORES)
        trainers = [()] * workers
        engines = [()] * (engine.data_parallel_size or 1)
    threads = max(1, cores // workers)
    by_pool: dict[Pool, list[tuple[str, ...]]] = {"engine": engines, "train": trainers, "grade": [()]}
    slots = tuple(
        Slot(pool, number, devices, threads)
        for pool, places in by_pool.items()
        for number, devices in enumerate(places, 1)
    )
    return slots, workers


def _groups(gpus: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Whole groups of so many GPUs; where there are too few, one of all, and the stage says what it lacks."""
    whole = [tuple(gpus[first : first + size]) for first in range(0, len(gpus) - size + 1, size)]
    return whole or [tuple(gpus)]


def worker_environment(own: Mapping[str, str], slot: Slot) -> dict[str, str]:
    """The environment of a worker: quiet libraries, its share of the processors, its GPUs.

    What the user has set wins, except for the GPUs, of which each slot has its own.
    """
    defaults = {**QUIET, "OMP_NUM_THREADS": str(slot.threads)}
    if slot.pool == "train" and slot.devices and LONG_NAMED_ALLOCATOR not in own:
        # Batches differ in length; pieces of memory that can't grow would be left in between. vLLM, whose
        # memory is mapped by itself, would refuse it.
        defaults["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
    if slot.pool == "engine":
        # vLLM would pin its threads to cores that training may be using.
        defaults["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
    devices = {"CUDA_VISIBLE_DEVICES": ",".join(slot.devices)} if slot.devices else {}
    return {**defaults, **own, **devices}


class WorkerProcess(LineProcess):
    """One worker process.

    Args:
        environment: Of the process.
        log: File for what it prints before its first order says another.
        listen: Told what becomes of its stages, from a thread; None when the process has ended.
        command: What to start; replaced in tests.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        listen: Callable[[WorkerProcess, StageEvent | None], None],
        command: Sequence[str] = (sys.executable, "-P", "-m", "lorr_bench.run.worker"),
    ) -> None:
        self._listen_to = listen
        self._heard = time.monotonic()
        super().__init__(command, log, environment)

    def send(self, order: Mapping[str, Any]) -> None:
        """Give it an order."""
        self._heard = time.monotonic()
        self.tell(json.dumps(order))

    def hear(self, line: str | None) -> None:
        """Note that it lives, and pass on what it says of its stage."""
        event = None
        if line is not None:
            self._heard = time.monotonic()
            try:
                event = events.from_dict(json.loads(line))
            except ValueError:  # it was killed within a line
                return
        if not isinstance(event, Alive):
            self._listen_to(self, event)

    @property
    def silent_seconds(self) -> float:
        """How long it has said nothing."""
        return time.monotonic() - self._heard

    def exit_reason(self) -> str:
        """Why it ended."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "its process was killed, most often because memory ran out"
        if code < 0:
            return f"its process ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"


@dataclass
class _Worker:
    """A slot with what sits at it.

    Attributes:
        slot: Which.
        process: Its process, started with its first stage.
        stage: What it is doing.
        end_reason: Why it is being ended by force.
    """

    slot: Slot
    process: WorkerProcess | None = None
    stage: Stage | None = None
    end_reason: str = ""


class LocalExecutor:
    """Runs stages in processes of this machine.

    Args:
        suite: What says how many and on what.
        gpus: GPUs that may be used.
        cores: Processor cores that may be used.
        start: Starts a worker process; replaced in tests.
        silence_seconds: A worker that says nothing for so long is ended.
    """

    def __init__(
        self,
        suite: Suite,
        gpus: Sequence[str],
        cores: int,
        start: Callable[..., WorkerProcess] = WorkerProcess,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        slots, self._at_once = make_slots(suite, gpus, cores)
        self._workers = [_Worker(slot) for slot in slots]
        self._start = start
        self._silence_seconds = silence_seconds
        self._inbox: queue.Queue[tuple[_Worker, WorkerProcess, StageEvent | None]] = queue.Queue()

    def draws_apart(self) -> bool:
        """Whether engines have GPUs."""
        return any(worker.slot.devices for worker in self._workers if worker.slot.pool == "engine")

    def takes(self, stage: Stage) -> bool:
        """Whether a slot of the stage's pool is free, and fewer stages run than may.

        A slot whose GPU is at work for another slot is not free.
        """
        busy = sum(worker.stage is not None for worker in self._workers if worker.slot.pool != "grade")
        return self._free(stage.worker_pool) is not None and (
            stage.worker_pool == "grade" or busy < self._at_once
        )

    def begin(self, order: Order) -> str:
        """Begin a stage, if it can be on a GPU that no other pool wants.

        A process that runs already is preferred, because its engine is warm.
        """
        worker = self._free(order.stage.worker_pool)
        assert worker is not None
        worker.stage = order.stage
        if worker.process is None:
            environment = worker_environment(os.environ, worker.slot)
            worker.process = self._start(environment, order.log, partial(self._hear, worker))
        worker.process.send(order.to_dict())
        return str(worker.slot)

    def end(self, stage: Stage, reason: str) -> None:
        """End the process that runs the stage."""
        for worker in self._workers:
            if (
                worker.stage is not None
                and worker.stage.digest == stage.digest
                and worker.process is not None
            ):
                worker.end_reason = reason
                worker.process.kill()

    def next_event(self, timeout_seconds: float | None) -> StageEvent | None:
        """The next event of any worker; looks for silent workers meanwhile."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            self._end_silent()
            look_again = time.monotonic() + self._silence_seconds / 4
            until = look_again if deadline is None else min(deadline, look_again)
            try:
                worker, process, said = self._inbox.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                if until == deadline:
                    return None
                continue
            if process is worker.process and (event := self._event(worker, said)) is not None:
                return event

    def stop(self) -> None:
        """End all workers."""
        for worker in self._workers:
            if worker.process is not None:
                worker.process.kill()
                worker.process = None
            worker.stage = None

    def _free(self, pool: Pool) -> _Worker | None:
        taken = {gpu for worker in self._workers if worker.stage is not None for gpu in worker.slot.devices}
        free = [
            worker
            for worker in self._workers
            if worker.slot.pool == pool and worker.stage is None and taken.isdisjoint(worker.slot.devices)
        ]
        return min(free, key=lambda worker: (self._wanted(worker), worker.process is None), default=None)

    def _wanted(self, worker: _Worker) -> bool:
        """Whether a GPU of the slot is one of another pool's too, which would have to wait for its turn."""
        return any(
            other.slot.pool != worker.slot.pool
            and not set(other.slot.devices).isdisjoint(worker.slot.devices)
            for other in self._workers
        )

    def _hear(self, worker: _Worker, process: WorkerProcess, event: StageEvent | None) -> None:
        self._inbox.put((worker, process, event))

    def _end_silent(self) -> None:
        for worker in self._workers:
            if worker.stage is not None and worker.process is not None and not worker.end_reason:
                silent = worker.process.silent_seconds
                if silent > self._silence_seconds:
                    worker.end_reason = f"its process did not answer for {silent:.0f} s and was ended"
                    worker.process.kill()

    def _event(self, worker: _Worker, event: StageEvent | None) -> StageEvent | None:
        if event is None:
            return self._lost(worker)
        if isinstance(event, InPassing):
            return event
        worker.stage = None
        if isinstance(event, Failed) and not event.lasting and worker.process is not None:
            worker.process.kill()  # what an unforeseen failure leaves in the memory is not known
            worker.process = None
        return event

    def _lost(self, worker: _Worker) -> StageEvent | None:
        assert worker.process is not None
        stage, reason = worker.stage, worker.end_reason or worker.process.exit_reason()
        worker.process.kill()
        worker.process, worker.stage, worker.end_reason = None, None, ""
        return Failed(stage.digest, reason) if stage is not None else None


def log_file(folder: Path, stage: Stage) -> Path:
    """Where a stage's log lies: its kind and label made safe for a file name, and its digest."""
    words = "".join(letter if letter.isalnum() or letter in "+-." else " " for letter in stage.label)
    return folder.absolute() / stage.kind / f"{'_'.join(words.split())[:80]}.{stage.digest[:8]}.log"
