"""A suite on this machine alone, on a Ray cluster of two nodes, and with one node killed: the same results?

    python benchmarks/ray_cluster.py [--suite suites/smoke.yaml] [--work FOLDER]

The head of the cluster runs no stage, as a laptop would; two more nodes with two cores each do the work, all
on this machine. The node that is killed is the one on which the second training run, or a later one, is under
way. The last run keeps its results behind a URL, and each node has a local copy of its own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.events import Advanced, Began, Ended, Event, GivenUp, Noted, Postponed, RunBegan
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.run import suite_run
from lorr_bench.run.driver import RunState
from lorr_bench.run.ray.executor import RayExecutor
from lorr_bench.run.suite_run import Places, run_suite
from lorr_bench.spec.load import LoadedSuite, load_suite
from lorr_bench.store.record import Record
from lorr_bench.store.remote import open_store
from lorr_bench.store.store import Store

NODE: Final[dict[str, Any]] = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
KILLED_RUN = 2  # the second training run
DATED_FILE = "results.json"  # lm-eval's own; holds the time


@dataclass
class Row:
    """A line of the table."""

    name: str
    state: RunState
    killed_after: int | None
    store: Store
    plan: Plan


class Witness:
    """Says what happens, and kills the node of a training run that is under way, if told how."""

    def __init__(self, kill: Callable[[Stage], None] | None = None) -> None:
        self._kill = kill
        self._stages: dict[str, Stage] = {}
        self._training: list[str] = []
        self._ended = 0
        self.killed_after: int | None = None

    def watch(self, event: Event) -> None:
        """Say it, count it, and kill once."""
        match event:
            case RunBegan(plan):
                self._stages = {stage.digest: stage for stage in plan.stages}
            case Began(digest, slot):
                print(f"  {self._ended:3} done; {self._stages[digest].label} on {slot}", flush=True)
                if self._stages[digest].kind == "train":
                    self._training.append(digest)
            case Advanced(digest):
                self._kill_once(digest)
            case Ended():
                self._ended += 1
            case Postponed(digest, reason, delay_seconds):
                again = f"again in {delay_seconds:g} s"
                print(f"  {again}: {self._stages[digest].label}: {reason}", flush=True)
            case GivenUp(digest, reason):
                print(f"  failed: {self._stages[digest].label}: {reason}", flush=True)
            case Noted(text):
                print(f"  {text}", flush=True)

    def _kill_once(self, digest: str) -> None:
        if self._kill and self.killed_after is None and digest in self._training[KILLED_RUN - 1 :]:
            self.killed_after = self._ended
            self._kill(self._stages[digest])


@contextmanager
def two_nodes(caches: Path) -> Iterator[Any]:
    """A cluster whose head runs no stage, and two nodes that do."""
    from ray.cluster_utils import Cluster

    head = {**NODE, "num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for name in ("one", "two"):
            cluster.add_node(**NODE, env_vars={"LORR_BENCH_CACHE": str(caches / name)})
        yield cluster
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


class Killer:
    """Kills the node on which a stage is under way."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._executor: RayExecutor | None = None
        suite_run.make_executor = self._make

    def _make(self, suite: Any, *_: Any) -> RayExecutor:
        self._executor = RayExecutor(suite)
        return self._executor

    def __call__(self, stage: Stage) -> None:
        """Kill the node of this stage."""
        assert self._executor is not None
        (slot,) = (d for d in self._executor.slots if d.order and d.order.stage.digest == stage.digest)
        (node,) = (node for node in self._cluster.worker_nodes if node.node_id == slot.node)
        print(f"  killing the node of `{stage.label}`", flush=True)
        self._cluster.remove_node(node, allow_graceful=False)


def run(name: str, loaded: LoadedSuite, places: Places, witness: Witness) -> Row:
    """Run the suite once."""
    print(name, flush=True)
    store = open_store(places.store, notice=print)
    finished = run_suite(loaded, places, witness.watch, store)
    return Row(name, finished.state, witness.killed_after, store, finished.plan)


def equal(row: Row, local: Row) -> str:
    """How many stages wrote the same files, to the byte, and found the same metrics."""
    same = sum(
        outcome(row.store.read(stage)) == outcome(local.store.read(stage)) for stage in row.plan.stages
    )
    return f"{same}/{len(row.plan.stages)}"


def outcome(record: Record | None) -> Any:
    """Metrics and checksums of a stage; equal to nothing where there is no record."""
    if record is None:
        return object()
    return record.outcome.metrics, {name: sha for name, sha in record.files.items() if name != DATED_FILE}


def main() -> None:
    """Run four times and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", type=Path, default=Path("suites/smoke.yaml"))
    parser.add_argument("--work", type=Path, default=None)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="ray-cluster-"))
    local = Places(work / "local", str(work / "local" / "store"))
    rows = [run("local", load_suite(options.suite), local, Witness())]
    for name, location, is_killed in (
        ("two nodes", str(work / "shared"), False),
        ("two nodes, one killed", str(work / "killed"), True),
        ("two nodes, one killed, file://", f"file://{work}/bucket", True),
    ):
        with two_nodes(work / "caches") as cluster:
            ray = ("execution.executor=ray", f"execution.address={cluster.address}")
            witness = Witness(Killer(cluster) if is_killed else None)
            output = work / name.replace(",", "").replace(" ", "-").replace("://", "")
            rows.append(run(name, load_suite(options.suite, ray), Places(output, location), witness))
    print_table(rows)


def print_table(rows: Sequence[Row]) -> None:
    """One line a run, as Markdown."""
    print("| run | stages | wall seconds | node killed after | retried | failed | equal to local |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        state = row.state
        killed = "" if row.killed_after is None else f"{row.killed_after} stages"
        counts = (
            f"{len(state.ran)} | {state.wall_seconds:.0f} | {killed} | {state.retried} | {len(state.failed)}"
        )
        print(f"| {row.name} | {counts} | {equal(row, rows[0])} |")


if __name__ == "__main__":
    main()
