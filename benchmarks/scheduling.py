"""Measure planning, status and scheduling at scale: ``python benchmarks/scheduling.py``, two minutes.

Makes a suite of 5,000 arms (50 methods times 100 plug-ins), and prints

- seconds and peak memory of the commands ``validate``, ``plan`` and ``status`` as a user types them, with
  nothing done and with everything done; each is a process of its own, medians of some repeats;
- seconds that the driver takes for a stage, with an executor that ends every stage at once;
- seconds of a real worker process for a stage, with stages that import one pair each.

``--simulate SUITE`` prints instead how the real driver would run a suite on many GPUs, in simulated time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import simulation
import yaml

from lorr_bench.events import Ended, StageEvent
from lorr_bench.forecast.devices import read_devices
from lorr_bench.plan.identity.origins import file_digest
from lorr_bench.plan.kinds.import_pairs import ImportPairs, ImportPairsParameters, ImportPairsSetting
from lorr_bench.plan.plan import Plan, make_plan
from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.run.driver import Driver, Scope
from lorr_bench.run.executor import Order
from lorr_bench.run.local import LocalExecutor
from lorr_bench.run.retention import Retention
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.spec.load import load_suite
from lorr_bench.store.record import RECORD_FILE, Outcome, Record
from lorr_bench.store.store import Store

METHODS: Final = 50
MIB: Final = 1 << 20
USED: Final = Outcome(spend={"generated_tokens": 1000, "peak_memory_bytes": 1 << 30})
MATH: Final = ("easy", "hard")


def suite_values(arms: int, seeds: int, benchmarks: int) -> dict[str, Any]:
    """A suite with so many arms, as plain values."""
    methods: dict[str, Any] = {"dpo": {"learning_rate": 1e-4, "per_device_train_batch_size": 16}}
    for number in range(1, METHODS):
        methods[f"dpo_{number}"] = {"like": "dpo", "adapter": "dpo", "beta": round(0.1 + number / 1000, 4)}
    plugins: dict[str, Any] = {"plain": {}}
    for number in range(1, arms // METHODS):
        reset = {"factor": round(number / (arms // METHODS), 4)}
        plugins[f"lorr_{number}"] = {"type": "lorr", "replays": 2 + number % 3, "reset": reset}
    math = [
        {"name": f"nano_{split}", "source": f"nano/{split}", "limit": 40, "max_tokens": 56}
        for split in MATH[: benchmarks - 1]
    ]
    return {
        "name": "scale",
        "model": "nano",
        "seeds": list(range(seeds)),
        "data": {"collect": {"source": "nano/train", "num_prompts": 80, "num_samples": 4, "max_tokens": 56}},
        "budget": {"unique_pairs": [16]},
        "methods": methods,
        "plugins": plugins,
        "evaluation": {
            "math": math,
            "general": [{"name": "general", "tasks": ["nano_compare"], "limit": 20}],
        },
        "engine": {"max_model_len": 128},
    }


# --- commands -------------------------------------------------------------------------------------------


def command_cost(words: Sequence[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory in MiB of one command in a process of its own.

    Raises:
        SystemExit: The command failed.
    """
    started = time.perf_counter()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "lorr_bench.cli", *words],
        {**os.environ, "COLUMNS": "120"},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"lorr-bench {' '.join(words)} failed")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MIB


def print_commands(suite: Path, output: Path, repeats: int, stored: str) -> None:
    """Rows of the first table."""
    for command in ("validate", "plan", "status"):
        words = [command, str(suite), *(() if command == "validate" else ("-o", str(output)))]
        costs = [command_cost(words) for _ in range(repeats)]
        seconds, busy, memory = (statistics.median(column) for column in zip(*costs, strict=True))
        print(f"| {command} | {stored} | {seconds:.2f} | {busy:.2f} | {memory:,.0f} |", flush=True)


def finish(plan: Plan, output: Path) -> None:
    """Put records of all stages into the store of an output folder, and their seconds into its journal."""
    store, journal = Store(output / "store"), Journal(output / STATE_FILE, clock=lambda: 0.0)
    for stage in plan.stages:
        record = Record(stage.digest, stage.to_dict(), USED, {}, 0.0, 1.5, {})
        folder = store.folder(stage)
        folder.mkdir(parents=True)
        (folder / RECORD_FILE).write_text(record.to_text(), "utf-8")
        journal.seconds[stage.digest] = 1.5
    journal.save()


# --- scheduling -----------------------------------------------------------------------------------------


