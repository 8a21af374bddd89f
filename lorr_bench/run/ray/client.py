"""A slot on a Ray cluster as the driver's process knows it: the other end of ``lorr_bench.run.ray.actor``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import LorrBenchError, StageError
from lorr_bench.events import Failed, InPassing, StageEvent
from lorr_bench.plan.identity.origins import PACKAGE
from lorr_bench.plan.stage import Pool
from lorr_bench.ports.versions import package_version
from lorr_bench.run.executor import Order
from lorr_bench.run.ray.actor import NodeSlot, Request, SlotInfo, SlotNews
from lorr_bench.run.ray.cluster import living_nodes
from lorr_bench.run.ray.placement import Share
from lorr_bench.store.disk import FULL

CALLS_AT_A_TIME: Final = 4
PLACING_SECONDS: Final = 30.0
"""A slot that waits for its place so long says so."""
WARM_SECONDS: Final = 30.0
UNREACHABLE_SECONDS: Final = 60.0
"""How long an actor may be out of reach before it counts as lost; Ray itself says when its node is dead."""
STOP_SECONDS: Final = 5.0


@dataclass(eq=False)
class ActorSlot:
    """A slot of a cluster.

    Attributes:
        pool: Which stages it takes.
        number: Counted from 1 within the pool.
        share: What it holds.
        actor: Ray's handle.
        info: What the slot says of itself; None until it is placed.
        order: What it is doing.
        end_reason: Why it is being ended by force.
        idle_since: When its last stage was over.
        is_ended: Whether it was told to end.
    """

    pool: Pool
    number: int
    share: Share
    actor: Any
    info: SlotInfo | None = None
    order: Order | None = None
    end_reason: str = ""
    idle_since: float = field(default_factory=time.monotonic)
    is_ended: bool = False

    @classmethod
    def open(cls, pool: Pool, number: int, share: Share, command: Sequence[str] | None) -> ActorSlot:
        """A slot that Ray places when it can.

        Args:
            pool: Which stages it takes.
            number: Counted from 1 within the pool.
            share: What it asks of a node.
            command: The worker to start; None is the ordinary one.
        """
        import ray

        actor = ray.remote(NodeSlot).options(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            memory=share.memory_bytes or None,
            max_restarts=0,  # the driver begins a lost stage again, and counts the attempt
            max_concurrency=CALLS_AT_A_TIME,  # `stop` and `info` are answered while `hear` waits
            scheduling_strategy="SPREAD",  # by default Ray packs nodes, and the others would stay idle
        )
        threads = max(1, int(share.cpus))
        return cls(pool, number, share, actor.remote(pool, number, threads, command))

    @property
    def is_warm(self) -> bool:
        """Whether it has been idle for less time than the start of another engine takes."""
        return time.monotonic() - self.idle_since < WARM_SECONDS

    @property
    def node(self) -> str | None:
        """Where it is; None until it is placed."""
        return self.info["node"] if self.info else None

    def __str__(self) -> str:
        """The slot in words."""
        place = f" on {self.info['host']}" if self.info else ""
        gpus = f", GPU {' '.join(self.info['gpus'])}" if self.info and self.info["gpus"] else ""
        return f"{self.pool} {self.number}{place}{gpus}"

    def wait_until_placed(self, note: Callable[[str], None]) -> None:
        """Wait until Ray has placed it; at once where it has.

        Args:
            note: Told when that takes long.

        Raises:
            RayActorError: It can't be started.
            StageError: Its node has another version of lorr-bench, which may do the same stage differently.
        """
        import ray

        if self.info is not None:
            ray.get(self.actor.info.remote())  # is it still there?
            return
        about = self.actor.info.remote()
        if not ray.wait([about], timeout=PLACING_SECONDS)[0]:
            nodes = "; ".join(str(share) for share in living_nodes().values())
            note(f"{self} waits for a node with {self.share} free; the nodes have {nodes or 'nothing'}")
        self.info = ray.get(about)
        own = package_version("lorr-bench")
        if self.info["version"] != own:
            raise StageError(
                f"{self.info['host']} has lorr-bench {self.info['version']}, this machine has {own}",
                fix="Install the same version on all nodes.",
            )

    def work(self, order: Order, token: str | None) -> Iterator[StageEvent]:
        """What the worker says of an order, up to the end of its stage; its log is brought meanwhile.

        Args:
            order: What to do.
            token: A file in the store, if that is a folder.

        Raises:
            RayActorError: The slot was lost.
            OSError: The log can't be written.
        """
        import ray

        assert self.info is not None
        request = Request(digest=order.stage.digest, order=order.to_dict(), package=str(PACKAGE), token=token)
        ray.get(self.actor.begin.remote(request, self.info["gpus"]))
        known = read = 0
        while True:
            heard = self._hear(known, read)
            add_text(order.log, heard["log"])
            known, read = known + len(heard["events"]), heard["read"]
            for event in heard["events"]:
                yield event
                if not isinstance(event, InPassing):
                    return

    def explain(self, digest: str, error: Exception) -> Failed:
        """What became of a stage that can't be followed any more.

        Args:
            digest: Of the stage.
            error: What came in the way.
        """
        from ray.exceptions import RayActorError

        if self.end_reason:
            return Failed(digest, self.end_reason)
        if isinstance(error, RayActorError) and not error.actor_init_failed:
            return Failed(digest, f"{self} was lost: its actor, or the node under it, has died")
        if isinstance(error, RayActorError | LorrBenchError):
            return Failed(digest, str(error), lasting=True)
        full = isinstance(error, OSError) and error.errno in FULL
        return Failed(digest, f"{type(error).__name__}: {error}", disk_full=full)

    def end(self) -> threading.Thread:
        """End the actor and its worker, in the background."""
        self.is_ended = True
        ending = threading.Thread(target=self._end, daemon=True)
        ending.start()
        return ending

    def _hear(self, known: int, read: int) -> SlotNews:
        """Ask for news; a connection that is away for a while is waited for."""
        import ray
        from ray.exceptions import ActorUnavailableError

        deadline = time.monotonic() + UNREACHABLE_SECONDS
        while True:
            try:
                heard: SlotNews = ray.get(self.actor.hear.remote(known, read))
            except ActorUnavailableError:
                if self.is_ended or time.monotonic() >= deadline:
                    raise
                time.sleep(1.0)
            else:
                return heard

    def _end(self) -> None:
        """Let the slot end its worker, which would notice only when it listens; then the actor."""
        import ray

        if self.info is not None:
            with suppress(Exception):
                ray.get(self.actor.stop.remote(), timeout=STOP_SECONDS)
        with suppress(Exception):
            ray.kill(self.actor)


def add_text(log: Path, text: str) -> None:
    """Add to a log on this machine.

    Raises:
        OSError: It can't be written.
    """
    if text:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(text)
