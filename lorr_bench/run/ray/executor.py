"""Run stages on a Ray cluster: a seat is an actor that holds resources of a node.

What an actor does is in ``lorr_bench.run.ray.actor``, how it is spoken to in ``lorr_bench.run.ray.client``.
Placing one can take long, on a busy cluster or one that grows; only the thread that follows its stage waits.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.plan.stage import Lane, Stage
from lorr_bench.run.executor import Advanced, Event, Noted, Order
from lorr_bench.run.local import event_of
from lorr_bench.run.ray.client import Desk
from lorr_bench.run.ray.cluster import connect, living_nodes
from lorr_bench.run.ray.placement import Share, has_room, lane_shares
from lorr_bench.spec.models import Suite
from lorr_bench.store.disk import storage_error
from lorr_bench.store.remote import is_url

STOP_SECONDS: Final = 20.0


@dataclass(frozen=True)
class _Told:
    """What became known of a seat.

    Attributes:
        desk: The seat.
        answer: As its worker answers, or would.
        is_lost: Whether the seat was lost.
        can_move: Whether the stage had not begun, so that another seat can take it at no cost.
    """

    desk: Desk
    answer: dict[str, Any]
    is_lost: bool = False
    can_move: bool = False


class RayExecutor:
    """Runs stages on the nodes of a Ray cluster, to which it connects when there is the first one to run.

    Args:
        suite: What says where the cluster is, how many seats there are and what each asks.
        command: The worker to start on the nodes; replaced in tests.
    """

    def __init__(self, suite: Suite, command: Sequence[str] | None = None) -> None:
        self._suite = suite
        self._command = command
        self._shares: dict[Lane, Share] = {}
        self._engines = suite.engine.data_parallel_size
        self._desks: list[Desk] = []
        self._tokens: dict[str, Path] = {}
        self._threads: list[threading.Thread] = []
        self._inbox: queue.Queue[_Told] = queue.Queue()

    def takes(self, stage: Stage) -> bool:
        """Whether a seat of the lane is free, or can be had by releasing seats that have long been idle.

        Where nothing runs, the answer is yes: a cluster that is busy with other work, or still grows, will
        have a place.

        Raises:
            MissingPackageError: Ray is not installed.
            SuiteError: No cluster answers at ``execution.address``.
        """
        if not self._shares:
            self._connect()
        busy = [desk for desk in self._desks if desk.order is not None]
        if not self._may_begin(stage.lane, busy):
            return False
        if not busy or self._free(stage.lane) is not None:
            return True
        kept = [desk for desk in self._desks if desk.order is not None or desk.is_warm]
        return has_room(living_nodes(), _held(kept), self._shares[stage.lane])

    def begin(self, order: Order) -> str:
        """Begin a stage, on a seat that is warm if there is one.

        Raises:
            StoreError: The store can't be written.
        """
        token = self._token(order.store)
        desk = self._free(order.stage.lane) or self._open(order.stage.lane)
        desk.order, desk.doom = order, ""
        follower = threading.Thread(target=self._follow, args=(desk, order, token), daemon=True)
        follower.start()
        self._threads = [thread for thread in self._threads if thread.is_alive()] + [follower]
        return str(desk)

    def end(self, stage: Stage, reason: str) -> None:
        """End the seat that runs the stage."""
        for desk in self._desks:
            if desk.order is not None and desk.order.stage.digest == stage.digest:
                desk.doom = reason
                self._threads.append(desk.end())

    def next_event(self, timeout_seconds: float | None) -> Event | None:
        """The next event of any seat."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                told = self._inbox.get(timeout=left)
            except queue.Empty:
                return None
            if (event := self._event(told)) is not None:
                return event

    def stop(self) -> None:
        """End all seats, and the cluster if it was started here."""
        if not self._shares:
            return
        import ray

        self._shares = {}
        desks, self._desks = self._desks, []
        self._threads += [desk.end() for desk in desks]
        for thread in self._threads:  # Ray must not be shut down under a thread that talks to it
            thread.join(STOP_SECONDS)
        for token in self._tokens.values():
            token.unlink(missing_ok=True)
        ray.shutdown()

    def _connect(self) -> None:
        connect(self._suite.execution.address)
        has_gpus = any(share.gpus > 0 for share in living_nodes().values())
        self._shares = lane_shares(self._suite, has_gpus=has_gpus)
        if not has_gpus:
            self._engines = self._engines or 1

    def _may_begin(self, lane: Lane, busy: Sequence[Desk]) -> bool:
        """Whether the suite lets another stage of the lane run beside those that do."""
        lanes = Counter(desk.lane for desk in busy)
        if lane == "grade":
            return lanes["grade"] == 0
        workers = self._suite.execution.workers
        if workers is not None and lanes["train"] + lanes["engine"] >= workers:
            return False
        return lane == "train" or self._engines is None or lanes["engine"] < self._engines

    def _free(self, lane: Lane) -> Desk | None:
        """The seat that has worked last, because its engine is warm."""
        free = [desk for desk in self._desks if desk.lane == lane and desk.order is None]
        return max(free, key=lambda desk: desk.idle_since, default=None)

    def _open(self, lane: Lane) -> Desk:
        share = self._shares[lane]
        self._make_room(share)
        taken = {desk.number for desk in self._desks if desk.lane == lane}
        number = next(number for number in range(1, len(taken) + 2) if number not in taken)
        desk = Desk.open(lane, number, share, self._command)
        self._desks.append(desk)
        return desk

    def _make_room(self, share: Share) -> None:
        """Release seats that have nothing to do, the longest idle first, until there is room."""
        nodes = living_nodes()
        idle = sorted((desk for desk in self._desks if desk.order is None), key=lambda desk: desk.idle_since)
        for desk in idle:
            if has_room(nodes, _held(self._desks), share):
                return
            self._desks.remove(desk)
            self._threads.append(desk.end())

    def _token(self, store: str) -> str | None:
        """A file in the store, by which a node knows that it sees the same folder; None for a URL."""
        if is_url(store):
            return None
        if store not in self._tokens:
            token = Path(store) / f".run-{uuid.uuid4().hex}"
            try:
                token.parent.mkdir(parents=True, exist_ok=True)
                token.touch()
            except OSError as error:
                raise storage_error(error, token) from error
            self._tokens[store] = token
        return str(self._tokens[store])

    def _follow(self, desk: Desk, order: Order, token: str | None) -> None:
        """Bring what a seat has to say to the inbox; in a thread of its own."""
        was_placed, begun = desk.about is not None, False
        try:
            desk.take_place(lambda text: self._inbox.put(_Told(desk, {"event": "Noted", "text": text})))
            begun = True
            for answer in desk.work(order, token):
                self._inbox.put(_Told(desk, answer))
        except Exception as error:  # noqa: BLE001 - whatever it is, the driver waits for word of the stage
            desk.end().join()
            can_move = was_placed and not begun and not desk.doom
            self._inbox.put(_Told(desk, desk.explain(order.stage.digest, error), True, can_move))

    def _event(self, told: _Told) -> Event | None:
        """What was told, as an event; where a seat was lost before its stage began, another takes it."""
        desk, order = told.desk, told.desk.order
        if desk not in self._desks or order is None:
            return None
        event = event_of(told.answer)
        if isinstance(event, Advanced | Noted | None):
            return event
        desk.order, desk.idle_since = None, time.monotonic()
        if told.is_lost:
            self._desks.remove(desk)
        if told.can_move:
            self.begin(order)
            return None
        return event


def _held(desks: Sequence[Desk]) -> list[tuple[str | None, Share]]:
    return [(desk.node, desk.share) for desk in desks]