class AtOnce:
    """An executor with some slots that ends every stage at once.

    Args:
        slots: How many stages it takes at the same time.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._ended: deque[StageEvent] = deque()

    def draws_apart(self) -> bool:
        """It draws none."""
        return False

    def takes(self, stage: Stage) -> bool:  # noqa: ARG002 - any slot takes any stage
        """Whether a slot is free."""
        return len(self._ended) < self._slots

    def begin(self, order: Order) -> str:
        """Begin and end the stage."""
        json.dumps(order.to_dict())  # as for a process
        self._ended.append(Ended(order.stage.digest, 0.0, 0))
        return "at once"

    def end(self, stage: Stage, reason: str) -> None:
        """Nothing runs that could be ended."""

    def next_event(self, timeout_seconds: float | None) -> StageEvent | None:  # noqa: ARG002 - never waits
        """The next stage that has ended."""
        return self._ended.popleft() if self._ended else None

    def stop(self) -> None:
        """Nothing runs."""


def drive(plan: Any, output: Path, executor: Any, keep: Any) -> float:
    """Run a plan and return its wall seconds.

    Raises:
        SystemExit: A stage failed.
    """
    output.mkdir(parents=True)
    store = Store(output / "store")
    state = Driver(
        plan,
        store,
        executor,
        watcher=lambda _: None,
        journal=Journal(output / STATE_FILE),
        logs=output / "logs",
        execution=load_suite(SMOKE).suite.execution,
        scope=Scope(),
        on_finished=keep,
    ).run()
    if state.failed:
        raise SystemExit(f"stages failed: {state.failed}")
    return state.wall_seconds


class PairImports:
    """A plan of stages that import one pair each: the smallest work that a worker knows.

    Args:
        folder: For the pair.
        count: How many stages.
    """

    def __init__(self, folder: Path, count: int) -> None:
        pair = {"prompt": "p", "chosen": "good", "rejected": "bad"}
        file = folder / "pair.jsonl"
        file.write_text(json.dumps(pair) + "\n", "utf-8")
        self._setting = ImportPairsSetting(source=str(file), unique_pairs=1)
        self._source = file_digest(file, "benchmark")
        self.stages = tuple(map(self._stage, range(count)))

    def _stage(self, seed: int) -> ImportPairs:
        parameters = ImportPairsParameters(
            source=self._source,
            revision=None,
            split="train",
            prompt_column="prompt",
            chosen_column="chosen",
            rejected_column="rejected",
            seed=seed,
        )
        return ImportPairs(label=f"pairs, seed {seed}", parameters=parameters, setting=self._setting)


def print_scheduling(plan: Plan, folder: Path, imports: int) -> None:
    """The second table."""
    print("\n| what runs the stages | stages | seconds | milliseconds a stage |\n|---|---|---|---|")
    keeper = Retention(plan, Store(folder / "at-once" / "store"), plan.suite.execution.keep)
    seconds = drive(plan, folder / "at-once", AtOnce(slots=8), keeper.stage_done)
    print_row("an executor that ends each at once", len(plan.stages), seconds)
    one = load_suite(SMOKE, ["execution.workers=1"]).suite
    warm = drive(PairImports(folder, 1), folder / "start", LocalExecutor(one, (), 1), lambda _: None)
    small = PairImports(folder, imports + 1)
    seconds = drive(small, folder / "imports", LocalExecutor(one, (), 1), lambda _: None)
    print_row("a worker process, its start", 1, warm)
    print_row("a worker process, each further stage with all writes", imports, seconds - warm)


def print_row(what: str, stages: int, seconds: float) -> None:
    """A row of the second table."""
    print(f"| {what} | {stages:,} | {seconds:.2f} | {1000 * seconds / stages:.2f} |", flush=True)


def print_simulation(asked: argparse.Namespace) -> None:
    """How the real driver would run a suite on many GPUs."""
    plan = simulation.shared(make_plan(load_suite(Path(asked.simulate), asked.set), gpu_build=True))
    unknown: dict[Kind, float] = {"evaluate_general": 60.0 * asked.general_minutes}
    devices = read_devices(asked.device)
    seconds = simulation.by_run(asked.run) if asked.run else simulation.by_estimates(plan, devices, unknown)
    worlds = [
        simulation.World(
            workers,
            hours_between_losses=asked.loss_hours,
            request_seconds=asked.request_ms / 1000,
            driver_seconds=asked.driver_ms / 1000,
        )
        for workers in asked.workers
    ]
    with tempfile.TemporaryDirectory(prefix="lorr-bench-simulation-") as name:
        for line in simulation.rows(plan, worlds, seconds, Path(name)):
            print(line, flush=True)
    print(f"\n{simulation.moved(plan)}")


SMOKE: Final = Path(__file__).parents[1] / "suites" / "smoke.yaml"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--arms", type=int, default=5000, help="a multiple of 50")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--benchmarks", type=int, default=2, choices=(2, 3), help="one of them general")
    parser.add_argument("--repeats", type=int, default=5, help="of each command")
    parser.add_argument("--imports", type=int, default=200, help="stages for a real worker process")
    simulated = parser.add_argument_group("simulation")
    simulated.add_argument("--simulate", metavar="SUITE", help="a suite file; prints only this table")
    simulated.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as for `plan`")
    simulated.add_argument("--workers", type=int, nargs="+", default=[8, 64, 1000], help="GPUs, one a row")
    simulated.add_argument("--device", default="h100-80gb", help="as for `plan --devices`")
    simulated.add_argument("--run", type=Path, help="output folder of a run of the suite, to take times from")
    simulated.add_argument("--loss-hours", type=float, default=1000.0, help="of one GPU between two losses")
    simulated.add_argument("--request-ms", type=float, default=30.0, help="of a request to the store")
    simulated.add_argument("--driver-ms", type=float, default=2.0, help="of the driver's work for a stage")
    simulated.add_argument("--general-minutes", type=float, default=20.0, help="of lm-eval's tasks, a model")
    arguments = parser.parse_args()
    if arguments.simulate:
        print_simulation(arguments)
        return
    with tempfile.TemporaryDirectory(prefix="lorr-bench-scheduling-") as name:
        folder = Path(name)
        suite = folder / "scale.yaml"
        values = suite_values(arguments.arms, arguments.seeds, arguments.benchmarks)
        suite.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
        plan = make_plan(load_suite(suite))
        print(f"{len(plan.arms):,} arms, {len(plan.stages):,} stages\n")
        print(
            "| command | stored | seconds | processor seconds | peak memory in MiB |\n|---|---|---|---|---|"
        )
        print_commands(suite, folder / "nothing", arguments.repeats, "nothing")
        finish(plan, folder / "all")
        print_commands(suite, folder / "all", arguments.repeats, "everything")
        print_scheduling(plan, folder, arguments.imports)


if __name__ == "__main__":
    main()
