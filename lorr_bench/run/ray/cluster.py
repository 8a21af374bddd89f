"""The connection to a Ray cluster, and what its nodes have."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from lorr_bench.errors import MissingPackageError, SuiteError
from lorr_bench.run.ray.placement import Share

OBJECT_STORE_BYTES: Final = 128 << 20
"""Of a cluster that is started here; nothing large passes through Ray."""
CONNECT_SECONDS: Final = 10.0


def connect(address: str | None) -> None:
    """Connect this process to a Ray cluster, quietly.

    Args:
        address: As ``ray.init`` takes it; None starts a cluster on this machine.

    Raises:
        MissingPackageError: Ray is not installed.
        SuiteError: No cluster answers, or it runs another version of Ray or Python.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        fix = "Install it: pip install 'lorr-bench[ray]'"
        raise MissingPackageError("Ray is not installed", where="execution.executor", fix=fix) from error
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    try:
        _check_address(address)
        with _own_signals():
            options = own if address is None else {}
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise SuiteError(
            f"no Ray cluster to work with: {error}",
            where="execution.address",
            fix="Start one with `ray start --head`, or leave the address out to use this machine.",
        ) from error
    # Ray prints the last words of nodes that die into the live view; the failed stage says what happened.
    ray._private.worker._worker_logs_enabled = False


def _check_address(address: str | None) -> None:
    """Look whether anybody is at the address; Ray itself would try for minutes.

    Raises:
        OSError: Nobody is.
        ValueError: The address names no port.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS")
    if address not in (None, "auto", "local"):
        host, _, port = address.removeprefix("ray://").rpartition(":")
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep Ray from replacing what this process does when it is asked to end."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def living_nodes() -> dict[str, Share]:
    """What each node of the cluster has in all, by Ray's name of the node."""
    import ray

    return {node["NodeID"]: _share(node["Resources"]) for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]


def _share(resources: Mapping[str, float]) -> Share:
    return Share(resources.get("CPU", 0.0), resources.get("GPU", 0.0), resources.get("memory", 0.0))
