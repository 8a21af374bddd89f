"""Run stages on a Ray cluster: a slot is an actor that holds resources of a node.

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
from typing import Final

from lorr_bench.events import InPassing, Noted, StageEvent
from lorr_bench.plan.stage import Pool, Stage
from lorr_bench.run.executor import Order
from lorr_bench.run.ray.client import ActorSlot
from lorr_bench.run.ray.cluster import connect, living_nodes
from lorr_bench.run.ray.placement import Share, has_room, pool_shares
from lorr_bench.spec.models import Suite
from lorr_bench.store.disk import storage_error
from lorr_bench.store.remote import is_url

STOP_SECONDS: Final = 20.0


@dataclass(frozen=True)
class _News:
    """What became known of a slot.

    Attributes:
        slot: The slot.
        event: Of its stage.
        is_lost: Whether the slot was lost.
        can_move: Whether the stage had not begun, so that another slot can take it at no cost.
    """

    slot: ActorSlot
    event: StageEvent
    is_lost: bool = False
    can_move: bool = False


class RayExecutor:
    """Runs stages on the nodes of a Ray cluster, to which it connects when there is the first one to run.

    Args:
        suite: What says where the cluster is, how many slots there are and what each asks.
        command: The worker to start on the nodes; replaced in tests.
    """

    def __init__(self, suite: Suite, command: Sequence[str] | None = None) -> None:
        self._suite = suite
        self._command = command
        self._shares: dict[Pool, Share] = {}
        self._engines = suite.engine.data_parallel_size
        self._slots: list[ActorSlot] = []
        self._tokens: dict[str, Path] = {}
        self._threads: list[threading.Thread] = []
        self._inbox: queue.Queue[_News] = queue.Queue()

    @property
    def slots(self) -> tuple[ActorSlot, ...]:
        """The slots that are held just now."""
        return tuple(self._slots)

    def draws_apart(self) -> bool:
        """Whether engines have GPUs: where any node of the cluster has one, they are placed on those.

        Raises:
            MissingPackageError: As ``takes``.
            SuiteError: As ``takes``.
        """
        if not self._shares:
            self._connect()
        return self._shares["engine"].gpus > 0

    def takes(self, stage: Stage) -> bool:
        """Whether a slot of the pool is free, or can be had by releasing slots that have long been idle.

        Where nothing runs, the answer is yes: a cluster that is busy with other work, or still grows, will
        have a place.

        Raises:
            MissingPackageError: Ray is not installed.
            SuiteError: No cluster answers at ``execution.address``.
        """
        if not self._shares:
            self._connect()
        busy = [slot for slot in self._slots if slot.order is not None]
        if not self._may_begin(stage.worker_pool, busy):
            return False
        if not busy or self._free(stage.worker_pool) is not None:
            return True
        kept = [slot for slot in self._slots if slot.order is not None or slot.is_warm]
        return has_room(living_nodes(), _held(kept), self._shares[stage.worker_pool])

    def begin(self, order: Order) -> str:
        """Begin a stage, on a slot that is warm if there is one.

        Raises:
            StoreError: The store can't be written.
        """
        token = self._token(order.store)
        slot = self._free(order.stage.worker_pool) or self._open(order.stage.worker_pool)
        slot.order, slot.end_reason = order, ""
        follower = threading.Thread(target=self._follow, args=(slot, order, token), daemon=True)
        follower.start()
        self._threads = [thread for thread in self._threads if thread.is_alive()] + [follower]
        return str(slot)

    def end(self, stage: Stage, reason: str) -> None:
        """End the slot that runs the stage."""
        for slot in self._slots:
            if slot.order is not None and slot.order.stage.digest == stage.digest:
                slot.end_reason = reason
                self._threads.append(slot.end())

    def next_event(self, timeout_seconds: float | None) -> StageEvent | None:
        """The next event of any slot."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                news = self._inbox.get(timeout=left)
            except queue.Empty:
                return None
            if (event := self._event(news)) is not None:
                return event

    def stop(self) -> None:
        """End all slots, and the cluster if it was started here."""
        if not self._shares:
            return
        import ray

        self._shares = {}
        slots, self._slots = self._slots, []
        self._threads += [slot.end() for slot in slots]
        for thread in self._threads:  # Ray must not be shut down under a thread that talks to it
            thread.join(STOP_SECONDS)
        for token in self._tokens.values():
            token.unlink(missing_ok=True)
        ray.shutdown()

    def _connect(self) -> None:
        connect(self._suite.execution.address)
        has_gpus = any(share.gpus > 0 for share in living_nodes().values())
        self._shares = pool_shares(self._suite, has_gpus=has_gpus)
        if not has_gpus:
            self._engines = self._engines or 1

    def _may_begin(self, pool: Pool, busy: Sequence[ActorSlot]) -> bool:
        """Whether the suite lets another stage of the pool run beside those that do."""
        pools = Counter(slot.pool for slot in busy)
        if pool == "grade":
            return pools["grade"] == 0
        workers = self._suite.execution.workers
        if workers is not None and pools["train"] + pools["engine"] >= workers:
            return False
        return pool == "train" or self._engines is None or pools["engine"] < self._engines

    def _free(self, pool: Pool) -> ActorSlot | None:
        """The slot that has worked last, because its engine is warm."""
        free = [slot for slot in self._slots if slot.pool == pool and slot.order is None]
        return max(free, key=lambda slot: slot.idle_since, default=None)

    def _open(self, pool: Pool) -> ActorSlot:
        share = self._shares[pool]
        self._make_room(share)
        taken = {slot.number for slot in self._slots if slot.pool == pool}
        number = next(number for number in range(1, len(taken) + 2) if number not in taken)
        slot = ActorSlot.open(pool, number, share, self._command)
        self._slots.append(slot)
        return slot

    def _make_room(self, share: Share) -> None:
        """Release slots that have nothing to do, the longest idle first, until there is room."""
        nodes = living_nodes()
        idle = sorted((slot for slot in self._slots if slot.order is None), key=lambda slot: slot.idle_since)
        for slot in idle:
            if has_room(nodes, _held(self._slots), share):
                return
            self._slots.remove(slot)
            self._threads.append(slot.end())

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

    def _follow(self, slot: ActorSlot, order: Order, token: str | None) -> None:
        """Bring what a slot has to say to the inbox; in a thread of its own."""
        was_placed, begun = slot.info is not None, False
        try:
            slot.wait_until_placed(lambda text: self._inbox.put(_News(slot, Noted(text))))
            begun = True
            for event in slot.work(order, token):
                self._inbox.put(_News(slot, event))
        except Exception as error:  # noqa: BLE001 - whatever it is, the driver waits for word of the stage
            slot.end().join()
            can_move = was_placed and not begun and not slot.end_reason
            self._inbox.put(_News(slot, slot.explain(order.stage.digest, error), True, can_move))

    def _event(self, news: _News) -> StageEvent | None:
        """The event, unless it is of a slot that was given up, or another slot can take the stage instead."""
        slot, order = news.slot, news.slot.order
        if slot not in self._slots or order is None:
            return None
        if isinstance(news.event, InPassing):
            return news.event
        slot.order, slot.idle_since = None, time.monotonic()
        if news.is_lost:
            self._slots.remove(slot)
        if news.can_move:
            self.begin(order)
            return None
        return news.event


def _held(slots: Sequence[ActorSlot]) -> list[tuple[str | None, Share]]:
    return [(slot.node, slot.share) for slot in slots]
